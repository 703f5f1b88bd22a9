"""Hostile files against every reader: each mutation of a valid input is read, refused in one line, or a finding.

Reads run in forked workers: a crash, a hang or a kill costs the read it happened in and nothing else.
"""

import json
import os
import resource
import select
import shlex
import shutil
import signal
import tempfile
import time
import traceback
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from storage.files.inputs import InputError
from tests.fuzz.formats import mutations_of
from tests.fuzz.mutations import Change, NotApplicable
from tests.fuzz.verdicts import fingerprints, message_problem, mispaired, short

SECONDS = 5  # of processor time that one read may take
WALL = 120  # and of the clock, for a read that waits
PEAK = 512 << 20  # bytes above the size of the files
ROOM = 6 << 30  # address space of a worker beyond what it starts with: more is a MemoryError
BATCH, GROWTH = 40, 200 << 20  # mutations of one worker, and the memory it may keep
TRIES = 60  # draws of a mutation until one applies


@dataclass(frozen=True)
class Importer:
    """One kind of file in one format, as a user brings it and as the project reads it.

    write puts a small VALID input into an empty folder. read is the project's own reading code on that folder: row
    key -> (label, values ...), label names and values of that row alone, so that a row that got another's shows.
    Keys have to come from the file (an id), not from a position; else name what moves rows in `without`.

    formats: file name or pattern -> format, where the suffix does not say it (tests.fuzz.formats.FORMATS).
    only: patterns of the files that are mutated; empty: all.
    may_refuse: mutations that keep the meaning and may be refused all the same ("separator", ...).
    without: mutations that mean something else here.
    """

    name: str
    experiment: str
    write: Callable[[Path, np.random.Generator], None]
    read: Callable[[Path], Mapping[str, object]]
    formats: Mapping[str, str] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    may_refuse: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Outcome:
    """Of one mutation. finding: None, or what is wrong; kind: traceback, hang, crash, memory, message, pairing."""

    at: int
    what: str
    refused: bool = False
    kind: str | None = None
    finding: str | None = None
    seconds: float = 0.0
    peak: int = 0


@dataclass(frozen=True)
class Campaign:
    importer: Importer
    seed: int
    outcomes: list[Outcome]

    @property
    def findings(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.kind]

    def command(self, outcome: Outcome) -> str:
        place = f" --at {outcome.at}" if outcome.at >= 0 else " --mutations 0"
        return f"python -m tests.fuzz --only {shlex.quote(self.importer.name)} --seed {self.seed}{place}"


def fuzz(importer: Importer, seed: int, positions: range) -> Campaign:
    """The mutations number `positions` of the importer, each by a stream of its own; the valid input is number -1."""
    outcomes: list[Outcome] = []
    start = positions.start
    with tempfile.TemporaryDirectory(prefix="fuzz-", ignore_cleanup_errors=True) as scratch:
        while not outcomes or (start < positions.stop and not outcomes[0].kind):
            valid, *rest = _batch(
                importer, seed, range(start, min(start + BATCH, positions.stop)), Path(scratch)
            )
            outcomes += [*(() if outcomes and not valid.kind else (valid,)), *rest]
            start = rest[-1].at + 1 if rest else positions.stop
    return Campaign(importer, seed, outcomes)


