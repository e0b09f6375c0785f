//! What watchers see of files, moments, runs and objects, by a clock that stands until it is set.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use seqera::Client;
use seqera_test_platform::{Course, TestPlatform, WORKSPACE};

use super::{Memory, Told, Watchers};
use crate::kit::Variables;
use crate::rules::clock::{Clock, TestClock};
use crate::rules::file::{Reading, Rules};
use crate::rules::state::{Event, Filter, State};

const MINUTE: Duration = Duration::from_secs(60);

fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap()
}

/// A world with a folder, a database and a clock.
struct World {
    folder: tempfile::TempDir,
    state: State,
    clock: TestClock,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("in")).unwrap();
        let state = State::open(&folder.path().join("state.db").to_string_lossy())
            .await
            .unwrap();
        Self {
            folder,
            state,
            clock: TestClock::new(start()),
        }
    }

    fn put(&self, name: &str, content: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join("in").join(name)
    }

    fn rules(&self, on: &str) -> Rules {
        let on = on.replace("IN", &self.folder.path().join("in").to_string_lossy());
        let text =
            format!("rules: [{{name: r, workspace: {WORKSPACE}, on: {on}, command: [echo]}}]");
        read(&text)
    }

    async fn watchers(&self, on: &str) -> Watchers {
        self.watchers_with(on, None).await
    }

    async fn watchers_with(&self, on: &str, told: Option<Told>) -> Watchers {
        self.watchers_of(&self.rules(on), None, told).await
    }

    /// What watches all runs of a workspace.
    async fn all_runs(&self, client: &Client) -> Watchers {
        let rules = self.rules("{run: {}, every: 1m}");
        self.watchers_of(&rules, Some(client), None).await
    }

    async fn watchers_of(
        &self,
        rules: &Rules,
        client: Option<&Client>,
        told: Option<Told>,
    ) -> Watchers {
        let clock = Arc::new(self.clock.clone());
        let memory = Memory::of(self.state.clone());
        let watchers = Watchers::new(rules, client, "", told, memory, clock);
        watchers.await.unwrap()
    }

    /// Sets the clock forwards, and looks. How many events are new.
    async fn after(&self, time: Duration, watchers: &mut Watchers) -> u64 {
        self.clock.advance(time);
        let looked = watchers.look().await;
        assert_eq!(looked.problems, Vec::<String>::new());
        looked.new
    }

    async fn events(&self) -> Vec<Event> {
        let mut events = self.state.events(&Filter::default()).await.unwrap();
        events.sort_by_key(|event| event.happened);
        events
    }
}

fn read(text: &str) -> Rules {
    let reading = Reading {
        variables: Variables::default(),
        workspace: None,
    };
    reading
        .read_texts(&[("r.yml".to_owned(), text.to_owned())])
        .unwrap()
}

