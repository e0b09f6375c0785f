//! The server itself.

use serde_json::json;

use super::Routes;
use crate::call::answer;
use crate::schema::schema;

pub const ROUTES: Routes = &[
    ("Info", |_| {
        answer(json!({ "serviceInfo": {
            "version": "26.1.0-test",
            "apiVersion": schema().version,
            "commitId": "0000000",
            "authTypes": ["openid"],
            "loginPath": "/login",
            "navbar": { "menus": [] },
            "heartbeatInterval": 60,
            "userWorkspaceEnabled": true,
            "allowInstanceCredentials": false,
            "allowLocalRepos": false,
            "allowNextflowCliLogs": true,
            "launchParamsTextMaxSize": 102_400,
            "launchConfigTextMaxSize": 102_400,
            "contentMaxFileSize": 10 << 20,
            "forgePrefix": "TowerForge",
            "evalWorkspaceIds": [],
            "groundswellAllowedWorkspaces": [],
            "waveEnabled": true,
            "groundswellEnabled": false,
            "seqeraCloud": false,
            "seqeraComputeEnabled": false,
            "llmEnabled": false,
        } }))
    }),
    ("NextflowVersions", |_| {
        let version = |version: &str, is_default: bool| {
            json!({
                "version": version,
                "default": is_default,
                "image": format!("nextflow/nextflow:{version}"),
                "imageDind": format!("nextflow/nextflow:{version}-dind"),
            })
        };
        answer(json!({
            "nextflowVersions": [version("25.10.0", true), version("25.04.8", false), version("24.10.9", false)],
            "nextflowVersionSelectionEnabled": true,
            "nextflowVersionPolicyByComputeEnvType": {
                "aws-batch": { "selectable": true, "minVersion": "24.10.0" },
                "google-batch": { "selectable": true, "minVersion": "24.10.0" },
            },
            "nextflowFeatureMinVersions": { "outputDir": "24.10.0" },
        }))
    }),
];
