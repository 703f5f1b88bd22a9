"""Random kills over toy stages: `python -m tests.faults.kills [100] [seed]`.

A walk here is a fork of a process that has imported the walker already, which takes DVC most of a short walk's time.
Nothing else differs from `python -m flows.reproduce --no-prefect`: it works alone, writes alone and dies alone.
"""

import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import psutil

from tests.faults.toy import EDGES, Toy

WALK, STAGE = "kills of the walk, anywhere in it", "kills of a process of a stage"
ENDED = "walks that got to their end in between"
HELD = (
    "outputs and dvc.lock other than those of an undisturbed walk",
    "lines of dvc.lock that a kill lost, or that no undisturbed walk writes",
)
FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["flows.reproduce"])


def kill_at_random(
    scratch: Path, kills: int, seed: int = 0, say: Callable[[str], None] = lambda _: None
) -> dict[str, int]:
    """Kills walks, or processes of their stages, at random moments; what is made in the end is the same each time.

    After each kill, dvc.lock holds what it held before and no line that an undisturbed walk would not write. What
    was made is thrown away after each walk that got to its end, so that there is always something to kill.
    """
    chance, start = random.Random(seed), time.monotonic()
    wanted, seconds = _undisturbed(scratch / "undisturbed")
    entries = _entries(wanted["dvc.lock"])
    toy = Toy(scratch / "killed")
    counts = dict.fromkeys((WALK, STAGE, ENDED), 0)

    def killed() -> int:
        return counts[WALK] + counts[STAGE]

    while killed() < kills:
        recorded = _recorded(toy)
        walk = _forked(toy)
        while killed() < kills:
            walk.join(chance.uniform(0, seconds))
            if walk.exitcode is not None:
                break
            hit = _kill_one(toy, walk, chance)
            counts[WALK if hit == "the walk" else STAGE] += 1
            if hit == "the walk":
                break
            say(f"{killed():4} {hit:8} {time.monotonic() - start:6.0f} s")
        walk.join()
        toy.wait_for_silence()
        now = _recorded(toy)
        assert recorded <= now <= entries, f"dvc.lock lost or invented lines:\n{recorded}\n{now}"
        assert walk.exitcode in (0, 1, -signal.SIGKILL), _printed(toy)
        assert "Traceback" not in _printed(toy), _printed(toy)
        if walk.exitcode == -signal.SIGKILL:
            say(
                f"{killed():4} the walk {time.monotonic() - start:6.0f} s, {len(now)} of {len(EDGES)} stages recorded"
            )
        if walk.exitcode == 0:
            counts[ENDED] += 1
            assert toy.made() == wanted
            shutil.rmtree(toy.root)
            toy = Toy(scratch / "killed")
    last = _forked(toy)
    last.join()
    assert last.exitcode == 0, _printed(toy)
    assert toy.made() == wanted
    return counts


def _undisturbed(root: Path) -> tuple[dict[str, bytes], float]:
    """What it makes, and its seconds."""
    toy, start = Toy(root), time.monotonic()
    walk = _forked(toy)
    walk.join()
    assert walk.exitcode == 0, _printed(toy)
    return toy.made(), time.monotonic() - start


def _forked(toy: Toy) -> ForkServerProcess:
    walk = FORKS.Process(target=_walk, args=(toy.root, toy.environment))
    walk.start()
    return walk


def _walk(root: Path, environment: dict[str, str]) -> None:
    os.chdir(root)
    os.environ.clear()
    os.environ.update(environment)
    with (root / "printed.txt").open("w") as printed:
        os.dup2(printed.fileno(), 1)
        os.dup2(printed.fileno(), 2)
    from flows import reproduce  # noqa: PLC0415 - imported before the fork

    sys.exit(reproduce.main(["--no-prefect", "--jobs", "3"]))


def _printed(toy: Toy) -> str:
    printed = toy.root / "printed.txt"
    return printed.read_text() if printed.exists() else ""


def _recorded(toy: Toy) -> set[str]:
    lock = toy.root / "dvc.lock"
    return _entries(lock.read_bytes()) if lock.exists() else set()


def _entries(lock: bytes) -> set[str]:
    """Each stage's lines."""
    return set(re.split(r"^(?=  \S)", lock.decode(), flags=re.MULTILINE)[1:])


def _kill_one(toy: Toy, walk: ForkServerProcess, chance: random.Random) -> str:
    """The walk, or any process of a stage; which it was."""
    victims = toy.stage_processes()
    if victims and chance.random() < 0.7:
        victim, hit = chance.choice(victims), "a stage"
        with suppress(psutil.Error):
            hit = f"stage {psutil.Process(victim).environ().get('DVC_STAGE', '')}"
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
        return hit
    walk.kill()
    return "the walk"


def main() -> None:
    numbers = [int(each) for each in sys.argv[1:]]
    kills, seed = numbers[0] if numbers else 100, numbers[1] if len(numbers) > 1 else 0

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as scratch:
        counts = kill_at_random(Path(scratch).resolve(), kills, seed, say)
    counts |= dict.fromkeys(HELD, 0)  # any other count would have ended this above
    print(f"| kills {kills}, seed {seed} | |\n|---|---|")
    print(*(f"| {what} | {count} |" for what, count in counts.items()), sep="\n")


if __name__ == "__main__":
    main()