#[tokio::test]
async fn files_are_told_of_once_when_they_have_settled() {
    let world = World::new().await;
    world.put("old.txt", "before");
    let on = "{files: 'IN/*.txt', every: 1m, settled: 2m}";
    let mut watchers = world.watchers(on).await;
    // What is there at the very first look is known from then on.
    assert_eq!(world.after(Duration::ZERO, &mut watchers).await, 0);
    assert_eq!(world.after(10 * MINUTE, &mut watchers).await, 0);
    // Written slowly.
    for part in 1..5 {
        world.put("slow.txt", &"x".repeat(part));
        assert_eq!(world.after(MINUTE, &mut watchers).await, 0, "{part}");
    }
    assert_eq!(world.after(MINUTE, &mut watchers).await, 0);
    assert_eq!(world.after(MINUTE, &mut watchers).await, 1);
    assert_eq!(world.after(10 * MINUTE, &mut watchers).await, 0);
    // Renamed into place, and deleted before its time.
    world.put("part.tmp", "whole");
    std::fs::rename(world.path("part.tmp"), world.path("moved.txt")).unwrap();
    world.put("gone.txt", "soon gone");
    assert_eq!(world.after(MINUTE, &mut watchers).await, 0);
    std::fs::remove_file(world.path("gone.txt")).unwrap();
    assert_eq!(world.after(2 * MINUTE, &mut watchers).await, 1);
    // One of that name that comes again has its own time.
    world.put("gone.txt", "here again");
    assert_eq!(world.after(MINUTE, &mut watchers).await, 0);
    assert_eq!(world.after(2 * MINUTE, &mut watchers).await, 1);
    // Replaced under the same name, also that which was there at the beginning.
    world.put("moved.txt", "another");
    world.put("old.txt", "another");
    assert_eq!(world.after(MINUTE, &mut watchers).await, 0);
    assert_eq!(world.after(2 * MINUTE, &mut watchers).await, 2);
    // What came while nobody looked.
    drop(watchers);
    world.put("down.txt", "while it was down");
    world.clock.advance(60 * MINUTE);
    let mut watchers = world.watchers(on).await;
    assert_eq!(world.after(Duration::ZERO, &mut watchers).await, 0);
    assert_eq!(world.after(2 * MINUTE, &mut watchers).await, 1);
    // A clock that is set back neither doubles nor loses.
    world.put("late.txt", "by a clock that is set back");
    assert_eq!(world.after(MINUTE, &mut watchers).await, 0);
    world.clock.set(world.clock.now() - TimeDelta::hours(1));
    assert_eq!(world.after(Duration::ZERO, &mut watchers).await, 0);
    assert_eq!(world.after(3 * MINUTE, &mut watchers).await, 1);
    let events = world.events().await;
    assert_eq!(events.len(), 7);
    let event = events
        .iter()
        .find(|event| event.key.contains("slow.txt"))
        .unwrap();
    assert_eq!(event.data["event"]["name"], "slow.txt");
    assert_eq!(event.data["event"]["folder_name"], "in");
    assert_eq!(event.data["file"]["size"], 4);
}

#[tokio::test]
async fn markers_are_told_of_at_once_also_in_folders_that_appear_later() {
    let world = World::new().await;
    world.put("later/r0/Done.txt", "");
    std::fs::remove_dir_all(world.path("later")).unwrap();
    let mut watchers = world
        .watchers("{files: 'IN/later/*/sub/Done.txt', every: 1m}")
        .await;
    assert_eq!(world.after(Duration::ZERO, &mut watchers).await, 0);
    world.put("later/r1/sub/other.txt", "");
    assert_eq!(world.after(MINUTE, &mut watchers).await, 0);
    world.put("later/r1/sub/Done.txt", "");
    world.put("later/r2/sub/Done.txt/is-a-folder", "");
    assert_eq!(world.after(MINUTE, &mut watchers).await, 1);
    // Rewritten: another version.
    world.put("later/r1/sub/Done.txt", "again");
    assert_eq!(world.after(MINUTE, &mut watchers).await, 1);
    assert_eq!(world.after(MINUTE, &mut watchers).await, 0);
}

#[tokio::test]
async fn what_is_there_may_be_launched_and_names_may_be_odd() {
    let world = World::new().await;
    let names = [
        "a b.fq",
        "ä—日本.fq",
        "new\nline.fq",
        "{{ 7 }}.fq",
        "$HOME `x` 'q' \"d\".fq",
        "-rf.fq",
        "..fq",
        "[x]*?.fq",
        "tab\t\\.fq",
    ];
    for name in names {
        world.put(&format!("deep/er/{name}"), "x");
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(b"bad\xff.fq");
        std::fs::write(world.path("deep").join(name), "x").unwrap();
        // A circle of links, and a link to nowhere.
        std::os::unix::fs::symlink(world.path("deep"), world.path("deep/circle")).unwrap();
        std::os::unix::fs::symlink("/nowhere", world.path("deep/dangling.fq")).unwrap();
    }
    let mut watchers = world
        .watchers("{files: 'IN/**/*.fq', settled: 0s, existing: launch}")
        .await;
    let new = world.after(Duration::ZERO, &mut watchers).await;
    assert_eq!(new, names.len() as u64 + u64::from(cfg!(unix)));
    let events = world.events().await;
    for name in names {
        assert!(
            events
                .iter()
                .any(|event| event.data["event"]["name"] == name),
            "{name}"
        );
    }
    assert!(
        events
            .iter()
            .any(|event| event.key.contains("bad\\xff.fq@"))
            || !cfg!(unix)
    );
}

