#!/usr/bin/env python3
"""What the crate costs to check, against what plain progenitor makes of the same schema.

    python3 benches/compile_cost.py [ROUNDS]

Prints user seconds and rustc's peak memory of `cargo check` for the crate itself (dependencies
and build script are built before), side by side in one run: the plain output, all features, and
`workflows` alone; that of `cargo build` with all features; and the time that the build script takes in
a debug build.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCRATCH = ROOT / "target" / "compile-cost"
MANIFEST = """[package]
name = "plain"
version = "0.0.0"
edition = "2024"

[workspace]

[dependencies]
bytes = "1"
chrono = { version = "0.4", default-features = false, features = ["serde", "std"] }
futures = "0.3"
progenitor-client = "0.15"
regress = "0.12"
reqwest = { version = "0.13", default-features = false, features = ["json", "query", "stream"] }
serde = { version = "1", features = ["derive"] }
serde_json = "1"
"""
WORKFLOWS = ["--no-default-features", "--features", "workflows"]


def run(command, directory):
    """Runs a command; returns user seconds and the largest process's memory in MiB."""
    environment = dict(os.environ, CARGO_INCREMENTAL="0")
    process = subprocess.Popen(command, cwd=directory, env=environment, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(command)} failed:\n{errors.decode()}")
    return usage.ru_utime, usage.ru_maxrss / 1024


def compile(kind, directory, target, arguments=()):
    command = ["cargo", kind, "--lib", "--quiet", "--target-dir", str(target), *arguments]
    run(command, directory)  # dependencies, and the build script
    os.utime(directory / "src" / "lib.rs")
    return run(command, directory)


def build_script_seconds(target):
    program = max(target.glob("debug/build/seqera-*/build-script-build"), key=os.path.getmtime)
    out = SCRATCH / "out"
    out.mkdir(exist_ok=True)
    environment = dict(os.environ, OUT_DIR=str(out), CARGO_FEATURE_ALL_TAGS="1")
    manifest = (ROOT / "Cargo.toml").read_text()
    tags = manifest.split("all-tags = [")[1].split("]")[0].replace('"', "").split(",")
    for tag in filter(None, map(str.strip, tags)):
        environment["CARGO_FEATURE_" + tag.upper().replace("-", "_")] = "1"
    started = time.monotonic()
    subprocess.run([program], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rounds", metavar="ROUNDS", type=int, nargs="?", default=3)
    rounds = parser.parse_args().rounds
    plain = SCRATCH / "plain"
    (plain / "src").mkdir(parents=True, exist_ok=True)
    (plain / "Cargo.toml").write_text(MANIFEST)
    generator = ["cargo", "run", "--quiet", "-p", "seqera-codegen", "--example", "plain"]
    (plain / "src" / "lib.rs").write_bytes(subprocess.check_output(generator, cwd=ROOT))

    cases = {
        "plain progenitor": ("check", plain, SCRATCH / "target-plain"),
        "all features": ("check", ROOT, SCRATCH / "target-all"),
        "workflows alone": ("check", ROOT, SCRATCH / "target-workflows", WORKFLOWS),
        "all features, built": ("build", ROOT, SCRATCH / "target-all"),
    }
    measured = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            measured[name].append(compile(*case))
    script = statistics.median(build_script_seconds(SCRATCH / "target-all") for _ in range(rounds))

    seconds, memory = (
        {name: statistics.median(result[i] for result in results) for name, results in measured.items()}
        for i in (0, 1)
    )
    base_seconds, base_memory = seconds["plain progenitor"], memory["plain progenitor"]
    print(f"{'':20}{'user s':>8}{'ratio':>8}{'peak MiB':>10}{'ratio':>8}")
    for name in cases:
        print(
            f"{name:20}{seconds[name]:8.2f}{seconds[name] / base_seconds:8.2f}"
            f"{memory[name]:10.0f}{memory[name] / base_memory:8.2f}"
        )
    print(f"{'build script':20}{script:8.2f} s (debug build)")


if __name__ == "__main__":
    main()
