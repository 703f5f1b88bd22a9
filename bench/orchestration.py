"""The walker against `dvc repro` over toy stages: no-op cost, overhead, scaling, parallel wall time, locks.

`python -m bench.orchestration [--prefect]`: with `--prefect` also walks as flow runs: of one server, and with one API each.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from flows.walk import settings

ROOT = Path(__file__).parents[1]
WALK = [sys.executable, "-m", "flows.reproduce"]
PLAIN = [*WALK, "--no-prefect"]
DVC = [sys.executable, "-m", "dvc", "repro", "-q"]
PORT = "4291"


class Toys:
    """Independent stages, each of one short command."""

    def __init__(self, scratch: Path, stages: int, command: str = "true") -> None:
        self.root = scratch / f"toys-{stages}-{command.split()[0]}"
        (self.root / ".dvc").mkdir(parents=True)
        (self.root / ".dvc" / "config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
        (self.root / "in.txt").write_text("one\n")
        (self.root / "dvc.yaml").write_text(
            "stages:\n"
            + "".join(
                f"  s{i:03}: {{cmd: {command}; echo {i} > o{i}, deps: [in.txt], outs: [o{i}]}}\n"
                for i in range(stages)
            )
        )
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT")},
            **settings.environment(scratch),
            "PYTHONPATH": str(ROOT),
            "DVC_SITE_CACHE_DIR": str(scratch / "site"),
        }

    def forget(self) -> None:
        """As before the first run."""
        for path in [*self.root.glob("o*"), self.root / "dvc.lock"]:
            path.unlink(missing_ok=True)
        shutil.rmtree(self.root / ".dvc" / "cache", ignore_errors=True)

    def cost(self, *command: str, **environment: str) -> tuple[float, float]:
        """(CPU seconds of the command and all it started and waited for, wall seconds)."""
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(
            command, cwd=self.root, env=self.environment | environment, capture_output=True, text=True
        )
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode or "lock" in done.stderr:
            raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def no_op(scratch: Path, stages: int, runs: int = 3) -> None:
    toys = Toys(scratch, stages)
    toys.cost(*PLAIN)
    walks, repros = [], []
    for _ in range(runs):  # in turn, so that a busy moment of the machine meets both
        walks.append(toys.cost(*WALK)[0])
        repros.append(toys.cost(*DVC)[0])
    ours, dvcs = statistics.median(walks), statistics.median(repros)
    print(
        f"no-op, {stages:3} stages: {ours:6.2f} CPU s, `dvc repro` {dvcs:6.2f}: {ours / dvcs:5.2f}x  (goal 1.5x)"
    )


def scaling(scratch: Path) -> None:
    for stages in (25, 100, 200):
        toys = Toys(scratch, stages, "sleep 0")
        ours, wall = toys.cost(*PLAIN, "--jobs", "8")
        idle = toys.cost(*WALK)[0]
        print(
            f"cold, {stages:3} stages, 8 threads: {(ours - idle) / stages:.3f} CPU s a stage (goal .2), "
            f"{ours:5.1f} in all, {wall:5.1f} s; no lock error"
        )
        if stages >= 100:
            against_dvc(toys, ours, wall)


def against_dvc(toys: Toys, ours: float, wall: float) -> None:
    parallel = (toys.root / "dvc.lock").read_bytes()
    toys.forget()
    dvcs, dvc_wall = toys.cost(*DVC)
    same = (toys.root / "dvc.lock").read_bytes() == parallel
    print(
        f"    `dvc repro` {dvcs:.1f} CPU s, {dvc_wall:.1f} s: {ours / dvcs:.2f}x in CPU, {wall / dvc_wall:.2f}x in wall "
        f"time; dvc.lock is {'that' if same else 'NOT THAT'} of `dvc repro`"
    )


def side_by_side(scratch: Path) -> None:
    stages, seconds, jobs = 8, 5, 4
    toys = Toys(scratch, stages, f"sleep {seconds}")
    ideal = stages * seconds / jobs
    wall = toys.cost(*PLAIN, "--jobs", str(jobs))[1]
    print(
        f"{stages} stages of {seconds} s, --jobs {jobs}: {wall:.1f} s, ideal {ideal:.0f}: {wall / ideal:.2f}x  (goal 2x)"
    )


@contextmanager
def server(toys: Toys) -> Iterator[str]:
    started = subprocess.Popen(
        [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", PORT],
        env=toys.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{PORT}/api"
    try:
        deadline = time.monotonic() + 180
        while True:
            try:
                with urlopen(f"{url}/health"):
                    break
            except URLError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)
        yield url
    finally:
        started.terminate()
        started.wait()


def as_a_flow_run(scratch: Path) -> None:
    few, many = Toys(scratch, 5, "sleep 0"), Toys(scratch, 45, "sleep 0")
    with server(few) as url:
        costs = [toys.cost(*WALK, "--jobs", "8", PREFECT_API_URL=url)[0] for toys in (few, many)]
    print(
        f"as a flow run of Prefect: {(costs[1] - costs[0]) / 40:.3f} CPU s a stage  (goal .2), the server's not counted"
    )
    for toys in (few, many):
        toys.forget()
    costs = [toys.cost(*WALK, "--jobs", "8")[0] for toys in (few, many)]
    print(
        f"with an API of its own, counted: {(costs[1] - costs[0]) / 40:.3f} CPU s a stage, {costs[0]:.1f} in all for 5"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prefect", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder).resolve()
        no_op(scratch, 5)
        no_op(scratch, 50)
        no_op(scratch, 200, runs=1)
        side_by_side(scratch)
        scaling(scratch)
        if asked.prefect:
            as_a_flow_run(scratch)


if __name__ == "__main__":
    main()
