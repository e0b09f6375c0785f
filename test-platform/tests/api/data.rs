//! Datasets, data links and the object store.

use std::time::Duration;

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use seqera_test_platform::{TestPlatform, WORKSPACE_ID};
use serde_json::{Value, json};

use crate::client::{Api, checked, of_workspace, texts};

async fn upload(api: &Api, dataset: &str, part: Part, status: u16) -> Value {
    let path = of_workspace(&format!("/datasets/{dataset}/upload?header=true"));
    let form = Form::new().part("file", part);
    let reply = api
        .request(Method::POST, &path)
        .multipart(form)
        .send()
        .await
        .unwrap();
    checked(Method::POST, &path, reply, status).await
}

#[tokio::test]
async fn a_dataset_is_created_filled_and_read() {
    let api = Api::start().await;
    let new = json!({ "name": "of-a-test", "description": "two rows" });
    let created = api.post(&of_workspace("/datasets"), new.clone()).await;
    api.refused(Method::POST, &of_workspace("/datasets"), Some(new), 409)
        .await;
    let id = created["dataset"]["id"].as_str().unwrap();
    let content = "sample,fastq\nA,a.fq\n";
    for number in 1..=2 {
        let part = Part::text(content)
            .file_name("sheet.csv")
            .mime_str("text/csv")
            .unwrap();
        let version = upload(&api, id, part, 200).await["version"].take();
        assert_eq!(
            (&version["version"], &version["hasHeader"]),
            (&json!(number), &json!(true))
        );
        assert_eq!(version["fileSize"], content.len());
        let read = api.http.get(version["url"].as_str().unwrap());
        let read = read.bearer_auth(api.platform.token()).send().await.unwrap();
        assert_eq!(
            read.text().await.unwrap(),
            content,
            "by the version's own URL"
        );
        let path = format!("/datasets/{id}/v/{number}/n/sheet.csv");
        let read = api
            .request(Method::GET, &of_workspace(&path))
            .send()
            .await
            .unwrap();
        assert_eq!(read.text().await.unwrap(), content);
    }
    let versions = api
        .get(&of_workspace(&format!("/datasets/{id}/versions")))
        .await;
    assert_eq!(versions["totalSize"], 2);
    let older = format!("/workspaces/{WORKSPACE_ID}/datasets/{id}/versions");
    assert_eq!(api.get(&older).await["versions"], versions["versions"]);
    let described = api
        .get(&of_workspace(&format!(
            "/datasets/{id}/metadata?attributes=labels"
        )))
        .await;
    assert_eq!(described["dataset"]["version"], 2);
    api.call(
        Method::DELETE,
        &of_workspace(&format!("/datasets/{id}")),
        None,
        204,
    )
    .await;
    api.refused(
        Method::GET,
        &of_workspace(&format!("/datasets/{id}/metadata")),
        None,
        404,
    )
    .await;
}

#[tokio::test]
async fn datasets_are_listed_by_both_paths() {
    let api = Api::start().await;
    let newer = api.get(&of_workspace("/datasets?attributes=labels")).await;
    let older = api
        .get(&format!("/workspaces/{WORKSPACE_ID}/datasets"))
        .await;
    assert_eq!(newer, older);
    assert_eq!(
        texts(&newer["datasets"], "name"),
        ["germline-cohort", "rnaseq-batch-01"]
    );
    let latest = api
        .get(&of_workspace("/datasets/versions?mimeType=text/csv"))
        .await;
    assert_eq!(latest["versions"][0]["version"], 2);
    assert_eq!(
        api.get(&of_workspace("/datasets/versions?mimeType=text/plain"))
            .await["totalSize"],
        0
    );
}

#[tokio::test]
async fn what_is_no_table_or_too_large_is_refused() {
    let api = Api::start().await;
    let created = api
        .post(&of_workspace("/datasets"), json!({ "name": "limits" }))
        .await;
    let id = created["dataset"]["id"].as_str().unwrap();
    let of_size = |size| Part::bytes(vec![b'a'; size]).file_name("a.tsv");
    upload(&api, id, Part::text("x").file_name("photo.jpg"), 400).await;
    upload(&api, id, of_size(0), 400).await;
    upload(&api, id, of_size((10 << 20) + 1), 400).await;
    let version = upload(&api, id, of_size(10 << 20), 200).await;
    assert_eq!(version["version"]["mediaType"], "text/tab-separated-values");
}

#[tokio::test]
async fn a_linked_dataset_lies_in_the_store() {
    let api = Api::start().await;
    let list = api.get(&of_workspace("/datasets?search=germline")).await;
    let id = list["datasets"][0]["id"].as_str().unwrap();
    let path = of_workspace(&format!("/datasets/{id}/v/1/n/germline-cohort.csv"));
    // reqwest follows the redirect and leaves the token behind.
    let read = api.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(read.status(), 200);
    assert!(!read.url().as_str().starts_with(api.platform.endpoint()));
    assert!(read.text().await.unwrap().starts_with("sample,fastq_1"));
}

