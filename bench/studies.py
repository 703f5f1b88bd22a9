"""What studies cost that nobody asks for: the repository's no-op beside 0 and 50 of them, and the list of 50.

`python -m bench.studies [N]`, in a repository whose commit is made: a clone of it takes outputs from its cache as links.
"""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from flows.pinned.remotes import folders_of

ROOT = Path(__file__).parents[1]
RUNS = 3
LIGHT = "later-messages"
NO_OP = [sys.executable, "-m", "flows.reproduce"]
LIST = [sys.executable, "-m", "flows.study", "list"]


def cloned(folder: Path) -> Path:
    """Without its own studies, but for a light one beside it."""
    clone, kept = folder / "clone", folder / LIGHT
    cache, _ = folders_of(ROOT)
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    for name, value in (("cache.dir", str(cache)), ("cache.type", "hardlink,copy")):
        subprocess.run(["dvc", "config", "--local", name, value], cwd=clone, check=True)
    subprocess.run(["dvc", "checkout", "--quiet", "--allow-missing"], cwd=clone, check=True)
    shutil.copytree(clone / "studies" / LIGHT, kept)
    shutil.rmtree(clone / "studies")
    return clone


def cost(clone: Path, command: list[str], expected: str) -> tuple[float, float]:
    """CPU seconds, of the command and all it started, and wall seconds."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        command, cwd=clone, env=os.environ | {"PYTHONPATH": str(clone)}, capture_output=True, text=True
    )
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode or expected not in done.stdout:
        raise SystemExit(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def main(number: int = 50) -> None:
    alone, beside, listed = [], [], []
    with tempfile.TemporaryDirectory() as scratch:
        clone = cloned(Path(scratch))
        studies, away = clone / "studies", Path(scratch) / "studies"
        for place in range(number):
            shutil.copytree(Path(scratch) / LIGHT, studies / f"copy-{place}")
        for _ in range(RUNS + 1):  # in turn; the first fills caches of files that did not change
            beside.append(cost(clone, NO_OP, "nothing is stale"))
            listed.append(cost(clone, LIST, f"copy-{number - 1}"))
            studies.rename(away)
            alone.append(cost(clone, NO_OP, "nothing is stale"))
            away.rename(studies)
    print("| studies | command | CPU s | wall s |\n| --- | --- | --- | --- |")
    for count, command, runs in (
        (0, "python -m flows.reproduce", alone),
        (number, "python -m flows.reproduce", beside),
        (number, "python -m flows.study list", listed),
    ):
        seconds, wall = (statistics.median(each) for each in zip(*runs[1:], strict=True))
        print(f"| {count} | `{command}` | {seconds:.2f} | {wall:.2f} |")


if __name__ == "__main__":
    os.chdir(ROOT)
    main(*map(int, sys.argv[1:]))