#[tokio::test]
async fn what_the_system_tells_is_looked_at_without_a_walk() {
    let world = World::new().await;
    let (send, receive) = tokio::sync::mpsc::channel(100);
    let mut watchers = world
        .watchers_with(
            "{files: 'IN/*/Done.txt', every: 1d}",
            Some(Told::by(receive)),
        )
        .await;
    assert_eq!(world.after(Duration::ZERO, &mut watchers).await, 0);
    world.put("r1/Done.txt", "");
    // Nobody told of it.
    assert_eq!(world.after(MINUTE, &mut watchers).await, 0);
    send.send(Some(world.path("r1/Done.txt"))).await.unwrap();
    assert_eq!(world.after(Duration::ZERO, &mut watchers).await, 1);
    // A folder that was moved into place is looked into; and all is, where there was too much to tell.
    world.put("r2/Done.txt", "");
    send.send(Some(world.path("r2"))).await.unwrap();
    assert_eq!(world.after(Duration::ZERO, &mut watchers).await, 1);
    world.put("r3/Done.txt", "");
    send.send(None).await.unwrap();
    assert_eq!(world.after(Duration::ZERO, &mut watchers).await, 1);
}

#[tokio::test]
async fn looks_go_on_where_nothing_is_told_of() {
    let world = World::new().await;
    let watchers = world.watchers("{files: 'IN/*/Done.txt', every: 5m}").await;
    let (send, mut looked) = tokio::sync::mpsc::unbounded_channel();
    let watching = tokio::spawn(watchers.run(move |one| {
        let _ = send.send(one.new);
    }));
    let next = async |looked: &mut tokio::sync::mpsc::UnboundedReceiver<u64>| {
        let next = tokio::time::timeout(MINUTE, looked.recv());
        next.await.unwrap().unwrap()
    };
    assert_eq!(next(&mut looked).await, 0);
    for number in 0..3 {
        world.put(&format!("{number}/Done.txt"), "");
        world.clock.advance(5 * MINUTE);
        assert_eq!(next(&mut looked).await, 1, "{number}");
    }
    watching.abort();
}

#[tokio::test]
async fn a_token_that_expires_is_read_anew() {
    let lifetime = Duration::from_secs(3_600);
    let builder = TestPlatform::builder().runs(0).calls_per_second(None);
    let platform = builder.token_lifetime(lifetime).start().await.unwrap();
    let first = client(&platform);
    platform.advance(lifetime - MINUTE);
    let body = seqera::types::CreateAccessTokenRequest::new().name("next");
    let made = first.create_token().body(body).send().await.unwrap();
    let second = Client::builder(made.access_key.unwrap())
        .endpoint(platform.endpoint())
        .build()
        .unwrap();
    let world = World::new().await;
    world.clock.set(platform.now().parse().unwrap());
    let mut all = world
        .all_runs(&first)
        .await
        .with_new_clients(Arc::new(move || Ok(second.clone())));
    assert_eq!(all.look().await.problems.len(), 0);
    platform.advance(2 * MINUTE);
    world.clock.advance(2 * MINUTE);
    let looked = all.look().await;
    assert!(looked.problems[0].contains("401"), "{looked:?}");
    world.clock.advance(5 * MINUTE);
    let looked = all.look().await;
    assert_eq!(looked.problems, Vec::<String>::new());
}

