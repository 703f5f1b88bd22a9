"""DVC remotes: where they are, and what went wrong with one, in words.

Each kind of storage has errors of its own, and none is imported here.
"""

import re
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dvc.exceptions import DownloadError, DvcException, UploadError

from flows.pinned.errors import GraphError
from flows.pinned.repository import FULL, causes_of, failures_since, opened

GUIDE = "docs/running.md, 'A remote'"
REFUSAL = re.compile(r"credential|forbidden|denied|access ?key|signature|\btoken|\b40[13]\b", re.IGNORECASE)


WHERE = (
    "url",
    "endpointurl",
    "region",
    "use_ssl",
)  # of a remote's settings; who may use it, each machine knows


class RemoteError(GraphError):
    """The remote was needed, and could not be used."""


@dataclass(frozen=True)
class Remote:
    name: str
    settings: Mapping[str, str]

    @property
    def url(self) -> str:
        return self.settings["url"]


def remote_of(root: Path, with_credentials: bool = False) -> Remote | None:
    """The default remote; a folder as an absolute path."""
    with opened(root) as repo:
        name = repo.config["core"].get("remote")
        return _remote(repo, name, with_credentials) if name else None


def folders_of(root: Path) -> tuple[Path, list[Remote]]:
    """Where this clone's cache is, and those remotes that are folders."""
    with opened(root) as repo:
        remotes = [_remote(repo, name) for name in repo.config["remote"]]
        return Path(repo.cache.local_cache_dir), [each for each in remotes if "://" not in each.url]


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


def _remote(repo: Any, name: str, with_credentials: bool = False) -> Remote:
    settings = repo.config["remote"][name]
    told = {key: str(value) for key, value in settings.items() if with_credentials or key in WHERE}
    return Remote(name, told)