def _batch(importer: Importer, seed: int, batch: range, scratch: Path) -> list[Outcome]:
    """What one worker got to: the valid input, its mutations, and the read that ended it."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        with os.fdopen(writing, "w", buffering=1) as results:
            try:
                _work(importer, seed, batch, scratch, results)
            except BaseException:  # nothing of the worker may go on as if it were its parent
                results.write(json.dumps({"harness": traceback.format_exc()}) + "\n")
            results.flush()
            os._exit(0)
    os.close(writing)
    outcomes: list[Outcome] = []
    begun: dict[str, Any] = {}
    waited, pending = False, b""
    with os.fdopen(reading, "rb", buffering=0) as messages:
        while not waited:
            if not select.select([messages], [], [], WALL)[0]:
                os.kill(pid, signal.SIGKILL)
                waited = True
            elif not (part := messages.read(1 << 16)):
                break
            else:
                *lines, pending = (pending + part).split(b"\n")
                for message in map(json.loads, lines):
                    if "harness" in message:
                        raise RuntimeError(message["harness"])
                    begun = {} if "seconds" in message else message
                    outcomes += [] if begun else [Outcome(**message)]
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if not begun:
        return outcomes
    if waited or status == -signal.SIGXCPU:
        ended = Outcome(**begun, kind="hang", finding=f"more than {WALL if waited else SECONDS} s")
    else:
        ended = Outcome(**begun, kind="crash", finding=f"the worker ended with {status}")
    return [*outcomes, ended]


def _work(importer: Importer, seed: int, batch: range, scratch: Path, results: Any) -> None:
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(
        resource.RLIMIT_AS, (_memory("VmSize") + ROOM, resource.getrlimit(resource.RLIMIT_AS)[1])
    )

    def say(message: Mapping[str, object]) -> None:
        results.write(json.dumps(message) + "\n")

    base = scratch / "base"
    with suppress(FileNotFoundError):
        shutil.rmtree(base)
    base.mkdir()
    say({"at": -1, "what": "the valid input"})
    valid = _valid(importer, base, seed)
    say(asdict(valid if isinstance(valid, Outcome) else Outcome(-1, "the valid input")))
    if isinstance(valid, Outcome):
        return
    kept = _memory("VmRSS")
    for at in batch:
        say(asdict(_mutated(importer, seed, at, base, scratch / "mutated", valid, say)))
        if _memory("VmRSS") - kept > GROWTH:
            break


def _valid(importer: Importer, base: Path, seed: int) -> dict[str, str] | Outcome:
    """Row -> fingerprint of the valid input, or what is wrong with it."""
    try:
        importer.write(base, np.random.default_rng([seed, zlib.crc32(importer.name.encode())]))
        with _limited():
            rows = importer.read(base)
    except Exception as error:
        return Outcome(-1, "the valid input", kind="traceback", finding=short(error))
    if not rows:
        return Outcome(-1, "the valid input", kind="pairing", finding="no row was read")
    return fingerprints(rows)


def _mutated(
    importer: Importer,
    seed: int,
    at: int,
    base: Path,
    scratch: Path,
    valid: Mapping[str, str],
    say: Callable[[Mapping[str, object]], None],
) -> Outcome:
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(base, scratch / "data")
    shutil.copytree(base, scratch / "outside")
    random = np.random.default_rng([seed, zlib.crc32(importer.name.encode()), at])
    name, file, change = _change(importer, scratch / "data", random)
    what = f"{file}: {name}: {change.what}"
    say({"at": at, "what": what})
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    before, began = _memory("VmRSS"), time.process_time()
    rows: Mapping[str, object] | None = None
    kind, finding = None, None
    try:
        with _limited():
            rows = importer.read(scratch / "data")
    except InputError as error:
        kind, finding = message_problem(str(error), scratch / "data", file)
        if kind is None and change.keeps == "same" and name not in importer.may_refuse:
            kind, finding = "pairing", f"it means the same and was refused: {error}"
    except Exception as error:
        kind, finding = "traceback", short(error)
    seconds, peak = time.process_time() - began, max(_memory("VmHWM") - before, 0)
    size = sum(each.stat().st_size for each in (scratch / "data").rglob("*") if each.is_file())
    if kind is None and peak > PEAK + size:
        kind, finding = "memory", f"{peak >> 20} MB for files of {size >> 20} MB"
    if kind is None and rows is not None and (problem := mispaired(change, valid, fingerprints(rows))):
        kind, finding = "pairing", problem
    return Outcome(at, what, rows is None, kind, finding, seconds, peak)


def _change(importer: Importer, folder: Path, random: np.random.Generator) -> tuple[str, str, Change]:
    """The mutation's name, the file and what was done to it."""
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and (not importer.only or any(path.match(pattern) for pattern in importer.only))
    )
    for _ in range(TRIES):
        path = files[random.integers(len(files))]
        patterns = [form for pattern, form in importer.formats.items() if path.match(pattern)]
        mutations = mutations_of(path, patterns[0] if patterns else None)
        names = sorted(set(mutations) - importer.without)
        name = names[random.integers(len(names))]
        content = path.read_bytes()
        try:
            return name, path.relative_to(folder).as_posix(), mutations[name](path, random)
        except NotApplicable:
            path.write_bytes(content)
    raise AssertionError(f"{importer.name}: no mutation applies to {[path.name for path in files]}")


@contextmanager
def _limited() -> Iterator[None]:
    """Beyond SECONDS of processor time the kernel ends the worker."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + 1 + SECONDS, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, (hard, hard))


def _memory(name: str) -> int:
    """Bytes, of /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) << 10
    return 0