/// The path of the one data link.
async fn data_link(api: &Api) -> String {
    let list = api
        .get(&of_workspace("/data-links?search=sequencing"))
        .await;
    let path = format!(
        "/data-links/{}",
        list["dataLinks"][0]["id"].as_str().unwrap()
    );
    assert_eq!(
        api.get(&of_workspace(&path)).await["dataLink"],
        list["dataLinks"][0]
    );
    path
}

#[tokio::test]
async fn a_data_link_is_browsed_in_pages() {
    let api = Api::start().await;
    let link = data_link(&api).await;
    let root = api.get(&of_workspace(&format!("{link}/browse"))).await;
    assert_eq!(
        texts(&root["objects"], "name"),
        [
            "README.md",
            "raw/",
            "reference/",
            "results/",
            "samplesheets/"
        ]
    );
    assert!(root["nextPageToken"].is_null());
    for folder in ["raw/flowcell-07", "raw%2Fflowcell-07%2F"] {
        let mut names = Vec::new();
        let mut token = String::new();
        loop {
            let path = format!("{link}/browse/{folder}?pageSize=50{token}");
            let page = api.get(&of_workspace(&path)).await;
            names.extend(
                texts(&page["objects"], "name")
                    .into_iter()
                    .map(str::to_owned),
            );
            match page["nextPageToken"].as_str() {
                Some(next) => token = format!("&nextPageToken={next}"),
                None => break,
            }
        }
        assert_eq!(names.len(), 120);
        assert!(names.is_sorted());
    }
    let found = api
        .get(&of_workspace(&format!(
            "{link}/browse/raw/flowcell-07?search=SAMPLE_007"
        )))
        .await;
    assert_eq!(found["objects"].as_array().unwrap().len(), 2);
    api.refused(
        Method::GET,
        &of_workspace(&format!("{link}/browse/nowhere")),
        None,
        404,
    )
    .await;
    let tree = api
        .get(&of_workspace(&format!(
            "{link}/browse-tree?paths=samplesheets/&paths=README.md"
        )))
        .await;
    assert_eq!(tree["items"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn a_presigned_url_serves_ranges_and_no_token() {
    let api = Api::start().await;
    let link = data_link(&api).await;
    let name = "samplesheets/archive/batch%2000%20(trial).csv";
    let direct = of_workspace(&format!("{link}/download/{name}"));
    let whole = api
        .request(Method::GET, &direct)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let path = of_workspace(&format!("{link}/generate-download-url?filePath={name}"));
    let url = api.get(&path).await["url"].as_str().unwrap().to_owned();

    let plain = api.http.get(&url).send().await.unwrap();
    assert_eq!(plain.status(), 200);
    assert!(plain.headers().contains_key("etag"));
    assert_eq!(plain.text().await.unwrap(), whole);
    let last = whole.len() - 1;
    for (range, status, expected) in [
        ("bytes=0-5", 206, &whole[..6]),
        ("bytes=7-", 206, &whole[7..]),
        ("bytes=-4", 206, &whole[whole.len() - 4..]),
        ("bytes=5-99999", 206, &whole[5..]),
        ("bytes=99999-", 416, ""),
        ("lines=1-2", 200, &whole[..=last]),
    ] {
        let part = api
            .http
            .get(&url)
            .header("range", range)
            .send()
            .await
            .unwrap();
        assert_eq!(part.status(), status, "{range}");
        assert_eq!(part.text().await.unwrap(), expected, "{range}");
    }
    let with_token = api
        .http
        .get(&url)
        .bearer_auth(api.platform.token())
        .send()
        .await
        .unwrap();
    assert_eq!(with_token.status(), 400);
    let unsigned = api
        .http
        .get(url.split('?').next().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(unsigned.status(), 403);
    let other_object = url.replace("batch%2000", "batch%2001");
    assert_eq!(
        api.http.get(other_object).send().await.unwrap().status(),
        403
    );
    let missing = of_workspace(&format!("{link}/generate-download-url?filePath=none"));
    api.refused(Method::GET, &missing, None, 404).await;
}

#[tokio::test]
async fn an_upload_appears_when_it_is_finished() {
    let api = Api::start().await;
    let link = data_link(&api).await;
    let content = "sample,fastq\nB,b.fq\n";
    let begin = async || {
        let body = json!({ "fileName": "new.csv", "contentType": "text/csv", "contentLength": content.len() });
        api.post(
            &of_workspace(&format!("{link}/upload/incoming/today")),
            body,
        )
        .await
    };
    let finish = of_workspace(&format!("{link}/upload/finish/incoming/today"));
    let end = |upload: &Value, etag: &str, with_error: bool| {
        json!({
            "uploadId": upload["uploadId"],
            "fileName": "new.csv",
            "tags": [{ "partNumber": 1, "eTag": etag }],
            "withError": with_error,
        })
    };

    let aborted = begin().await;
    api.call(Method::POST, &finish, Some(end(&aborted, "", true)), 200)
        .await;
    let url = aborted["uploadUrls"][0].as_str().unwrap();
    assert_eq!(
        api.http
            .put(url)
            .body(content)
            .send()
            .await
            .unwrap()
            .status(),
        404
    );

    let upload = begin().await;
    assert_eq!(upload["uploadUrls"].as_array().unwrap().len(), 1);
    api.refused(
        Method::POST,
        &finish,
        Some(end(&upload, "early", false)),
        400,
    )
    .await;
    let url = upload["uploadUrls"][0].as_str().unwrap();
    let with_token = api
        .http
        .put(url)
        .bearer_auth(api.platform.token())
        .body(content);
    assert_eq!(with_token.send().await.unwrap().status(), 400);
    let part = api.http.put(url).body(content).send().await.unwrap();
    let etag = part.headers()["etag"].to_str().unwrap();
    api.refused(
        Method::POST,
        &finish,
        Some(end(&upload, "wrong", false)),
        400,
    )
    .await;
    let browse = of_workspace(&format!("{link}/browse/incoming/today"));
    api.refused(Method::GET, &browse, None, 404).await;
    let empty = api
        .call(Method::POST, &finish, Some(end(&upload, etag, false)), 200)
        .await;
    assert!(empty.is_null());
    assert_eq!(
        texts(&api.get(&browse).await["objects"], "name"),
        ["new.csv"]
    );
    let read = of_workspace(&format!("{link}/download/incoming/today/new.csv"));
    let read = api.request(Method::GET, &read).send().await.unwrap();
    assert_eq!(read.text().await.unwrap(), content);
}

#[tokio::test]
async fn a_large_upload_has_a_url_for_each_part() {
    let api = Api::start().await;
    let link = data_link(&api).await;
    for (length, parts) in [
        (0u64, 1),
        (250 << 20, 1),
        ((250 << 20) + 1, 2),
        (1 << 30, 5),
    ] {
        let body = json!({ "fileName": "large.bam", "contentLength": length });
        let upload = api
            .post(&of_workspace(&format!("{link}/upload")), body)
            .await;
        assert_eq!(
            upload["uploadUrls"].as_array().unwrap().len(),
            parts,
            "{length}"
        );
    }
}

#[tokio::test]
async fn parts_are_joined_in_order() {
    let api = Api::start().await;
    let link = data_link(&api).await;
    // The store asks for no least size of a part, so that this test need not send 250 MiB.
    let body = json!({ "fileName": "two-parts.txt", "contentLength": (250 << 20) + 1 });
    let upload = api
        .post(&of_workspace(&format!("{link}/upload")), body)
        .await;
    let mut tags = Vec::new();
    for (number, content) in [(2, "second"), (1, "first ")] {
        let url = upload["uploadUrls"][number - 1].as_str().unwrap();
        let part = api.http.put(url).body(content).send().await.unwrap();
        let etag = part.headers()["etag"].to_str().unwrap().to_owned();
        tags.push(json!({ "partNumber": number, "eTag": etag }));
    }
    let finish = of_workspace(&format!("{link}/upload/finish"));
    let end = |tags: &[Value]| json!({ "uploadId": upload["uploadId"], "fileName": "two-parts.txt", "tags": tags });
    api.refused(Method::POST, &finish, Some(end(&tags)), 400)
        .await;
    api.refused(Method::POST, &finish, Some(end(&tags[1..])), 400)
        .await;
    tags.reverse();
    api.call(Method::POST, &finish, Some(end(&tags)), 200).await;
    let read = of_workspace(&format!("{link}/download/two-parts.txt"));
    let read = api.request(Method::GET, &read).send().await.unwrap();
    assert_eq!(read.text().await.unwrap(), "first second");
}

#[tokio::test]
async fn a_finished_upload_may_be_an_object_later() {
    let slow = TestPlatform::builder()
        .finish_uploads_after(Duration::from_secs(5))
        .calls_per_second(None);
    let api = Api::of(slow.clock_at("2026-01-01T00:00:00Z")).await;
    let link = data_link(&api).await;
    let body = json!({ "fileName": "late.txt", "contentLength": 4 });
    let upload = api
        .post(&of_workspace(&format!("{link}/upload/late")), body)
        .await;
    let url = upload["uploadUrls"][0].as_str().unwrap();
    let part = api.http.put(url).body("late").send().await.unwrap();
    let etag = part.headers()["etag"].to_str().unwrap().to_owned();
    let end = json!({
        "uploadId": upload["uploadId"],
        "fileName": "late.txt",
        "tags": [{ "partNumber": 1, "eTag": etag }],
    });
    let finish = of_workspace(&format!("{link}/upload/finish/late"));
    api.call(Method::POST, &finish, Some(end), 202).await;
    let browse = of_workspace(&format!("{link}/browse/late"));
    api.refused(Method::GET, &browse, None, 404).await;
    api.platform.advance(Duration::from_secs(5));
    assert_eq!(
        texts(&api.get(&browse).await["objects"], "name"),
        ["late.txt"]
    );
}
