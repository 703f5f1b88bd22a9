"""Whether results are of what is there now, as far as it shows without DVC: code, params and commands against dvc.lock.

Reading data and outputs anew, as DVC does, takes a second a study; this takes some hundredths.
"""

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from params.block import read_params

LOCK, PIPELINE, PARAMS = "dvc.lock", "dvc.yaml", "params.yaml"
OF_THE_STUDY = ("data", "artifacts", "results")


def stale_stages(folder: Path) -> list[str]:
    """Stages of dvc.lock that code, params or data contradict, and those of dvc.yaml that it lacks; a matrix has one name."""
    lock, pipeline = _yaml(folder / LOCK), _yaml(folder / PIPELINE)
    locked = lock.get("stages", {})
    params = read_params(folder / PARAMS)
    made = {name.partition("@")[0] for name in locked}
    never = [name for name in pipeline.get("stages", {}) if name not in made]
    return sorted(
        {
            *never,
            *(name.partition("@")[0] for name in locked if any(_differences(folder, locked[name], params))),
        }
    )


def is_of_other_data(folder: Path, experiment: str) -> bool:
    """Whether the results are of data that lay there before, or was read otherwise. Data that is not here is no other."""
    params, prefix = read_params(folder / PARAMS), f"{experiment}_"
    for name, entry in _yaml(folder / LOCK).get("stages", {}).items():
        if not name.startswith(prefix):
            continue
        stated = entry.get("params", {}).get(PARAMS, {})
        if f"{experiment}.prepare" in stated and stated[f"{experiment}.prepare"] != value_at(
            params, f"{experiment}.prepare"
        ):
            return True
        for dep in entry.get("deps", []):
            path = folder / dep["path"]
            if dep["path"].split("/")[0] == "data" and path.exists() and _size(path) != dep.get("size"):
                return True
    return False


def data_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*")) if folder.exists() else []


def _differences(folder: Path, entry: Mapping[str, Any], params: Any) -> Iterator[str]:
    for name, value in entry.get("params", {}).get(PARAMS, {}).items():
        if value_at(params, name) != value:
            yield name
    for dep in entry.get("deps", []):
        path = folder / dep["path"]
        if dep["path"].split("/")[0] == "data":
            if not path.exists() or _size(path) != dep.get("size"):
                yield dep["path"]
        elif dep["path"].split("/")[0] not in OF_THE_STUDY and _digest(path.resolve()) != dep.get("md5"):
            yield dep["path"]
    for out in entry.get("outs", []):
        if out["path"].startswith("results/") and not (folder / out["path"]).exists():
            yield out["path"]


def value_at(params: Any, key: str, missing: object = None) -> Any:
    """Under a dotted key of a params file."""
    for part in key.split("."):
        params = params.get(part, missing) if isinstance(params, Mapping) else missing
    return params


def _size(path: Path) -> int:
    files = [each for each in path.rglob("*") if each.is_file()] if path.is_dir() else [path]
    return sum(each.stat().st_size for each in files)


@cache
def _digest(path: Path) -> str | None:
    return hashlib.md5(path.read_bytes()).hexdigest() if path.exists() else None


def _yaml(path: Path) -> Any:
    return _parsed(path, path.stat().st_mtime_ns) if path.exists() else {}


@lru_cache(maxsize=4)  # a lock file is asked twice for each study, and takes the most of it
def _parsed(path: Path, _changed: int) -> Any:
    return YAML(typ="safe").load(path) or {}


def pinned_bytes(folder: Path) -> int:
    """Of data and outputs, as data.dvc and dvc.lock say."""
    entries = list(_yaml(folder / "data.dvc").get("outs", []))
    entries += [
        out for stage in _yaml(folder / LOCK).get("stages", {}).values() for out in stage.get("outs", [])
    ]
    return sum(int(each.get("size", 0)) for each in entries)
