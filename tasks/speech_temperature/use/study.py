"""What a study of speech_temperature makes of somebody's file: logits or probabilities of a classifier."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.files.arrays import array_names, read_foreign_arrays
from storage.files.documents import read_json
from storage.files.foreign import ForeignTable
from storage.files.formats import listed
from storage.files.inputs import InputError, shown
from storage.speech.logit_values import PREFIXES
from storage.speech.own_logits import ALSO
from tasks.intake.columns import (
    Role,
    assigned,
    form,
    is_group,
    is_name,
    is_number,
    is_unique,
    table_or_npz,
    unread,
)
from tasks.intake.proposal import Proposal
from tasks.intake.rewriting import Rewriting

EXPERIMENT = "speech_temperature"
LABEL = Role("label", ("label", "labels", "target", "truth", "y", "class", "actual"), is_name, alone=True)
CLIP = Role(
    "clip", ("clip", "clipid", "id", "ids", "image", "row", "sample", "name"), is_unique, needed=False
)
GROUP = Role(
    "group", ("group", "groups", "speaker", "patient", "subject", "source", "writer"), is_group, needed=False
)
SPLIT = Role("split", ("split", "splits", "fold", "subset"), is_name, needed=False)
SEED = Role("seed", ("seed", "seeds"), is_name, needed=False)
PARTS = {"dev", "calibration", "validation", "val"}
PREFIXED = {"probabilities": "prob_", "logits": "logit_"}
VALUES = "logits"  # what --map calls the values, also those that are probabilities
AT_RANDOM = {"by": "random", "dev": 0.5, "seed": 0}
ARRAYS: dict[str, tuple[str, ...]] = {
    "label": ("labels", "label", "y", "targets", "target", "truth"), "clip": ("clip", "clips", "id", "ids"),
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
    if path.is_dir():
        raise InputError(
            path, "is a folder; a study takes one file of logits or probabilities, a table or an npz; clips go by hand: "
            "docs/data/speech_temperature.md, under Clips",
        )  # fmt: skip
    return _arrays(path, stated) if path.suffix == ".npz" else _table(path, stated)


def _table(path: Path, stated: Mapping[str, str]) -> Proposal:
    table = table_or_npz(path, "logits=logits, labels=labels")
    prefixed = [
        name for name in table.names if name.startswith(tuple(p for each in PREFIXES.values() for p in each))
    ]
    told = {role: column for role, column in stated.items() if role != VALUES}
    roles = assigned(_without(table, prefixed), [CLIP, LABEL, GROUP, SPLIT, SEED], told)
    values, holds, columns = _values(table, [] if VALUES in stated else prefixed, roles, stated.get(VALUES))
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
    table: ForeignTable, prefixed: list[str], roles: Mapping[str, str], told: str | None
) -> tuple[list[str], str, dict[str, str]]:
    """Columns, what they hold, and what they have to be called."""
    for holds, prefixes in PREFIXES.items():
        if columns := [name for name in prefixed if name.startswith(prefixes)]:
            return columns, holds, {}
        if holds in table.names and told is None:
            return [holds], holds, {}
    labels = sorted(set(table.text(roles["label"])))
    called = _called(table, labels, told)
    if len(called) < 2:
        raise InputError(
            table.path,
            f"which columns are the logits? expected one for each class ({listed(labels)}), all called so after the same "
            f"beginning, such as logit_<class>, prob_<class>; there are {listed(table.names)}: say what they begin with, "
            f"--map {VALUES}=<beginning>",
        )
    if odd := [label for label in called if not re.fullmatch(r"[A-Za-z0-9_-]+", label)]:
        raise InputError(table.path, f"class {odd[0]!r}: call its column logit_{odd[0]} or prob_{odd[0]}")
    columns = list(called.values())
    numbers = np.column_stack([table.numbers(name) for name in columns])
    holds = _holds(numbers)
    return columns, holds, {f"{PREFIXED[holds]}{label}": name for label, name in called.items()}


def _called(table: ForeignTable, labels: Sequence[str], told: str | None) -> dict[str, str]:
    """Class -> its column: of the beginnings that columns of numbers share, the one that most classes have."""
    numbers = [name for name in table.names if is_number(table, name)]
    beginnings = {name.removesuffix(label) for name in numbers for label in labels if name.endswith(label)}
    found = [
        {label: f"{beginning}{label}" for label in labels if f"{beginning}{label}" in numbers}
        for beginning in ([told] if told is not None else sorted(beginnings))
    ]
    return max(found, key=len, default={})


def _arrays(path: Path, stated: Mapping[str, str]) -> Proposal:
    names = array_names(path)
    if unknown := [role for role in stated if role not in (VALUES, *ARRAYS)]:
        raise InputError(
            path, f"--map knows no {shown(unknown[0])} here; there are {listed([VALUES, *ARRAYS])}"
        )
    if odd := [f"{role}={array}" for role, array in stated.items() if array not in names]:
        raise InputError(path, f"--map {odd[0]}: no such array; there are {listed(names)}")
    values, holds = _matrix(path, names, stated.get(VALUES))
    found = {
        role: stated.get(role) or next((each for each in words if each in names), "")
        for role, words in ARRAYS.items()
    }
    if not found["label"]:
        raise InputError(
            path, f"which array is the label? there are {listed(names)}: say it with --map label=<array>"
        )
    own = {holds: values} | {role: array for role, array in found.items() if array}
    plain = all(array == ours or array in ALSO.get(ours, ()) for ours, array in own.items())
    split, why = (
        ({"by": "column"}, f"the file's own, array {found['split']}") if found["split"] else _split(set(), "")
    )
    return Proposal(
        "own_logits",
        {"logits.npz": path},
        {
            "prepare.logits": "logits.npz", "prepare.holds": holds, "prepare.columns": None,
            "prepare.split": split, "prepare.seeds": _seeds([]),
        },
        {
            "read as": f"{path.name}: npz", holds: values, **{role: name for role, name in found.items() if name},
            "split": why, "groups": f"array {found['group']}" if found["group"] else _groups(0),
        },
        [name for name in names if name not in own.values()],
        {} if plain else {"logits.npz": Rewriting(own)},
    )  # fmt: skip


def _matrix(path: Path, names: Sequence[str], told: str | None) -> tuple[str, str]:
    """The array (rows, classes) and what it holds."""
    if told is None and (own := next((each for each in ("logits", "probabilities") if each in names), None)):
        return own, own
    arrays = read_foreign_arrays(path, [told] if told else list(names))
    tables = {name: array for name, array in arrays.items() if array.ndim == 2 and array.dtype.kind == "f"}
    if len(tables) != 1:
        raise InputError(
            path, f"which array holds the logits or probabilities (rows, classes)? there are {listed(names)}: say it with "
            f"--map {VALUES}=<array>",
        )  # fmt: skip
    ((name, values),) = tables.items()
    return name, _holds(values)


def _holds(values: NDArray[Any]) -> str:
    probable = bool((values >= 0).all() and (np.abs(values.sum(axis=1) - 1) < 1e-2).all())
    return "probabilities" if probable else "logits"


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
    return ForeignTable(table.path, table.frame[kept], table.lines, table.form)


def facts(artifacts: Path) -> dict[str, str]:
    """What the first stage counted."""
    prepared = read_json(artifacts / "prepared.json")
    return {"classes": listed(prepared["labels"], 12)}
