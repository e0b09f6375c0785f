//! Datasets by name: what is sent, what is refused before, what is cleaned up.
#![cfg(feature = "transfers")]

mod support;

use bytes::Bytes;
use seqera::mock::MockApi;
use seqera::mock::httpmock::Mock;
use seqera::types::{
    CreateDatasetRequest, CreateDatasetResponse, DatasetInfo, DatasetVersion,
    UploadDatasetVersionResponse,
};
use seqera::{DatasetHeader, ErrorKind, Id, Upload};
use seqera_test_platform::{WORKSPACE, WORKSPACE_ID};
use support::laboratory;

const SHEET: &str = "sample,fastq_1\nA,a.fq.gz\n";

fn sheet() -> Upload {
    Upload::from_bytes(SHEET).file_name("sheet.csv")
}

#[tokio::test]
async fn a_dataset_is_made_extended_and_downloaded_by_name() {
    let (_platform, client) = laboratory().await;
    let dataset = client.dataset("of a test").workspace(WORKSPACE);
    let upload = dataset.upload(sheet()).description("one row");
    let first = tokio::spawn(upload.send()).await.unwrap().unwrap();
    assert_eq!(first.version, Some(1));
    assert_eq!(first.has_header, Some(true), "told from the file");
    assert_eq!(first.media_type.as_deref(), Some("text/csv"));

    let error = dataset.upload(sheet()).send().await.unwrap_err();
    assert!(error.is_conflict(), "{error}");
    assert!(error.message().ends_with("add a version to it"), "{error}");
    assert!(dataset.download().send().await.is_ok(), "and left alone");

    let tsv = Upload::from_bytes("B\t2\n").file_name("more.tsv");
    let second = dataset.upload(tsv).add_version(true).header(true);
    let second = second.send().await.unwrap();
    assert_eq!((second.version, second.has_header), (Some(2), Some(true)));

    let latest = dataset.download().send().await.unwrap();
    assert_eq!(latest.bytes().await.unwrap(), "B\t2\n");
    let folder = support::folder("datasets");
    let copy = folder.join("copy.csv");
    let bytes = dataset.download().version(1).to_file(&copy).await.unwrap();
    assert_eq!(std::fs::read_to_string(&copy).unwrap(), SHEET);
    assert_eq!(bytes, SHEET.len() as u64);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "no .part");

    let error = dataset.download().version(9).send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(
        error.message(),
        "dataset `of a test` has no version 9: it has [1, 2]"
    );
    let by_id = Id(second.dataset_id.unwrap());
    let third = client.dataset(by_id).workspace(WORKSPACE).upload(sheet());
    assert_eq!(third.send().await.unwrap().version, Some(3));
    let near = client.dataset("of a tes").workspace(WORKSPACE_ID);
    let error = near.download().send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(
        error
            .message()
            .contains("is named `of a tes`: is it `of a test` (id "),
        "{error}"
    );
}

#[tokio::test]
async fn what_the_server_would_refuse_is_not_sent() {
    let api = MockApi::start().await;
    let client = api.client();
    let large = || vec![b'a'; (10 << 20) + 1];
    let path = support::folder("large").join("large.csv");
    std::fs::write(&path, large()).unwrap();
    let chunks = futures_util::stream::iter([Ok(Bytes::from(large()))]);
    let table = [
        (
            Upload::from_bytes(large()).file_name("a.csv"),
            "larger than",
        ),
        (Upload::from_path(&path), "larger than"),
        (
            Upload::from_stream(chunks, None).file_name("a.csv"),
            "larger than",
        ),
        (Upload::from_bytes("").file_name("a.csv"), "empty"),
        (Upload::from_bytes("x").file_name("a.xlsx"), "CSV or TSV"),
        (Upload::from_path("no/such.csv"), "no/such.csv"),
    ];
    for (upload, expected) in table {
        let error = client.dataset("d").upload(upload).send().await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(api.unexpected(), [""; 0]);
}

/// Takes the new dataset `d` as `d1`.
async fn mock_creation(api: &MockApi, workspace: Option<i64>) -> Mock<'_> {
    let create = api.create_dataset_v2(|when, then| {
        when.workspace_id(workspace)
            .body(CreateDatasetRequest::new().name("d"));
        then.ok(CreateDatasetResponse::new().dataset(DatasetInfo::new().id("d1")))
    });
    create.await
}

#[tokio::test]
async fn an_empty_dataset_is_deleted_or_reported() {
    for deleted in [true, false] {
        let api = MockApi::start().await;
        let create = mock_creation(&api, None).await;
        let upload = api.upload_dataset_v2(|when, then| {
            when.dataset_id("d1").header(true).file(SHEET);
            then.bad_request("not a table")
        });
        let upload = upload.await;
        let delete = api.delete_dataset_v2(|when, then| {
            when.dataset_id("d1").workspace_id(None::<i64>);
            match deleted {
                true => then.no_content(),
                false => then.forbidden(""),
            }
        });
        let delete = delete.await;
        let call = api.client().dataset("d").upload(sheet());
        let error = call.send().await.unwrap_err();
        assert_eq!(error.status().unwrap(), 400, "the first failure counts");
        if deleted {
            assert_eq!(error.message(), "not a table");
        } else {
            let left = "the new dataset d (d1) remains";
            assert!(error.message().contains(left), "{error}");
        }
        for mock in [create, upload, delete] {
            mock.assert();
        }
    }
}

#[tokio::test]
async fn an_upload_whose_reply_was_lost_is_looked_for() {
    let (platform, client) = laboratory().await;
    let upload = async |name: &str| {
        let dataset = client.dataset(name).workspace(WORKSPACE);
        dataset.upload(sheet()).send().await
    };
    platform.act_then_break("UploadDatasetV2", 1);
    let version = upload("arrived").await.unwrap();
    assert_eq!(version.version, Some(1));
    assert_eq!(support::count_of(&platform, "DELETE"), 0);

    platform.clear_calls();
    platform.break_next("UploadDatasetV2", 1);
    let error = upload("lost").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    let calls = platform.received();
    let uploads = calls
        .iter()
        .filter(|call| call.operation.as_deref() == Some("UploadDatasetV2"));
    assert_eq!(uploads.count(), 1, "never twice");
    assert_eq!(
        calls.last().unwrap().operation.as_deref(),
        Some("DeleteDatasetV2")
    );
    // The name is free again.
    upload("lost").await.unwrap();
}

#[tokio::test]
async fn the_header_is_an_option() {
    for (header, expected) in [
        (DatasetHeader::Auto, true),
        (true.into(), true),
        (false.into(), false),
    ] {
        let api = MockApi::start().await;
        let create = mock_creation(&api, Some(7)).await;
        let upload = api.upload_dataset_v2(|when, then| {
            when.dataset_id("d1")
                .workspace_id(7)
                .header(expected)
                .file(SHEET);
            let version = DatasetVersion::new().version(1);
            then.ok(UploadDatasetVersionResponse::new().version(version))
        });
        let upload = upload.await;
        let client = api.client();
        let call = client.dataset("d").workspace(7).upload(sheet());
        assert_eq!(call.header(header).send().await.unwrap().version, Some(1));
        create.assert();
        upload.assert();
    }
}