/// A million files take their time: this is for `--ignored`. A hundredth of them is looked at always.
async fn many(count: usize) {
    let world = World::new().await;
    for folder in 0..count / 1_000 {
        let folder = world.path(&format!("f{folder}"));
        std::fs::create_dir(&folder).unwrap();
        for file in 0..1_000 {
            std::fs::File::create(folder.join(format!("{file}.fq"))).unwrap();
        }
    }
    let mut watchers = world
        .watchers("{files: 'IN/*/*.fq', settled: 0s, every: 1m}")
        .await;
    let before = resident();
    assert_eq!(world.after(Duration::ZERO, &mut watchers).await, 0);
    assert_eq!(world.after(MINUTE, &mut watchers).await, 0);
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 << 10, "{grown} kB more");
    world.put("f0/new.fq", "x");
    assert_eq!(world.after(MINUTE, &mut watchers).await, 1);
    println!("{count} files: {grown} kB more");
}

/// How much memory this process has, in kB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok())
        .unwrap_or(0)
}

#[tokio::test]
async fn many_files_take_no_memory() {
    many(10_000).await;
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn a_million_files_take_no_memory() {
    many(1_000_000).await;
}

/// The moments at which a schedule fires while the clock goes on by steps.
async fn moments(schedule: &str, from: DateTime<Utc>, hours: i64, step: TimeDelta) -> Vec<String> {
    let world = World::new().await;
    world.clock.set(from);
    let mut watchers = world.watchers(schedule).await;
    watchers.look().await;
    while world.clock.now() < from + TimeDelta::hours(hours) {
        world.clock.set(world.clock.now() + step);
        watchers.look().await;
    }
    world
        .events()
        .await
        .iter()
        .map(|event| event.data["event"]["moment"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn days_on_which_clocks_are_set_have_each_moment_once() {
    let ten = TimeDelta::minutes(10);
    // 2026-03-29, two o'clock becomes three; 2026-10-25, three becomes two.
    let spring = Utc.with_ymd_and_hms(2026, 3, 28, 12, 0, 0).unwrap();
    let autumn = Utc.with_ymd_and_hms(2026, 10, 24, 12, 0, 0).unwrap();
    let at = |cron: &str| format!("{{schedule: '{cron}', timezone: Europe/Paris}}");
    assert_eq!(
        moments(&at("30 2 * * *"), spring, 24 * 2, ten).await,
        ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]
    );
    assert_eq!(
        moments(&at("30 2 * * *"), autumn, 24 * 2, ten).await,
        ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]
    );
    // Every hour is every hour that passes.
    assert_eq!(moments(&at("0 * * * *"), spring, 24, ten).await.len(), 24);
    assert_eq!(moments(&at("0 * * * *"), autumn, 24, ten).await.len(), 24);
}

#[tokio::test]
async fn missed_moments_count_as_the_rule_says() {
    for (missed, expected) in [("once", 1), ("all", 24), ("skip", 0)] {
        let world = World::new().await;
        let on = format!("{{schedule: '30 * * * *', missed: {missed}}}");
        let mut watchers = world.watchers(&on).await;
        assert_eq!(world.after(Duration::ZERO, &mut watchers).await, 0);
        // Asleep for a day, and then on time.
        assert_eq!(
            world.after(24 * 60 * MINUTE, &mut watchers).await,
            expected,
            "{missed}"
        );
        assert_eq!(world.after(30 * MINUTE, &mut watchers).await, 1, "{missed}");
        // The clock is set back by an hour: nothing comes twice, and nothing is left out.
        world.clock.set(world.clock.now() - TimeDelta::hours(1));
        assert_eq!(
            world.after(Duration::ZERO, &mut watchers).await,
            0,
            "{missed}"
        );
        assert_eq!(world.after(60 * MINUTE, &mut watchers).await, 0, "{missed}");
        assert_eq!(world.after(60 * MINUTE, &mut watchers).await, 1, "{missed}");
        // Down for a day.
        drop(watchers);
        world.clock.advance(24 * 60 * MINUTE + 5 * MINUTE);
        let mut watchers = world.watchers(&on).await;
        assert_eq!(
            world.after(Duration::ZERO, &mut watchers).await,
            expected,
            "{missed}"
        );
        let next = watchers.next().unwrap();
        assert_eq!(
            next,
            Utc.with_ymd_and_hms(2026, 3, 3, 14, 30, 0).unwrap(),
            "{missed}"
        );
    }
}

fn client(platform: &TestPlatform) -> Client {
    Client::builder(platform.token())
        .endpoint(platform.endpoint())
        .build()
        .unwrap()
}

async fn launch(client: &Client, pipeline: &str, name: &str) -> String {
    let workspace = client.workspace(WORKSPACE).await.unwrap();
    let launch = client
        .launch(pipeline)
        .workspace(workspace.id())
        .run_name(name);
    launch.send().await.unwrap().id().to_owned()
}

const PIPELINE: &str = "nf-core-rnaseq";
/// A data link of the laboratory, and its bucket.
const LINK: &str = "open-genomics-sequencing";
const BUCKET: &str = "open-genomics-sequencing";

#[tokio::test]
async fn runs_are_seen_at_their_end_by_one_list() {
    let builder = TestPlatform::builder().runs(0).calls_per_second(None);
    let platform = builder
        .run_time(Duration::from_secs(600))
        .start()
        .await
        .unwrap();
    let client = client(&platform);
    let world = World::new().await;
    let clock = |world: &World| world.clock.set(platform.now().parse().unwrap());
    clock(&world);
    launch(&client, PIPELINE, "before").await;
    let text = format!(
        "rules: [{{name: all, workspace: {WORKSPACE}, on: {{run: {{pipeline: {PIPELINE}}}}}, command: [echo]}}, \
         {{name: failed, workspace: {WORKSPACE}, on: {{run: {{status: FAILED}}}}, command: [echo]}}]"
    );
    let rules = read(&text);
    let watchers = async || {
        let memory = Memory::of(world.state.clone());
        let clock: Arc<dyn Clock> = Arc::new(world.clock.clone());
        Watchers::new(
            &rules,
            Some(&client),
            "https://example.com",
            None,
            memory,
            clock,
        )
        .await
        .unwrap()
    };
    let mut all = watchers().await;
    assert_eq!(all.look().await.new, 0);
    // Many in flight, and one list a look.
    platform.next_run(PIPELINE, Course::fails());
    launch(&client, PIPELINE, "fails").await;
    for number in 0..20 {
        launch(&client, PIPELINE, &format!("flight-{number}")).await;
    }
    world.clock.advance(2 * MINUTE);
    platform.clear_calls();
    assert_eq!(all.look().await.new, 0);
    assert_eq!(platform.calls().len(), 1, "{:?}", platform.calls());
    // They end while nobody looks.
    drop(all);
    platform.advance(Duration::from_secs(7_200));
    clock(&world);
    let mut all = watchers().await;
    platform.clear_calls();
    let looked = all.look().await;
    assert_eq!(looked.problems, Vec::<String>::new());
    // The one that was there before as well: it ended since.
    assert_eq!(looked.new, 23);
    assert!(platform.calls().len() <= 4, "{:?}", platform.calls());
    world.clock.advance(2 * MINUTE);
    assert_eq!(all.look().await.new, 0);
    let events = world.events().await;
    let failed: Vec<_> = events
        .iter()
        .filter(|event| event.rule == "failed")
        .collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].data["run"]["name"], "fails");
    assert_eq!(failed[0].data["run"]["status"], "FAILED");
    let url = failed[0].data["run"]["url"].as_str().unwrap();
    assert!(
        url.starts_with("https://example.com/orgs/") && url.contains("/watch/"),
        "{url}"
    );
}

