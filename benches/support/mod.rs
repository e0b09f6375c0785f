//! What the benchmarks share: a page of runs, a server that costs little, and a fair comparison.
#![allow(dead_code)]

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A run as a list shows it, with the nulls of a real server.
fn run(number: usize) -> Value {
    json!({
        "workflow": workflow(number),
        "progress": Value::Null,
        "orgId": 7,
        "orgName": "acme",
        "workspaceId": 42,
        "workspaceName": "research",
        "labels": [
            { "id": 3, "name": "project", "value": "atlas", "resource": true, "isDefault": false },
            { "id": 4, "name": "urgent", "value": Value::Null, "resource": false, "isDefault": false }
        ],
        "starred": false,
        "optimized": Value::Null
    })
}

fn workflow(number: usize) -> Value {
    let id = format!("{:x}Wk9Qz{number}", number * 7_919);
    let is_running = number.is_multiple_of(5);
    let mut workflow = json!({
            "id": id,
            "submit": "2026-03-01T09:30:00Z",
            "start": "2026-03-01T09:31:12.483Z",
            "complete": if is_running { Value::Null } else { json!("2026-03-01T11:02:47Z") },
            "dateCreated": "2026-03-01T09:30:00Z",
            "lastUpdated": "2026-03-01T11:02:49.120Z",
            "runName": format!("serene_marten_{number}"),
            "sessionId": "3f0c5a5e-8d0e-4f6e-9f1c-2a7f7b0f6f10",
            "profile": "docker,test",
            "workDir": format!("s3://lab-scratch/nextflow/{id}"),
            "commitId": "d6a30f6c3a9f7e0f4b5d0f4f2a3d7c5b1e8f9a01",
            "userName": "ada",
            "scriptId": "9c1a7b5d3e2f4a6b8c0d1e2f3a4b5c6d",
            "revision": "3.14.0",
            "commandLine": format!("nextflow run https://github.com/nf-core/rnaseq -name serene_marten_{number} -params-file params.json -with-tower -r 3.14.0"),
            "projectName": "nf-core/rnaseq",
            "scriptName": "main.nf",
            "launchId": Value::Null,
            "status": if is_running { "RUNNING" } else { "SUCCEEDED" },
            "requiresAttention": false,
            "configFiles": ["/.nextflow/assets/nf-core/rnaseq/nextflow.config", "/nextflow.config"]});
    let rest = json!({"params": params(),
            "configText": Value::Null,
            "manifest": manifest(),
            "nextflow": { "version": "24.10.4", "build": "5934", "timestamp": "2026-01-20T16:11:00Z" },
            "stats": stats(),
            "errorMessage": Value::Null,
            "errorReport": Value::Null,
            "deleted": Value::Null,
            "projectDir": "/.nextflow/assets/nf-core/rnaseq",
            "homeDir": "/root",
            "container": Value::Null,
            "repository": "https://github.com/nf-core/rnaseq",
            "containerEngine": "docker",
            "scriptFile": "/.nextflow/assets/nf-core/rnaseq/main.nf",
            "launchDir": "/scratch",
            "duration": 5_567_000,
            "exitStatus": if is_running { Value::Null } else { json!(0) },
            "resume": false,
            "success": !is_running,
            "ownerId": 12});
    if let (Value::Object(workflow), Value::Object(rest)) = (&mut workflow, rest) {
        workflow.extend(rest);
    }
    workflow
}

fn params() -> Value {
    json!({
        "input": "s3://lab-data/samplesheet.csv",
        "outdir": "s3://lab-data/results",
        "genome": "GRCh38",
        "skip_fastqc": false,
        "max_cpus": 16,
        "min_mapped_reads": 5.5
    })
}

