//! Completion in a real bash and zsh, with names of what is on the Platform from a short-lived cache.

mod support;

use std::path::Path;
use std::process::Command;

use seqera_test_platform::TestPlatform;
use support::{of_name, stderr, stdout};

/// A shell with the binary on its path and a Platform to ask.
struct Shell {
    platform: TestPlatform,
    folder: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl Shell {
    fn new() -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().unwrap();
        let platform = runtime.block_on(TestPlatform::builder().start()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self {
            platform,
            folder,
            _runtime: runtime,
        }
    }

    fn command(&self, program: &str) -> Command {
        let binary = Path::new(assert_cmd::cargo::cargo_bin!("seqctl"))
            .parent()
            .unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", format!("{}:{path}", binary.display()))
            .env("HOME", self.folder.path())
            .env("TOWER_API_ENDPOINT", self.platform.endpoint())
            .env("TOWER_ACCESS_TOKEN", self.platform.token());
        command
    }

    /// What bash completes the last word of a line to.
    fn bash(&self, line: &str) -> Vec<String> {
        let script = r#"
            source <(seqctl completion bash)
            spec=$(complete -p seqctl)
            function=${spec##*-F }
            read -ra COMP_WORDS <<< "$LINE"
            [[ $LINE == *" " ]] && COMP_WORDS+=("")
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            COMP_TYPE=9
            ${function% seqctl} seqctl "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            printf '%s\n' "${COMPREPLY[@]}"
        "#;
        let output = self
            .command("bash")
            .args(["-c", script])
            .env("LINE", line)
            .output()
            .unwrap();
        assert!(output.stderr.is_empty(), "{line}: {}", stderr(&output));
        let words = stdout(&output);
        words
            .lines()
            .filter(|word| !word.is_empty())
            .map(|word| word.trim().to_owned())
            .collect()
    }
}

#[test]
fn bash_completes_commands_options_values_and_operations() {
    let shell = Shell::new();
    let table = [
        ("seqctl ru", "runs"),
        ("seqctl runs l", "list"),
        ("seqctl launch --work-d", "--work-dir"),
        ("seqctl -o js", "jsonl"),
        ("seqctl api list-workf", "list-workflows"),
        ("seqctl api list-workflows --work", "--workspace-id"),
        ("seqctl api list-workflows --attributes opt", "optimized"),
    ];
    for (line, expected) in table {
        let words = shell.bash(line);
        assert!(
            words.iter().any(|word| word == expected),
            "{line}: {words:?}"
        );
    }
}

#[test]
fn names_are_those_of_the_platform_and_are_asked_for_once() {
    let shell = Shell::new();
    let workspaces = shell.bash("seqctl runs list -w ");
    assert!(workspaces.iter().all(|name| name.contains('/')) && !workspaces.is_empty());
    let of = |line: &str| shell.bash(line);
    let with_pipelines = workspaces
        .iter()
        .find(|name| !of(&format!("seqctl launch -w {name} ")).is_empty())
        .unwrap_or_else(|| panic!("{workspaces:?}"));
    let calls = shell.platform.calls().len();
    let line = format!("seqctl launch -w {with_pipelines} ");
    let pipelines = of(&line);
    let first = &pipelines[0];
    assert_eq!(
        of(&format!("{line}{}", &first[..first.len() - 1])).len(),
        1,
        "{pipelines:?}"
    );
    assert_eq!(shell.platform.calls().len(), calls, "the cache answers");
    let runs = of(&format!("seqctl runs view -w {with_pipelines} -i "));
    assert!(!runs.is_empty());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let cache = shell.folder.path().join(".cache/seqctl");
        for file in std::fs::read_dir(cache).unwrap() {
            let mode = file.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0);
        }
    }
    // Without a Platform there are no names, and nothing is said.
    let mut alone = shell.command("bash");
    alone
        .env("TOWER_API_ENDPOINT", "http://127.0.0.1:1/api")
        .env("SEQCTL_COMPLETE", "bash");
    let asked = "_CLAP_COMPLETE_INDEX=4 seqctl -- seqctl runs list -w ''";
    let output = alone.args(["-c", asked]).output().unwrap();
    assert!(
        output.stdout.is_empty() && output.stderr.is_empty(),
        "{}",
        stderr(&output)
    );
}

/// A zsh on a terminal of its own, to which a line and a tab are typed.
#[test]
fn zsh_completes_what_is_typed() {
    let shell = Shell::new();
    let has_zsh = Command::new("zsh")
        .args(["-c", "zmodload zsh/zpty"])
        .output();
    if !has_zsh.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: there is no zsh on this machine (Debian's package is zsh)");
        return;
    }
    let script = r#"
        zmodload zsh/zpty
        zpty inner zsh -f -i
        zpty -w inner "PS1= ; autoload -Uz compinit; compinit -u -D; source <(seqctl completion zsh)"
        zpty -w inner "print rea''dy"
        zpty -r -m inner text '*ready*'
        zpty -w -n inner $'seqctl compl\t'
        zpty -r -m inner first '*completion*'
        zpty -w -n inner $' ba\t'
        zpty -r -m inner second '*bash*'
        print -r -- "$first$second"
    "#;
    let output = shell
        .command("timeout")
        .args(["60", "zsh", "-f", "-c", script])
        .env("TERM", "dumb")
        .output()
        .unwrap();
    let text = stdout(&output);
    assert!(
        text.contains("completion") && text.contains("bash"),
        "{text}{}",
        stderr(&output)
    );
}

#[test]
fn every_shell_has_a_script() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        for name in ["seqctl", "tw"] {
            let output = of_name(name).args(["completion", shell]).output().unwrap();
            assert_eq!(
                output.status.code(),
                Some(0),
                "{shell}: {}",
                stderr(&output)
            );
            assert!(stdout(&output).contains(name), "{shell}");
        }
    }
}
