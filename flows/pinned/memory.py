"""That nothing was stale the last time, for as long as no file behind it has been touched: no DVC, some hundredths of a second.

DVC reads params.yaml once for each stage and takes seconds to say that nothing is to be done. What it found is kept
with the identity of every file that it rests on (inode, size, times of content and of status, as DVC itself
trusts them), in a folder that git ignores. Whatever is touched, missing or new there, DVC is asked again.
"""

import hashlib
import json
import os
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from flows.pinned.at_once import write_at_once
from flows.pinned.errors import GraphError
from flows.pinned.stage import Stage

MEMORY = Path(".cache", "up_to_date.json")
ABOUT = (
    "dvc.yaml",
    "dvc.lock",
    "params.yaml",
    "data.dvc",
    "data",
    ".dvcignore",
    ".dvc/config",
    ".dvc/config.local",
)
FORMAT = 1
SETTLED = 2_000_000_000  # ns; what changed later could change again within one tick of a coarse clock


def recall(root: Path) -> list[Stage] | None:
    """All stages, upstreams first, none of them stale. None: not known, so DVC has to be asked."""
    try:
        known = json.loads((root / MEMORY).read_text())
        if known["format"] != FORMAT or known["identity"] != _identity(known["files"], time.time_ns()):
            return None
        return [Stage(name, tuple(upstreams)) for name, upstreams in known["stages"].items()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def remember(root: Path, stages: Iterable[Stage], others: Iterable[Path], began: int) -> None:
    """What DVC, asked at `began` (ns of the clock), found. `others`: what it rests on besides the stages' files.

    Nothing is remembered where a stage is stale, or a file is so new that it may have changed since DVC read it.
    """
    found = list(stages)
    if any(stage.stale for stage in found):
        return
    files = {str(root / name) for name in ABOUT} | {str(path) for path in others}
    files |= {path for stage in found for path in stage.files}
    listed = sorted(files)
    known = {"format": FORMAT, "stages": {each.name: each.upstreams for each in found}, "files": listed}
    with suppress(OSError, GraphError):  # what cannot be read or kept is asked of DVC again
        if (identity := _identity(listed, began - SETTLED)) is not None:
            (root / MEMORY).parent.mkdir(exist_ok=True)
            write_at_once(root / MEMORY, json.dumps(known | {"identity": identity}))


def _identity(files: Iterable[str], before: int) -> str | None:
    """Of all files and of what lies below folders; None if it cannot be told, or one changed at or after `before`."""
    digest = hashlib.sha256()
    for name in files:
        for path, status in _below(Path(name)):
            if status is None:
                digest.update(f"{path} is missing\n".encode())
                continue
            if max(status.st_mtime_ns, status.st_ctime_ns) >= before:
                return None
            if path.is_symlink() and stat.S_ISDIR(status.st_mode):
                return None  # what lies below could lead anywhere, and round in circles
            times = (status.st_mtime_ns, status.st_ctime_ns)
            digest.update(f"{path} {status.st_ino} {status.st_mode} {status.st_size} {times}\n".encode())
    return digest.hexdigest()


def _below(path: Path) -> Iterator[tuple[Path, os.stat_result | None]]:
    try:
        status = path.stat()
    except FileNotFoundError:
        yield path, None
        return
    yield path, status
    if stat.S_ISDIR(status.st_mode) and not path.is_symlink():
        for each in sorted(path.iterdir()):
            yield from _below(each)
