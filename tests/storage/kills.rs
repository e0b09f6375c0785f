//! Transfers whose process is killed.

use super::*;

/// The variables by which a child learns what to do: `download` or `upload`, the endpoint, the file.
const CHILD: [&str; 3] = [
    "SEQERA_STORAGE_TASK",
    "SEQERA_STORAGE_ENDPOINT",
    "SEQERA_STORAGE_FILE",
];

pub fn transfer_in_child(task: &str, platform: &Platform, file: &Path) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "kills::child", "--ignored", "--nocapture"]);
    let values = [task, &platform.server.address, file.to_str().unwrap()];
    child.envs(CHILD.into_iter().zip(values));
    child.stdout(Stdio::piped()).spawn().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by the test of killed transfers, to be killed"]
async fn child() {
    // Among all the ignored tests it has nothing to do.
    let Ok(task) = std::env::var(CHILD[0]) else {
        return;
    };
    let [endpoint, file] = [CHILD[1], CHILD[2]].map(|name| std::env::var(name).unwrap());
    let files = data_link(&endpoint, if task == "upload" { PART } else { MIB });
    match &*task {
        "upload" => files.upload_file(file, "x.bam").await,
        _ => files.download_file("x.bam", file).await,
    }
    .unwrap();
    println!("<<done>>");
}

/// Lets a child transfer until so much has passed, and kills it.
pub async fn kill_at(mut child: Child, passed: &AtomicU64, at: u64) {
    let begun = Instant::now();
    while passed.load(Ordering::SeqCst) < at {
        if child.try_wait().unwrap().is_some() {
            let output = child.wait_with_output().unwrap();
            panic!(
                "it ended before {at}: {}",
                String::from_utf8_lossy(&output.stdout)
            );
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "nothing moves");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

fn finish(child: Child) {
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("<<done>>"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs storage servers: .ci/storage runs it"]
async fn transfers_that_are_killed_three_times_are_done_in_the_end() {
    let length = 24 * MIB;
    let content = content(length);
    let obstacles = Obstacles {
        pause: Duration::from_millis(3),
        ..Obstacles::default()
    };
    for store in Store::all() {
        let way = Way::to(&store, obstacles).await;
        let platform = Platform::start(&store.behind(&way), "killed").await;
        platform.part.store(PART, Ordering::SeqCst);
        let local = write("x.bam", &content);
        for share in [1, 2, 3] {
            let before = way.up.load(Ordering::SeqCst);
            let child = transfer_in_child("upload", &platform, &local);
            kill_at(child, &way.up, before + share * length / 4).await;
            let there = platform.stored("x.bam").await;
            assert!(
                there.is_none(),
                "{}: what is not complete is there",
                store.kind
            );
        }
        finish(transfer_in_child("upload", &platform, &local));
        assert!(
            platform.stored("x.bam").await.as_ref() == Some(&content),
            "{}",
            store.kind
        );

        let to = local.with_extension("back");
        way.down.store(0, Ordering::SeqCst);
        for share in [1, 2, 3] {
            let child = transfer_in_child("download", &platform, &to);
            let at = match store.kind {
                // It says nothing of an object's version: each download begins anew.
                "GOOGLE" => way.down.load(Ordering::SeqCst) + share * length / 4,
                _ => share * length / 4,
            };
            kill_at(child, &way.down, at).await;
            assert!(
                !to.exists(),
                "{}: what is not complete is there",
                store.kind
            );
        }
        finish(transfer_in_child("download", &platform, &to));
        assert!(std::fs::read(&to).unwrap() == content, "{}", store.kind);
        let left = std::fs::read_dir(to.parent().unwrap()).unwrap().count();
        assert_eq!(left, 2, "{}: nothing but the two files is left", store.kind);
        let down = way.down.load(Ordering::SeqCst);
        if store.kind != "GOOGLE" {
            // Of each kill the parts that were under way are lost.
            assert!(down < length + length * 2 / 3, "{}: {down}", store.kind);
        }
    }
}
