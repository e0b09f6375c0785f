//! What older versions of the API lack, and hand-written code uses all the same.

use seqera_codegen::document::{Document, graft};
use seqera_codegen::{Tags, generate, needs};

const VENDORED: &str = include_str!("../../seqera-api-latest.yml");

/// The vendored schema without what is added to versions that lack it.
fn older() -> String {
    let mut document = Document::parse(VENDORED).unwrap();
    graft::take_off(&mut document.tree).unwrap();
    document.canonical().unwrap()
}

#[test]
fn what_older_versions_lack_is_added_and_nothing_else_is_needed() {
    let older = older();
    assert!(older.len() < VENDORED.len());
    let output = generate(&older, None, &Tags::All).unwrap();
    assert_eq!(needs::lacking(&output.inventory), []);
    let added = &output.report.grafted;
    for name in [
        "ListDatasetsV2.search",
        "ListPipelineVersions",
        "DataLinkItemType.FUSION_SYMLINK_FILE",
        "WorkflowLaunchRequest.outputDir",
    ] {
        assert!(added.iter().any(|other| other == name), "{name}: {added:?}");
    }
    let vendored = generate(VENDORED, None, &Tags::All).unwrap();
    assert_eq!(vendored.report.grafted, [""; 0]);
    assert_eq!(needs::lacking(&vendored.inventory), []);
}

#[test]
fn subjects_that_older_versions_know_nothing_of_are_added_too() {
    let mut document = Document::parse(VENDORED).unwrap();
    graft::take_off(&mut document.tree).unwrap();
    let paths = document.tree["paths"].as_object_mut().unwrap();
    let subjects = [
        "/agents",
        "/roles",
        "/ssh-keys",
        "/pipelines/{pipelineId}/versions",
    ];
    paths.retain(|path, _| !subjects.iter().any(|subject| path.starts_with(subject)));
    let output = generate(&document.canonical().unwrap(), None, &Tags::All).unwrap();
    assert_eq!(needs::lacking(&output.inventory), []);
}

#[test]
fn what_is_added_nowhere_is_lacking_by_name_and_type() {
    let lacking = |from: &str, to: &str| -> Vec<String> {
        assert!(VENDORED.contains(from), "{from}");
        let output = generate(&VENDORED.replace(from, to), None, &Tags::All).unwrap();
        let lacking = needs::lacking(&output.inventory);
        lacking.into_iter().map(|lack| lack.name).collect()
    };
    let without = lacking(
        "operationId: DescribeWorkflow\n",
        "operationId: WorkflowShow\n",
    );
    assert!(
        without.iter().any(|name| name == "DescribeWorkflow"),
        "{without:?}"
    );
    let of_another_type = lacking(
        "runName:\n          type: string",
        "runName:\n          type: integer",
    );
    assert!(
        of_another_type
            .iter()
            .any(|name| name.ends_with(".run_name")),
        "{of_another_type:?}"
    );
}