#[tokio::test]
async fn nothing_is_asked_about_while_the_server_is_away() {
    let platform = TestPlatform::builder()
        .runs(0)
        .calls_per_second(None)
        .start()
        .await
        .unwrap();
    let client = Client::builder(platform.token())
        .endpoint(platform.endpoint())
        .retry(seqera::RetryPolicy::none())
        .build()
        .unwrap();
    let world = World::new().await;
    world.clock.set(platform.now().parse().unwrap());
    let mut all = world.all_runs(&client).await;
    assert_eq!(all.look().await.problems.len(), 0);
    platform.fail_next("ListWorkflows", 3, 502);
    for _ in 0..3 {
        world.clock.advance(MINUTE);
        let looked = all.look().await;
        assert_eq!(looked.problems.len(), 1, "{looked:?}");
        assert!(all.next().unwrap() > world.clock.now());
    }
    world.clock.advance(MINUTE);
    assert_eq!(all.look().await.problems.len(), 0);
}

/// As many objects in a folder of a data link as said.
async fn objects(count: usize) {
    let platform = TestPlatform::builder()
        .runs(0)
        .calls_per_second(None)
        .start()
        .await
        .unwrap();
    let client = client(&platform);
    for number in 0..count {
        platform.put_object(BUCKET, &format!("many/{number}.fq"), "x");
    }
    for folder in 0..5 {
        platform.put_object(BUCKET, &format!("marked/{folder}/Done.txt"), "");
    }
    let world = World::new().await;
    let rules = read(&format!(
        "rules: [{{name: files, workspace: {WORKSPACE}, on: {{data-link: {LINK}, path: 'many/*.fq', every: 1m, settled: 0s}}, command: [echo]}}, \
         {{name: marked, workspace: {WORKSPACE}, on: {{data-link: {LINK}, path: 'marked/*/Done.txt', every: 1m}}, command: [echo]}}]"
    ));
    let mut watchers = world.watchers_of(&rules, Some(&client), None).await;
    assert_eq!(world.after(Duration::ZERO, &mut watchers).await, 0);
    let before = resident();
    platform.clear_calls();
    platform.put_object(BUCKET, "many/new.fq", "xy");
    platform.put_object(BUCKET, "marked/new/Done.txt", "");
    platform.put_object(BUCKET, "many/deeper/not.fq", "");
    assert_eq!(world.after(MINUTE, &mut watchers).await, 2);
    let calls = platform.calls().len();
    // Pages, the roots, and the folders with markers that are not known.
    assert!(calls <= count / 100 + 12, "{calls}");
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 << 10, "{grown} kB more");
    println!("{count} objects: {calls} calls, {grown} kB more");
    // The same look for both rules, and a file of another size is another version.
    platform.put_object(BUCKET, "many/0.fq", "longer");
    assert_eq!(world.after(MINUTE, &mut watchers).await, 1);
    assert_eq!(world.after(MINUTE, &mut watchers).await, 0);
    let events = world.events().await;
    let event = events.iter().find(|event| event.rule == "marked").unwrap();
    assert_eq!(event.data["event"]["folder"], "marked/new");
}

