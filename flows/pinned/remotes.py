"""What went wrong with a DVC remote, in words: each kind of storage has errors of its own, and none is imported here."""

import re
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dvc.exceptions import DownloadError, DvcException, UploadError

from flows.pinned.repository import FULL, GraphError, causes_of, failures_since

GUIDE = "docs/running.md, 'A remote'"
REFUSAL = re.compile(r"credential|forbidden|denied|access ?key|signature|\btoken|\b40[13]\b", re.IGNORECASE)


class RemoteError(GraphError):
    """The remote was needed, and could not be used."""


@contextmanager
def reached(repo: Any) -> Iterator[None]:
    """Raises RemoteError for what the remote or the way to it is the cause of; other errors pass as they are."""
    start = time.time()
    try:
        yield
    except Exception as error:
        causes = list(causes_of(error))
        if isinstance(error, DownloadError | UploadError):
            causes += failures_since(start)
        blamed = next((each for each in reversed(causes) if _is_of_the_remote(each)), None)
        if blamed is None:
            raise
        raise RemoteError(_in_words(repo, blamed)) from error


def _is_of_the_remote(error: BaseException) -> bool:
    """Files of this machine have a name; what DVC itself refuses, and errors in code, are something else."""
    if isinstance(error, OSError):
        return error.filename is None and error.errno not in FULL
    if isinstance(error, ImportError):
        return True
    return type(error).__module__ != "builtins" and not isinstance(
        error, DvcException | sqlite3.Error | GraphError
    )


def _in_words(repo: Any, error: BaseException) -> str:
    name = repo.config["core"].get("remote")
    settings = repo.config["remote"].get(name, {})
    where = " at ".join(str(settings[key]) for key in ("url", "endpointurl") if settings.get(key))
    said = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, ImportError):
        package = next(iter(re.findall(r"'(dvc-\w+)'", said)), f"dvc-{where.partition(':')[0]}")
        return (
            f"the DVC remote {name!r} ({where}) needs {package}, which is not installed here: "
            f"`uv pip install --python {sys.prefix} -c requirements.lock {package}` ({GUIDE})"
        )
    remedy = (
        "give it credentials that may read and write there"
        if isinstance(error, PermissionError) or REFUSAL.search(f"{type(error).__name__} {said}")
        else "is it up, and does what `dvc config --list` calls its address exist?"
    )
    return (
        f"the DVC remote {name!r} ({where}) cannot be used: {said}\n"
        f"  -> {remedy} ({GUIDE}); what is finished here stays, and the same command goes on from it"
    )
