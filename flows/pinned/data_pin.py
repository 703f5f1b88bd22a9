"""data.dvc: is data/ what it pins, can it be brought back, and how is it pinned anew."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dvc.exceptions import DvcException
from dvc.repo import lock_repo
from dvc.utils.serialize import dumps_yaml, parse_yaml_for_update

from flows.pinned.at_once import write_at_once
from flows.pinned.remotes import reached
from flows.pinned.repository import opened

DATA_PIN = "data.dvc"


@dataclass(frozen=True)
class DataStatus:
    state: Literal["not pinned", "missing", "changed", "clean"]
    changed: tuple[str, ...] = ()  # paths under data/; folders alone where the cache lacks the pinned listing
    folders: Mapping[str, str] = field(default_factory=dict)  # folder under data/ -> digest of what it holds


def data_status(root: Path) -> DataStatus:
    """data/ against data.dvc."""
    if not (root / DATA_PIN).exists():
        return DataStatus("not pinned")
    with opened(root) as repo, lock_repo(repo):
        out = _data(repo).outs[0]
        if not out.exists:
            return DataStatus("missing")
        # dry: hash what is there, put nothing into the cache
        *_, found = out._build(
            out.cache, out.fs_path, out.fs, out.hash_name, ignore=out.dvcignore, dry_run=True
        )
        if found.hash_info == out.hash_info:
            return DataStatus("clean")
        folders = _folder_digests(found)
        pinned = out.get_obj()
        if pinned is not None:
            old, new = _listing(pinned), _listing(found)
            changed = [path for path in old.keys() | new.keys() if old.get(path) != new.get(path)]
        else:
            known = _pinned_folders(_data(repo))
            changed = [
                f"{name}/" for name in known.keys() | folders.keys() if known.get(name) != folders.get(name)
            ]
        return DataStatus("changed", tuple(sorted(changed)), folders)


def restore_data(root: Path) -> bool:
    """Check data/ out over whatever is there, from the cache or from a remote. False: neither has all of it.

    Asked first, since a forced checkout from an incomplete cache deletes what it cannot replace. Raises RemoteError.
    """
    with opened(root) as repo:
        pin = str(root / DATA_PIN)
        if _data(repo).outs[0].changed_cache() and repo.config["core"].get("remote"):
            with suppress(DvcException), reached(repo):
                repo.fetch([pin])
        complete_now = not _data(repo).outs[0].changed_cache()
        if complete_now:
            repo.checkout([pin], force=True)
        return complete_now


def cache_data(root: Path) -> None:
    """Put data/ into the cache. data.dvc stays as it is."""
    with opened(root) as repo, lock_repo(repo):
        pin = _data(repo)
        if pin.outs[0].changed_cache():
            pin.commit()


def pin_data(root: Path) -> None:
    """Write data.dvc, with a digest of each folder, so that a clone with no cache can say which one differs."""
    with opened(root) as repo:
        (pin,) = repo.add([str(root / "data")])
        out = pin.outs[0]
        text = parse_yaml_for_update((root / DATA_PIN).read_text(), DATA_PIN)
        text["meta"] = {"pinned": out.hash_info.value, "folders": _folder_digests(out.get_obj())}
    write_at_once(root / DATA_PIN, dumps_yaml(text))


def _data(repo: Any) -> Any:
    return repo.stage.load_one(str(Path(repo.root_dir) / DATA_PIN))


def _listing(tree: Any) -> dict[str, str]:
    return {"/".join(key): hash_info.value for key, _, hash_info in tree}


def _folder_digests(tree: Any) -> dict[str, str]:
    lines: defaultdict[str, list[str]] = defaultdict(list)
    for path, value in sorted(_listing(tree).items()):
        lines[path.partition("/")[0]].append(f"{path} {value}\n")
    return {folder: hashlib.md5("".join(each).encode()).hexdigest() for folder, each in lines.items()}


def _pinned_folders(pin: Any) -> dict[str, str]:
    meta = pin.meta or {}
    return meta["folders"] if meta.get("pinned") == pin.outs[0].hash_info.value else {}
