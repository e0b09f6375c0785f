"""seqerakit makes, finds, replaces and deletes each of its kinds with `seqctl` in the place of `tw`.

Usage: run.py SEQERAKIT SEQCTL, the paths of the two programs.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
WORKSPACE = "kit-labs/bench"

# What is listed, and what an entry of the set-up is called there.
KINDS = {
    "organizations": (["organizations", "list"], "kit-labs"),
    "teams": (["teams", "list", "-o", "kit-labs"], "blue"),
    "workspaces": (["workspaces", "list", "-o", "kit-labs"], "bench"),
    "labels": (["labels", "list", "-w", WORKSPACE], "cost"),
    "members": (["members", "list", "-o", "kit-labs"], "biostats-desk"),
    "participants": (["participants", "list", "-w", WORKSPACE], "blue"),
    "credentials": (["credentials", "list", "-w", WORKSPACE], "keys"),
    "compute-envs": (["compute-envs", "list", "-w", WORKSPACE], "spot"),
    "secrets": (["secrets", "list", "-w", WORKSPACE], "LICENCE"),
    "actions": (["actions", "list", "-w", WORKSPACE], "hook"),
    "datasets": (["datasets", "list", "-w", WORKSPACE], "samples"),
    "pipelines": (["pipelines", "list", "-w", WORKSPACE], "hello"),
    "launch": (["runs", "list", "-w", WORKSPACE], "first-run"),
    "data-links": (["data-links", "list", "-w", WORKSPACE], "data"),
    "studios": (["studios", "list", "-w", WORKSPACE], "desk"),
}
# seqerakit never deletes these by itself: what becomes of them is theirs.
LEFT_TO_OTHERS = {"studios", "launch"}


def main(seqerakit, seqctl):
    for as_json in (False, True):
        with tempfile.TemporaryDirectory() as folder, Platform(seqctl) as server:
            tw = pathlib.Path(folder, "tw")
            tw.symlink_to(pathlib.Path(seqctl).resolve())
            Round(seqerakit, folder, server, as_json).go()
    print("seqerakit works with seqctl in the place of tw, in plain and in JSON mode")


class Platform:
    """The Platform of `seqctl demo`."""

    def __init__(self, program):
        self.program = program

    def __enter__(self):
        words = [self.program, "-o", "jsonl", "demo", "--run-time", "1"]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        said = json.loads(self.process.stdout.readline())
        self.endpoint, self.token = said["endpoint"], said["token"]
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Round:
    def __init__(self, seqerakit, folder, server, as_json):
        self.seqerakit, self.tw, self.as_json = seqerakit, str(pathlib.Path(folder, "tw")), as_json
        self.environment = {
            "PATH": folder + os.pathsep + os.environ["PATH"],
            "HOME": folder,
            "TOWER_API_ENDPOINT": server.endpoint,
            "TOWER_ACCESS_TOKEN": server.token,
            "KIT_SECRET": "hush",
        }
        templates = self.list(["studios", "templates"])["templates"]
        self.environment["KIT_TEMPLATE"] = templates[0]["repository"]

    def go(self):
        self.kit()
        first = {kind: self.found(kind) for kind in KINDS}
        missing = [kind for kind, found in first.items() if found is None]
        assert not missing, f"not made: {missing}"
        assert self.list(["compute-envs", "primary", "get", "-w", WORKSPACE])["name"] == "spot"
        members = self.list(["teams", "members", "-t", "blue", "-o", "kit-labs"])["members"]
        assert [one["userName"] for one in members] == ["night-shift"], members
        people = self.list(["participants", "list", "-w", WORKSPACE, "-t", "TEAM"])["participants"]
        assert people[0]["wspRole"].lower() == "launch", people

        # They are found, whatever is to be done then.
        for kind in KINDS:
            if kind == "launch":
                continue
            said = self.kit("--on-exists", "ignore", "--targets", kind).stderr
            assert "Skipping creation" in said, f"{kind}: {said}"
            said = self.kit("--on-exists", "fail", "--targets", kind, status=1).stderr
            assert "already exists" in said, f"{kind}: {said}"

        # Replaced: each is another one. The outer ones come last, since they take all else with them.
        order = [kind for kind in KINDS if kind not in ("organizations", "workspaces", "launch")]
        for kind in order + ["workspaces", "organizations"]:
            before = self.found(kind)
            if before is None:
                self.kit("--targets", kind)
                before = self.found(kind)
            self.kit("--on-exists", "overwrite", "--targets", kind)
            after = self.found(kind)
            assert after is not None and self.id(after) != self.id(before), f"{kind}: {after}"
        # What went with the organization is made again.
        self.kit("--on-exists", "ignore")
        # A launch is one on each run of the file.
        assert self.found("launch") is not None

        self.kit("--delete", "--targets", ",".join(set(KINDS) - {"organizations", "workspaces", "teams", "members"}))
        for kind in KINDS:
            inner = "-w" in KINDS[kind][0] and kind not in LEFT_TO_OTHERS
            assert not inner or self.found(kind) is None, f"{kind} is still there"
        self.kit("--delete")
        assert self.found("organizations") is None, "the organization is still there"

    def kit(self, *options, status=0):
        words = [self.seqerakit, "--cli=--insecure"]
        words += ["--json"] if self.as_json else []
        ended = subprocess.run(
            [*words, *options, "setup.yml"],
            cwd=HERE, env=self.environment, capture_output=True, text=True, check=False,
        )
        assert ended.returncode == status, f"{options}: {ended.returncode}\n{ended.stdout}{ended.stderr}"
        if self.as_json and status == 0 and "--delete" not in options and "overwrite" not in options:
            for line in filter(None, ended.stdout.splitlines()):
                json.loads(line)
        return ended

    def list(self, words):
        ended = subprocess.run(
            [self.tw, "--insecure", "-o", "json", *words],
            env=self.environment, capture_output=True, text=True, check=True,
        )
        assert not ended.stderr, ended.stderr
        return json.loads(ended.stdout)

    def found(self, kind):
        """The entry of the list that is called so."""
        words, name = KINDS[kind]
        try:
            listed = self.list(words)
        except subprocess.CalledProcessError:
            return None
        entries = next(value for value in listed.values() if isinstance(value, list))
        named = ("name", "orgName", "workspaceName", "teamName", "userName", "runName")
        for entry in entries:
            entry = entry.get("workflow", entry)
            if kind == "workspaces":
                if entry.get("workspaceName") == name:
                    return entry
            elif any(entry.get(field) == name for field in named):
                return entry
        return None

    @staticmethod
    def id(entry):
        ids = ("participantId", "memberId", "teamId", "pipelineId", "sessionId", "id", "workspaceId", "orgId")
        return next(entry[field] for field in ids if entry.get(field) is not None)


main(*sys.argv[1:])