fn manifest() -> Value {
    json!({
        "nextflowVersion": "!>=23.04.0",
        "defaultBranch": "master",
        "version": "3.14.0",
        "homePage": "https://github.com/nf-core/rnaseq",
        "gitmodules": Value::Null,
        "description": "RNA sequencing analysis pipeline with gene and isoform counts and quality control",
        "name": "nf-core/rnaseq",
        "mainScript": "main.nf",
        "author": "the developers of nf-core/rnaseq",
        "icon": Value::Null
    })
}

fn stats() -> Value {
    json!({
        "computeTimeFmt": "14.2",
        "cachedCount": 0,
        "failedCount": 1,
        "ignoredCount": 0,
        "succeedCount": 187,
        "cachedCountFmt": "0",
        "succeedCountFmt": "187",
        "failedCountFmt": "1",
        "ignoredCountFmt": "0",
        "cachedPct": 0.0,
        "failedPct": 0.5,
        "succeedPct": 99.5,
        "ignoredPct": 0.0,
        "cachedDuration": 0,
        "failedDuration": 62_115,
        "succeedDuration": 51_120_448
    })
}

/// The reply of `GET /workflow` with so many runs.
pub fn page_of_runs(length: usize) -> String {
    let runs: Vec<Value> = (0..length).map(run).collect();
    json!({ "workflows": runs, "totalSize": length, "hasMore": false }).to_string()
}

/// Starts a server in a thread of its own that answers every GET by its target, after a delay.
pub fn serve(
    delay: Duration,
    answer: impl Fn(&str) -> Vec<u8> + Send + Sync + Clone + 'static,
) -> String {
    let (tell, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(format!("http://{}", listener.local_addr().unwrap()))
                .unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, delay, answer.clone()));
            }
        });
    });
    address.recv().unwrap()
}

async fn connection(
    mut stream: TcpStream,
    delay: Duration,
    answer: impl Fn(&str) -> Vec<u8>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut head = Vec::with_capacity(2_048);
    while stream.read_buf(&mut head).await? > 0 {
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        let text = std::str::from_utf8(&head).unwrap();
        let reply = answer(text.split(' ').nth(1).unwrap());
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        stream.write_all(&reply).await?;
        head.clear();
    }
    Ok(())
}

/// A reply with this JSON.
pub fn http_reply(body: &str) -> Vec<u8> {
    let mut reply = Vec::new();
    write!(
        reply,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    reply
}

/// Runs two ways of doing the same by turns, so that whatever else the machine does disturbs both,
/// and prints the throughput of the first relative to the second: the median of the rounds, by the
/// clock and by the time that this thread was on a processor.
pub fn side_by_side(name: &str, rounds: usize, mut ours: impl FnMut(), mut theirs: impl FnMut()) {
    let time = |work: &mut dyn FnMut()| {
        let (begun, before) = (Instant::now(), on_processor());
        work();
        [begun.elapsed().as_secs_f64(), on_processor() - before]
    };
    time(&mut ours);
    time(&mut theirs);
    let rounds: Vec<_> = (0..rounds)
        .map(|round| {
            if round % 2 == 0 {
                let ours = time(&mut ours);
                (ours, time(&mut theirs))
            } else {
                let theirs = time(&mut theirs);
                (time(&mut ours), theirs)
            }
        })
        .collect();
    for (index, measure) in ["clock", "processor"].into_iter().enumerate() {
        let mut ratios: Vec<f64> = rounds
            .iter()
            .map(|(ours, theirs)| theirs[index] / ours[index])
            .collect();
        ratios.sort_by(f64::total_cmp);
        let quartile = |number: usize| ratios[ratios.len() * number / 4];
        println!(
            "{name}, {measure}: {:.3} of the hand-written throughput (middle half {:.3} to {:.3})",
            quartile(2),
            quartile(1),
            quartile(3)
        );
    }
}

/// Seconds that this thread has been running, where the system tells.
fn on_processor() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text
        .split(' ')
        .next()
        .and_then(|text| text.parse::<u64>().ok());
    nanoseconds.unwrap_or_default() as f64 / 1e9
}
