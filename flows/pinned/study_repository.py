"""The DVC repository that a study is: made inside the Git one, with the cache and the remotes of the repository's root."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from dvc.config import Config
from dvc.exceptions import DvcException

from flows.pinned.at_once import write_at_once
from flows.pinned.repository import opened

SHARED_CACHE = "../../../.dvc/cache"
CONFIG = f"[core]\n    analytics = false\n    check_update = false\n[cache]\n    dir = {SHARED_CACHE}\n"
IGNORED = "/config.local\n/tmp\n/cache\n"


def initialise(folder: Path) -> None:
    """What `dvc init --subdir` leaves in a new folder, and where the cache is."""
    (folder / ".dvc").mkdir(parents=True)
    (folder / ".dvc" / "config").write_text(CONFIG)
    (folder / ".dvc" / ".gitignore").write_text(IGNORED)


def share(repository: Path, folder: Path) -> None:
    """Cache, default remote and remotes of the repository, in the study's own config.local: git holds none of it."""
    config = Config(str(repository / ".dvc"))
    sections: dict[str, Any] = {
        "core": {name: value for name in ("remote", "site_cache_dir") if (value := config["core"].get(name))},
        "cache": {"dir": config["cache"].get("dir") or repository / ".dvc" / "cache"},
        **{f"'remote \"{name}\"'": dict(settings) for name, settings in config["remote"].items()},
    }
    lines = []
    for section, settings in sections.items():
        lines += [f"[{section}]", *(f"    {key} = {value}" for key, value in settings.items())]
    local = folder / ".dvc" / "config.local"
    text = "\n".join(lines) + "\n"
    if not local.exists() or local.read_text() != text:
        local.touch(mode=0o600)
        write_at_once(local, text)
        local.chmod(0o600)  # a remote's keys may stand there


def check_out(root: Path) -> None:
    """What the cache has of the outputs that dvc.lock pins; what it lacks is made again."""
    with opened(root) as repo, suppress(DvcException):
        repo.checkout(force=True, allow_missing=True)
