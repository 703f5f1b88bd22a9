"""A small repository whose stages write a half first, and what a user sees of a walk over it."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil

from flows.walk.watchdog import MARKER
from tests.imports import ROOT

WALK = (sys.executable, "-m", "flows.reproduce", "--jobs", "3")
PAUSE = "pause"  # holds the seconds between the two halves of what a stage writes; no stage depends on it
# two fans and a chain: in -> a0..a3 -> b0..b3 (each of two a's) -> c -> table.csv
EDGES = {
    **{f"a{i}": ["in.txt"] for i in range(4)},
    **{f"b{i}": [f"a{i}.txt", f"a{(i + 1) % 4}.txt"] for i in range(4)},
    "c": [f"b{i}.txt" for i in range(4)],
}


def pipeline(**commands: str) -> str:
    """Every stage's text is made of all texts it depends on; `commands` replace those of single stages."""
    lines = ["stages:"]
    for name, deps in EDGES.items():
        out = "table.csv" if name == "c" else f"{name}.txt"
        command = commands.get(
            name,
            f"echo half > {out}; sleep $(cat {PAUSE}); (echo {name}; cat {' '.join(deps)} | cksum) > {out}",
        )
        outs = f"[{out}: {{cache: false}}]" if name == "c" else f"[{out}]"
        lines.append(f"  {name}:\n    cmd: {command}\n    deps: [{', '.join(deps)}]\n    outs: {outs}")
    return "\n".join(lines) + "\n"


class Toy:
    def __init__(self, root: Path) -> None:
        self.root = root
        (root / ".dvc").mkdir(parents=True)
        (root / ".dvc" / "config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
        (root / "in.txt").write_text("one\n")
        (root / "params.yaml").write_text("{}\n")
        self.pause(0.2)
        (root / "dvc.yaml").write_text(pipeline())
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT")},
            "PYTHONPATH": str(ROOT),
            "DVC_NO_ANALYTICS": "1",
            "COLUMNS": "200",
        }

    def pause(self, seconds: float) -> None:
        (self.root / PAUSE).write_text(f"{seconds}\n")

    def start(self, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            arguments,
            cwd=self.root,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def walk(self, *options: str, before: tuple[str, ...] = ()) -> tuple[int, str]:
        """Without Prefect: exit code and all that was printed."""
        return finished(self.start(*before, *WALK, "--no-prefect", *options))

    def made(self) -> dict[str, bytes]:
        names = [*(f"{name}.txt" for name in EDGES if name != "c"), "table.csv", "dvc.lock"]
        return {name: (self.root / name).read_bytes() for name in names}

    def stage_processes(self) -> list[int]:
        """Of any walk in this repository, alive."""
        found = []
        for process in psutil.process_iter():
            try:
                here = Path(process.cwd()) == self.root.resolve()
                if here and MARKER in process.environ() and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process.pid)
            except (psutil.Error, OSError):
                continue
        return found

    def wait_for_a_stage(self, name: str = "") -> int:
        """The number of the shell that runs it."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            for pid in self.stage_processes():
                try:
                    environment = psutil.Process(pid).environ()
                except psutil.Error:
                    continue
                if environment.get("DVC_STAGE", "") == name or not name:
                    return pid
            time.sleep(0.01)
        raise AssertionError("no stage ever started")

    def wait_for_silence(self) -> float:
        """Seconds until no process of a stage is left."""
        start = time.monotonic()
        while self.stage_processes():
            assert time.monotonic() < start + 30, "stages live on"
            time.sleep(0.05)
        return time.monotonic() - start


def finished(process: "subprocess.Popen[str]", timeout: float = 300) -> tuple[int, str]:
    output, _ = process.communicate(timeout=timeout)
    return process.returncode, output


def expected(scratch: Path) -> dict[str, bytes]:
    """What an undisturbed walk leaves."""
    return _undisturbed(scratch)[0]


def _undisturbed(scratch: Path) -> tuple[dict[str, bytes], float]:
    """Also its seconds."""
    toy, start = Toy(scratch / "undisturbed"), time.monotonic()
    code, output = toy.walk()
    assert code == 0, output
    made, seconds = toy.made(), time.monotonic() - start
    shutil.rmtree(toy.root)
    return made, seconds
