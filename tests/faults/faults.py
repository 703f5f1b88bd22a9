"""Each fault once: what was done, what happened, what the user saw. `python -m tests.faults.faults` prints the table.

Every fault ends in a resumed walk whose outputs and dvc.lock are those of an undisturbed one.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.faults.toy import WALK, Toy, expected, finished, pipeline


class NotHere(RuntimeError):
    """This machine does not let the fault be made."""


@dataclass(frozen=True)
class Fault:
    done: str
    happened: str
    seen: str


def the_line(output: str, *words: str) -> str:
    """The first line the user saw with all of these words."""
    for line in output.splitlines():
        if all(word in line for word in words):
            return line.strip()
    raise AssertionError(f"nothing about {words} in\n{output}")


def resumed(toy: Toy, scratch: Path, *options: str) -> str:
    """Walk on; what was printed. Afterwards everything is as if nothing had happened."""
    toy.pause(0.2)
    (toy.root / "dvc.yaml").write_text(pipeline())
    code, output = toy.walk(*options)
    assert code == 0, output
    assert toy.made() == expected(scratch)
    return output


def kill_of_the_walk(scratch: Path) -> Fault:
    toy = Toy(scratch / "toy")
    toy.pause(2)
    walk = toy.start(*WALK, "--no-prefect")
    toy.wait_for_a_stage("b0")
    walk.send_signal(signal.SIGKILL)
    finished(walk)
    gone = toy.wait_for_silence()
    output = resumed(toy, scratch)
    assert "ran a0" not in output
    assert "ran b0" in output
    return Fault(
        "kill -9 of the walk while stages ran",
        f"its stages were ended within {max(1, round(gone))} s; the next walk ran what was not finished and nothing else",
        the_line(output, "b0", "first run"),
    )


def kill_of_a_stage(scratch: Path) -> Fault:
    toy = Toy(scratch / "toy")
    toy.pause(1)
    walk = toy.start(*WALK, "--no-prefect")
    os.kill(toy.wait_for_a_stage("b1"), signal.SIGKILL)
    code, output = finished(walk)
    assert code == 0, output
    assert toy.made() == expected(scratch)
    return Fault("kill -9 of a stage", "it was tried again, once", the_line(output, "ran b1", "tried twice"))


def kill_of_a_stage_twice(scratch: Path) -> Fault:
    toy = Toy(scratch / "toy")
    (toy.root / "dvc.yaml").write_text(pipeline(b1="echo half > b1.txt; kill -9 $$"))
    code, output = toy.walk()
    assert code == 1, output
    assert not (toy.root / "b1.txt").exists(), "half of an output stayed"
    (toy.root / "dvc.yaml").write_text(pipeline())
    resumed(toy, scratch)
    return Fault(
        "kill -9 of a stage at every try",
        "it failed, c was not run, all others ended; its half-written output was removed",
        the_line(output, "it was killed (SIGKILL)"),
    )


def kill_of_the_server(scratch: Path) -> Fault:
    toy = Toy(scratch / "toy")
    toy.pause(2)
    home, port = scratch / "prefect", str(20000 + os.getpid() % 20000)
    prefect = {
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
    }
    with (scratch / "server.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", port],
            env=toy.environment | prefect,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait_for_server(port)
        walk = toy.start(*WALK, **prefect)
        toy.wait_for_a_stage("a0")
        os.killpg(server.pid, signal.SIGKILL)
        code, output = finished(walk)
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    assert code == 0, output
    assert "Traceback" not in output, output
    assert toy.made() == expected(scratch)
    code, refused = finished(toy.start(*WALK, "--force", **prefect, PREFECT_CLIENT_MAX_RETRIES="0"))
    assert code == 1, refused
    assert "Traceback" not in refused, refused
    return Fault(
        "kill -9 of the Prefect server while stages ran",
        "all stages ended and were recorded; the next run was refused: "
        + the_line(refused, "no Prefect API"),
        the_line(output, "does not answer any more"),
    )


def _wait_for_server(port: str) -> None:
    import httpx  # noqa: PLC0415 - for this fault alone

    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/api/health").is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    raise AssertionError("the server never came up")


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        raise NotHere("no small file system can be mounted")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def full_disk(scratch: Path) -> Fault:
    with small_disk(scratch / "disk", 4):
        toy = Toy(scratch / "disk" / "toy")
        (toy.root / "dvc.yaml").write_text(pipeline(a0="head -c 8000000 /dev/zero > a0.txt"))
        code, output = toy.walk()
        assert code == 1, output
        assert not (toy.root / "a0.txt").exists(), "half of an output stayed"
        resumed(toy, scratch)
    return Fault(
        "a stage fills the disk",
        "it failed and its output was removed, which makes room again; independent stages ended",
        the_line(output, "No space left on device"),
    )


def full_cache(scratch: Path) -> Fault:
    toy = Toy(scratch / "toy")
    with small_disk(scratch / "toy" / ".dvc" / "cache", 1):
        filler = toy.root / ".dvc" / "cache" / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))
        code, output = toy.walk()
        assert code == 1, output
        assert "Traceback" not in output, output
        filler.unlink()
        resumed(toy, scratch)
    return Fault(
        "no room for DVC's cache",
        "stages failed when DVC took over their outputs; with room again, the next walk finished",
        the_line(output, "the disk is full"),
    )


def read_only_cache(scratch: Path) -> Fault:
    toy = Toy(scratch / "toy")
    cache = toy.root / ".dvc" / "cache"
    cache.mkdir()
    cache.chmod(0o555)
    as_anybody: tuple[str, ...] = ()
    if os.geteuid() == 0:  # to whom permissions mean nothing
        if not shutil.which("setpriv"):
            raise NotHere("root may write everywhere")
        as_anybody = ("setpriv", "--inh-caps=-all", "--bounding-set=-all")
    code, output = toy.walk(before=as_anybody)
    assert code == 1, output
    assert "Traceback" not in output, output
    cache.chmod(0o755)
    resumed(toy, scratch)
    return Fault(
        "DVC's cache may not be written to",
        "stages failed when DVC took over their outputs; allowed again, the next walk finished",
        the_line(output, "not allowed to write there"),
    )


def corrupted_cache(scratch: Path) -> Fault:
    toy = Toy(scratch / "toy")
    assert toy.walk()[0] == 0
    for path in (toy.root / ".dvc" / "cache" / "files").rglob("*"):
        if path.is_file() and path.read_bytes() == (toy.root / "b2.txt").read_bytes():
            path.chmod(0o644)
            path.write_text("rotten\n")
    (toy.root / "b2.txt").unlink()
    output = resumed(toy, scratch)
    assert "ran b2" in output, output
    return Fault(
        "a file of DVC's cache was overwritten, and the output it stands for deleted",
        "DVC noticed by the file's hash; the stage ran again, and those below it stayed as they were",
        the_line(output, "ran b2"),
    )


def conflict_in_the_lock(scratch: Path) -> Fault:
    toy = Toy(scratch / "toy")
    assert toy.walk()[0] == 0
    lock = (toy.root / "dvc.lock").read_text()
    head, marker, rest = lock.partition("  b0:\n")
    (toy.root / "dvc.lock").write_text(f"{head}<<<<<<< HEAD\n{marker}{rest}=======\n{marker}>>>>>>> other\n")
    code, output = toy.walk()
    assert code == 1, output
    (toy.root / "dvc.lock").write_text(head)  # one side, which knows less
    assert "restored b0" in resumed(toy, scratch)
    return Fault(
        "a merge left conflict marks in dvc.lock",
        "nothing ran; after one side was taken, the rest came back from the run-cache",
        the_line(output, "dvc.lock has a merge conflict"),
    )


def dvc_at_work(scratch: Path) -> Fault:
    toy = Toy(scratch / "toy")
    slow = "echo half > a0.txt; until test -e go; do sleep 0.1; done; echo whole > a0.txt"
    (toy.root / "dvc.yaml").write_text(pipeline(a0=slow))
    other = toy.start(sys.executable, "-m", "dvc", "repro", "a0")
    deadline = time.monotonic() + 60
    while not (toy.root / "a0.txt").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    code, output = toy.walk("a0")
    assert (toy.root / "a0.txt").read_text() == "half\n"
    (toy.root / "go").touch()
    code_of_other, output_of_other = finished(other)
    assert code_of_other == 0, output_of_other
    assert code == 1, output
    assert "Traceback" not in output, output
    resumed(toy, scratch)
    return Fault(
        "`dvc repro a0` in another terminal while the walk wanted a0",
        "the walk failed on a0 and left the other's file alone; run again, it finished",
        the_line(output, "another DVC command is at work here"),
    )


def half_a_table_of_locks(scratch: Path) -> Fault:
    toy = Toy(scratch / "toy")
    (toy.root / ".dvc" / "tmp").mkdir()
    (toy.root / ".dvc" / "tmp" / "rwlock").write_text('{"write": {"a0')
    output = resumed(toy, scratch)
    return Fault(
        "a kill had left half of .dvc/tmp/rwlock",
        "it was cleared, and the walk ended",
        the_line(output, "ran a0"),
    )


FAULTS: dict[str, Callable[[Path], Fault]] = {
    each.__name__: each
    for each in (
        kill_of_the_walk,
        kill_of_a_stage,
        kill_of_a_stage_twice,
        kill_of_the_server,
        full_disk,
        full_cache,
        read_only_cache,
        corrupted_cache,
        conflict_in_the_lock,
        dvc_at_work,
        half_a_table_of_locks,
    )
}


API = re.compile(r"http://127\.0\.0\.1:\d+/api")


def main() -> None:
    print("| what was done | what happened | what the user saw |\n|---|---|---|")
    for name in sys.argv[1:] or FAULTS:
        with tempfile.TemporaryDirectory() as scratch:
            try:
                fault = FAULTS[name](Path(scratch).resolve())
                seen = fault.seen.replace(scratch, "...").replace("|", "\\|")
                row = f"| {fault.done} | {fault.happened} | `{seen}` |"
                print(API.sub("the API's address", row), flush=True)
            except NotHere as reason:
                print(f"| {name} | not tried: {reason} | |", flush=True)


if __name__ == "__main__":
    main()
