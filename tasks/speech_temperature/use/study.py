"""What a study of speech_temperature makes of somebody's file: logits or probabilities of a classifier."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from storage.files.arrays import array_names
from storage.files.documents import read_json
from storage.files.foreign import ForeignTable, read_foreign_table
from storage.files.formats import listed
from storage.files.inputs import InputError
from storage.speech.logit_values import PREFIXES
from tasks.intake.columns import Role, assigned, form, is_name, is_number, is_unique, unread
from tasks.intake.proposal import Proposal

EXPERIMENT = "speech_temperature"
LABEL = Role("label", ("label", "labels", "target", "truth", "y", "class", "actual"), is_name, alone=True)
CLIP = Role(
    "clip", ("clip", "clipid", "id", "ids", "image", "row", "sample", "name"), is_unique, needed=False
)
GROUP = Role(
    "group", ("group", "groups", "speaker", "patient", "subject", "source", "writer"), is_name, needed=False
)
SPLIT = Role("split", ("split", "splits", "fold", "subset"), is_name, needed=False)
SEED = Role("seed", ("seed", "seeds"), is_name, needed=False)
PARTS = {"dev", "calibration", "validation", "val"}
AT_RANDOM = {"by": "random", "dev": 0.5, "seed": 0}
ARRAYS: dict[str, tuple[str, ...]] = {
    "label": ("labels", "label", "y", "targets", "target"), "clip": ("clip", "clips", "id", "ids"),
    "group": ("group", "groups"), "split": ("split", "splits"),
}  # fmt: skip


def options(block: Mapping[str, Any]) -> dict[str, list[str]]:
    """One run for each seed that the params name; clips are trained on with the seeds of the repository."""
    prepare = block["prepare"]
    return {"seed": [str(seed) for seed in prepare["seeds"]]} if prepare["kind"] == "logits" else {}


def proposal(files: Sequence[Path], stated: Mapping[str, str]) -> Proposal:
    """One file. Raises InputError."""
    if len(files) != 1:
        raise InputError(files[1], f"{EXPERIMENT} takes one file of logits, got {len(files)}")
    path = files[0]
    return _arrays(path, stated) if path.suffix == ".npz" else _table(path, stated)


def _table(path: Path, stated: Mapping[str, str]) -> Proposal:
    table = read_foreign_table(path)
    prefixed = [
        name for name in table.names if name.startswith(tuple(p for each in PREFIXES.values() for p in each))
    ]
    roles = assigned(_without(table, prefixed), [CLIP, LABEL, GROUP, SPLIT, SEED], stated)
    values, holds, columns = _values(table, prefixed, roles)
    columns |= {ours: theirs for ours, theirs in roles.items() if ours != theirs}
    name = f"logits{''.join(path.suffixes[-2:] if path.suffix == '.gz' else [path.suffix])}"
    split, why = _split(
        set(table.text(roles["split"])) if "split" in roles else set(), roles.get("split", "")
    )
    seeds = sorted(set(table.text(roles["seed"]))) if "seed" in roles else []
    counts = table.text(roles["label"]).value_counts()
    return Proposal(
        "own_logits",
        {name: path},
        {
            "prepare.logits": name, "prepare.holds": holds, "prepare.columns": columns or None, "prepare.split": split,
            "prepare.seeds": _seeds(seeds),
        },
        {
            "read as": form(table), holds: listed(values), **roles,
            "classes": ", ".join(f"{label} {count:,}" for label, count in list(counts.items())[:8]),
            "split": why, "groups": _groups(table.text(roles["group"]).nunique() if "group" in roles else 0),
        },
        unread(table, [*values, *roles.values()]),
    )  # fmt: skip


def _values(
    table: ForeignTable, prefixed: list[str], roles: Mapping[str, str]
) -> tuple[list[str], str, dict[str, str]]:
    """Columns, what they hold, and what they have to be called."""
    for holds, prefixes in PREFIXES.items():
        if columns := [name for name in prefixed if name.startswith(prefixes)]:
            return columns, holds, {}
        if holds in table.names:
            return [holds], holds, {}
    labels = sorted(set(table.text(roles["label"])))
    columns = [name for name in table.names if name in labels and is_number(table, name)]
    if len(columns) < 2:
        raise InputError(
            table.path,
            f"which columns are the logits? expected one for each class, called as the class ({listed(labels)}) or "
            f"logit_<class>, prob_<class>; there are {listed(table.names)}",
        )
    if odd := [label for label in columns if not re.fullmatch(r"[A-Za-z0-9_-]+", label)]:
        raise InputError(table.path, f"class {odd[0]!r}: call its column logit_{odd[0]} or prob_{odd[0]}")
    numbers = np.column_stack([table.numbers(name) for name in columns])
    probable = bool((numbers >= 0).all() and (np.abs(numbers.sum(axis=1) - 1) < 1e-2).all())
    prefix = "prob_" if probable else "logit_"
    return columns, "probabilities" if probable else "logits", {f"{prefix}{name}": name for name in columns}


def _arrays(path: Path, stated: Mapping[str, str]) -> Proposal:
    names = array_names(path)
    holds = next((each for each in ("logits", "probabilities") if each in names), None)
    if holds is None:
        raise InputError(
            path, f"expected an array logits or probabilities (rows, classes), there are {listed(names)}"
        )
    found = {
        role: stated.get(role) or next((each for each in words if each in names), "")
        for role, words in ARRAYS.items()
    }
    if found["label"] not in names:
        raise InputError(
            path, f"which array is the label? there are {listed(names)}: say it with --map label=<array>"
        )
    known = {"label": "labels", "clip": "clip", "group": "group", "split": "split"}
    columns = {role: array for role, array in found.items() if array and array not in (role, known[role])}
    split, why = (
        ({"by": "column"}, f"the file's own, array {found['split']}") if found["split"] else _split(set(), "")
    )
    return Proposal(
        "own_logits",
        {"logits.npz": path},
        {
            "prepare.logits": "logits.npz", "prepare.holds": holds, "prepare.columns": columns or None,
            "prepare.split": split, "prepare.seeds": _seeds([]),
        },
        {
            "read as": f"{path.name}: npz", "holds": holds, **{role: name for role, name in found.items() if name},
            "split": why, "groups": f"array {found['group']}" if found["group"] else _groups(0),
        },
        [name for name in names if name not in (holds, *found.values())],
    )  # fmt: skip


def _split(parts: set[str], column: str) -> tuple[dict[str, Any], str]:
    if parts & PARTS and "test" in parts:
        return {"by": "column"}, f"the file's own, column {column}"
    return (
        AT_RANDOM,
        "half of the groups at random to dev, where the temperature is fitted, the others to test",
    )


def _seeds(found: Sequence[str]) -> dict[int, int | str | None]:
    if not found:
        return {42: None}
    numbers = [int(each) for each in found if each.isdecimal()]
    return dict(zip(numbers, numbers, strict=True)) if len(numbers) == len(found) else dict(enumerate(found))


def _groups(count: int) -> str:
    return f"{count:,}, never split" if count else "none: each row is its own, and the decision says so"


def _without(table: ForeignTable, columns: Sequence[str]) -> ForeignTable:
    kept = [name for name in table.names if name not in columns]
    return ForeignTable(table.path, table.frame[kept], table.first_row, table.form)


def facts(artifacts: Path) -> dict[str, str]:
    """What the first stage counted."""
    prepared = read_json(artifacts / "prepared.json")
    return {"classes": listed(prepared["labels"], 12)}
