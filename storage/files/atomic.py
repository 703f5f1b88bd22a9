"""Files and folders that exist only once they are complete."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def complete(path: Path) -> Iterator[Path]:
    """A place to write to that becomes `path` when the block ends without an error.

    What a killed run left half-written beside `path` (`.<name>.<pid>.partial`) is removed first.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(f".{path.name}.*.partial"):
        _remove(leftover)
    partial = path.parent / f".{path.name}.{os.getpid()}.partial"
    try:
        yield partial
        _replace(partial, path)
    except BaseException:
        _remove(partial)
        raise


@contextmanager
def complete_folder(path: Path) -> Iterator[Path]:
    """The same for a folder: the block fills it, then it takes the place of an older one."""
    with complete(path) as partial:
        partial.mkdir()
        yield partial


def _replace(partial: Path, path: Path) -> None:
    if path.is_dir():
        # A folder cannot be renamed over a full one; DVC removes outs first, so this gap is rarely met.
        old = path.with_name(f".{path.name}.old.{os.getpid()}.partial")
        path.rename(old)
        partial.rename(path)
        _remove(old)
    else:
        partial.replace(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
