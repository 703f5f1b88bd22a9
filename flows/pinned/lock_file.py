"""dvc.lock: one stage's lines replaced at a time, sorted at the end, never half-written."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dvc.stage.serialize import to_lockfile
from dvc.utils.serialize import dumps_yaml, parse_yaml_for_update

from flows.pinned.at_once import write_at_once
from flows.pinned.repository import LOCK

LOCK_HEAD = "schema: '2.0'\nstages:\n"


def sort_lock(root: Path) -> None:
    """The same bytes whatever the order in which stages ended; DVC itself would write them so, too."""
    path = root / LOCK
    if path.exists() and (lock := path.read_text()) != (ordered := _sorted(lock)):
        write_at_once(path, ordered)


def _sorted(lock: str) -> str:
    if _has_more_than_stages(lock):
        return _rewritten(lock)
    entries = re.split(r"^(?=  \S)", lock.removeprefix(LOCK_HEAD), flags=re.MULTILINE)
    return LOCK_HEAD + "".join(sorted(entries, key=_name_of))


def _name_of(entry: str) -> str:
    return entry.partition("\n")[0].strip().removesuffix(":").strip("'\"")


def _has_more_than_stages(lock: str) -> bool:
    return not lock.startswith(LOCK_HEAD) or bool(
        re.search(r"^\S", lock.removeprefix(LOCK_HEAD), re.MULTILINE)
    )


def record(root: Path, stage: Any) -> None:
    """Replace the stage's lines in dvc.lock; `sort_lock` puts them in order at the end.

    DVC parses and writes the whole file for each stage, which is most of what a small stage costs, and truncates
    it first, so that a kill at that moment loses it.
    """
    splice(root, dumps_yaml({"stages": to_lockfile(stage)}).removeprefix("stages:\n"))
    stage.repo.scm_context.track_file(LOCK)


def entry(root: Path, name: str) -> str:
    """A stage's lines, also for `splice` in another clone; empty where it was never recorded."""
    return _entry(_stages_last(_lock(root)), name)


def _entry(lock: str, name: str) -> str:
    found = _lines_of(_head(name)).search(lock)
    return found[0] if found else ""


def _head(name: str) -> str:
    return f"  {dumps_yaml({name: None})}".rstrip()


def splice(root: Path, entry: str) -> None:
    """Replace a stage's lines by these; to be called with DVC's lock held."""
    others = _lines_of(entry.partition("\n")[0]).sub("", _stages_last(_lock(root)))
    write_at_once(root / LOCK, others + entry)


def put_back(root: Path, before: str, names: Iterable[str]) -> None:
    """These stages' lines as `before`, the text of an earlier dvc.lock, has them, or none."""
    earlier, lock = _stages_last(before), _stages_last(_lock(root))
    for name in names:
        lock = _lines_of(_head(name)).sub("", lock) + _entry(earlier, name)
    if lock == LOCK_HEAD:  # no stage left
        (root / LOCK).unlink(missing_ok=True)
    else:
        write_at_once(root / LOCK, _sorted(lock))


def _lines_of(head: str) -> re.Pattern[str]:
    return re.compile(rf"^{re.escape(head)}\n(?: {{4}}.*\n|\n)*", re.MULTILINE)


def _lock(root: Path) -> str:
    return (root / LOCK).read_text() if (root / LOCK).exists() else ""


def _stages_last(lock: str) -> str:
    if not lock:
        return LOCK_HEAD
    return _rewritten(lock) if _has_more_than_stages(lock) else lock


def _rewritten(lock: str) -> str:
    """As DVC writes it, stages sorted and last."""
    data = parse_yaml_for_update(lock, LOCK)
    data["stages"] = dict(sorted(data.pop("stages", {}).items()))
    return str(dumps_yaml(data))