#[tokio::test]
async fn objects_of_a_data_link_are_seen_by_one_walk() {
    objects(1_500).await;
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn a_hundred_thousand_objects_take_no_memory() {
    objects(100_000).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_system_tells_of_files_long_before_the_next_look() {
    let world = World::new().await;
    let rules = world.rules("{files: 'IN/*/Done.txt', every: 1d}");
    let memory = Memory::of(world.state.clone());
    let clock: Arc<dyn Clock> = Arc::new(crate::rules::clock::SystemClock);
    let told = Told::by_system().unwrap();
    let watchers = Watchers::new(&rules, None, "", Some(told), memory, clock)
        .await
        .unwrap();
    let (send, mut looked) = tokio::sync::mpsc::unbounded_channel();
    let watching = tokio::spawn(watchers.run(move |one| drop(send.send(one))));
    let next = async |looked: &mut tokio::sync::mpsc::UnboundedReceiver<super::Looked>| {
        let new = async {
            loop {
                let one = looked.recv().await.unwrap();
                assert_eq!(one.problems, Vec::<String>::new());
                if one.new > 0 {
                    return one.new;
                }
            }
        };
        tokio::time::timeout(MINUTE, new).await.unwrap()
    };
    looked.recv().await.unwrap();
    world.put("r1/Done.txt", "");
    assert_eq!(next(&mut looked).await, 1);
    // Moved into place, whole.
    world.put("../aside/Done.txt", "");
    std::fs::rename(world.folder.path().join("aside"), world.path("r2")).unwrap();
    assert_eq!(next(&mut looked).await, 1);
    watching.abort();
}
