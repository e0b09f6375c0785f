//! A disk that takes no more. What stands for it is a limit on the size of files, which needs no rights.

use std::process::Command;

use crate::{Runner, World, told, until};

const EVENTS: usize = 40;

/// The command under a limit of so many bytes for each file.
fn limited(world: &World, bytes: u64, words: &str) -> Command {
    let binary = assert_cmd::cargo::cargo_bin!("seqctl");
    let mut command = Command::new("bash");
    // In kilobytes. The signal would end the program.
    let text = format!(
        "trap '' XFSZ; ulimit -f {}; exec \"$0\" {words}",
        bytes.div_ceil(1024)
    );
    command
        .args(["-c", &text])
        .arg(binary)
        .env("SEQCTL_CONFIG", "/nonexistent/seqctl.yml");
    world.prepared(command)
}

#[test]
fn nothing_is_carried_out_that_can_not_be_noted() {
    let world = World::new();
    world.write(
        "rules.yml",
        "rules: [{name: r, on: {files: 'in/*/Done.txt', existing: launch}, \
         launch: {pipeline: nf-core-rnaseq, params: {input: '{{ event.folder }}'}}}]\n",
    );
    for number in 0..EVENTS {
        world.write(&format!("in/{number}/Done.txt"), "");
    }
    // They are noted while the Platform is away.
    world.once_while_away();
    assert_eq!(world.count("waiting"), EVENTS);

    // There is room for some notes, and then for none.
    let size = world.path("seqctl-rules.db").metadata().unwrap().len();
    let runner = Runner::start(limited(&world, size, "rules run rules.yml --no-listen"));
    runner.says("nothing can be done for now", 2);
    let said = runner.told();
    assert!(said.contains("the state seqctl-rules.db: "), "{said}");
    assert!(said.contains("disk"), "{said}");
    let launches = world.launches();
    assert!(launches < EVENTS, "{launches}");
    let noted = || world.count("begun") + world.count("done");
    // What was begun is noted before it is sent.
    assert!(noted() >= launches, "{} {launches}", noted());
    runner.signal("-TERM");
    assert_eq!(runner.ended(), Some(1));

    // Nor is one noted that is fed by hand, and that is said.
    world.write("event.json", r#"{"rule": "r", "key": "by hand"}"#);
    let fed = limited(&world, 1024, "rules emit event.json")
        .output()
        .unwrap();
    assert_eq!(fed.status.code(), Some(1), "{}", told(&fed));
    assert!(
        told(&fed).contains("the state seqctl-rules.db: "),
        "{}",
        told(&fed)
    );

    // Where there is room again, each has its one run.
    let begun = std::time::Instant::now();
    until(
        || {
            let next = world.run("rules run rules.yml --once");
            assert_eq!(next.status.code(), Some(0), "{}", told(&next));
            world.count("done") == EVENTS || begun.elapsed() > crate::PATIENCE
        },
        || "they are not done".to_owned(),
    );
    assert_eq!((world.count("done"), world.launches()), (EVENTS, EVENTS));
}
