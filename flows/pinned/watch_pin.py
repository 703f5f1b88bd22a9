"""watch.dvc: what was watched, pinned beside the data and apart from it."""

from pathlib import Path

from flows.pinned.repository import opened

WATCH, WATCH_PIN = "watch", "watch.dvc"


def pin_watch(root: Path) -> None:
    """Write watch.dvc anew, of watch/ as it is. No stage depends on it."""
    with opened(root) as repo:
        repo.add([str(root / WATCH)])


def watch_is_missing(root: Path) -> bool:
    """Whether a commit pins a watch that is not here."""
    return (root / WATCH_PIN).exists() and not (root / WATCH).exists()


def restore_watch(root: Path) -> bool:
    """From the cache or a remote, as far as they have it. False: neither has all of it."""
    with opened(root) as repo:
        pin = str(root / WATCH_PIN)
        (stage,) = repo.stage.load_all(pin)
        if stage.outs[0].changed_cache() and repo.config["core"].get("remote"):
            repo.fetch([pin])
        if stage.outs[0].changed_cache():
            return False
        repo.checkout([pin])
        return True
