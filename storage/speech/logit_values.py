"""The numbers of a file of logits or probabilities, and the classes they are of."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from storage.files.foreign import ForeignTable
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError, shown
from storage.speech.manifests import UNSEEN, label_numbers

Floats = NDArray[np.float64]
Values = Literal["logits", "probabilities"]
Classes = list[str] | Literal["all"]

PREFIXES = {"logits": ("logit_", "logit:"), "probabilities": ("prob_", "prob:", "probability_")}
OTHER: dict[str, Values] = {"logits": "probabilities", "probabilities": "logits"}
LARGEST = 1e30  # the fourth power of a logit has to be finite
SUMS, ROUNDED_SUMS = 1e-4, 1e-2  # how near to 1 probabilities sum that were not declared, and that were
SHIFTED = 2  # times as often right with labels one lower: no chance
LEAST = float(np.finfo(np.float32).tiny)


def class_values(file: ForeignTable, classes: Classes, kind: Values) -> tuple[Floats, list[str]]:
    """((rows, classes), the classes' names): one column of lists, called `kind`, or a column for each class.

    InputError for columns that are missing, of no class, or no finite numbers.
    """
    values, labels = _lists(file, classes, kind) if file.has(kind) else _columns(file, classes, kind)
    if len(labels) < 2:
        raise InputError(file.path, f"expected {kind} of two classes or more, got {len(labels)}")
    if odd := [label for label in labels if not label or UNSEEN.search(label)]:
        raise InputError(file.path, f"expected class names on one line, got {shown(odd[0])}")
    bad = ~(np.abs(values) <= LARGEST)
    if bad.any():
        position, place = (int(each) for each in np.argwhere(bad)[0])
        raise InputError(
            file.path, f"expected a finite number, got {values[position, place]:g}", row=file.row(position),
            field=f"{kind} of {labels[place]}",
        )  # fmt: skip
    if kind == "logits" and _are_probabilities(values).all():
        raise InputError(
            file.path,
            "these are probabilities: no number is below 0 and each row sums to 1; set speech_temperature.prepare.holds "
            "to probabilities (logarithms of probabilities are logits)",
        )
    return values, labels


def row_labels(file: ForeignTable, labels: list[str], kind: Values) -> list[int]:
    """Place of each row's label in `labels`. Beside a column of lists, whole numbers count the classes from 0."""
    file.require(["label"], "a column label with the name of each row's class")
    column = file.text("label").tolist()
    last = str(len(labels))
    if file.has(kind) and last in column and last not in labels and "0" not in column:
        raise InputError(
            file.path, f"labels count the classes from 1, to {last}; those of an array are numbered from 0: subtract 1",
            row=file.row(column.index(last)), field="label",
        )  # fmt: skip
    if file.has(kind) and not set(column) & set(labels) and all(each.isdecimal() for each in column):
        names = {str(number): label for number, label in enumerate(labels)}
        column = [names.get(each, each) for each in column]
    odd = next((each for each in column if file.has(kind) and not each.isdecimal()), None)
    if odd is not None and _are_numbers(labels):
        raise InputError(
            file.path, f"the classes of an array are numbered, from 0 to {len(labels) - 1}, got {shown(odd)}; list their names, "
            "in the order of the array's columns, under prepare.labels", row=file.row(column.index(odd)), field="label",
        )  # fmt: skip
    return label_numbers(file, column, labels)


def check_first_class(file: ForeignTable, values: Floats, labels: list[str], places: list[int]) -> None:
    """InputError for numbers that count the classes from 1 where the last class has no row that would show it."""
    if not _are_numbers(labels) or 0 in places:
        return
    largest = values.argmax(axis=1)
    own, before = (float((largest == np.array(places) - shift).mean()) for shift in (0, 1))
    if before > SHIFTED * max(own, 1 / len(labels)):
        raise InputError(
            file.path, f"labels seem to count the classes from 1: none is 0, and the largest number of a row is that of its "
            f"class in {own:.0%}, of the class before in {before:.0%}; subtract 1 (if they are right, list the classes under "
            "prepare.labels)", field="label",
        )  # fmt: skip


def _are_numbers(labels: list[str]) -> bool:
    """Classes that nobody named."""
    return labels == [str(number) for number in range(len(labels))]


def log_probabilities(file: ForeignTable, values: Floats, report: ImportReport) -> Floats:
    """Logits of which a softmax is these probabilities again; InputError for rows that are none."""
    probable = _are_probabilities(values, ROUNDED_SUMS)
    if not probable.all():
        position = int(np.flatnonzero(~probable)[0])
        raise InputError(
            file.path, f"expected probabilities that sum to 1, got {shown(values[position].tolist())}; set "
            "speech_temperature.prepare.holds to logits if they are", row=file.row(position),
        )  # fmt: skip
    never = values <= 0
    report.repair(file.path, f"probability(ies) of 0 taken as {LEAST:.1e}", int(never.sum()))
    return np.asarray(np.log(np.where(never, LEAST, values)))


def _are_probabilities(values: Floats, tolerance: float = SUMS) -> NDArray[np.bool_]:
    """(rows,)"""
    return np.asarray((values >= 0).all(axis=1) & (np.abs(values.sum(axis=1) - 1) <= tolerance))


def _lists(file: ForeignTable, classes: Classes, kind: Values) -> tuple[Floats, list[str]]:
    cells = file.frame[kind].tolist()
    rows = [_list(cell) for cell in cells]
    count = len(rows[0]) if rows[0] is not None else 0
    wanted = count if classes == "all" else len(classes)
    for position, row in enumerate(rows):
        if row is None or len(row) != wanted:
            raise InputError(
                file.path, f"expected a list of {wanted} numbers, got {shown(cells[position])}",
                row=file.row(position), field=kind,
            )  # fmt: skip
    values = np.array(rows, np.float64).reshape(len(rows), wanted)
    return values, [str(number) for number in range(count)] if classes == "all" else classes


def _list(cell: Any) -> NDArray[Any] | None:
    """The numbers of a cell, None where it holds something else."""
    if not isinstance(cell, list | np.ndarray):
        return None
    try:
        row = np.asarray(cell)
    except ValueError:  # lists of unlike lengths in a list
        return None
    return row if row.ndim == 1 and row.dtype.kind in "iuf" else None


def _columns(file: ForeignTable, classes: Classes, kind: Values) -> tuple[Floats, list[str]]:
    there = _class_columns(file, kind)
    labels = list(there) if classes == "all" else classes
    if len(labels) == 2 and set(there) == {"A", "B"}:
        there = dict(zip(labels, (there["A"], there["B"]), strict=True))
    first = PREFIXES[kind][0]
    if not there:
        other = _class_columns(file, OTHER[kind]) or file.has(OTHER[kind])
        todo = (
            f"set speech_temperature.prepare.holds to {OTHER[kind]}" if other else f"name them {first}<class>"
        )
        raise InputError(file.path, f"holds no {kind} of classes; {todo}")
    file.require(
        [there.get(label, first + label) for label in labels], f"a column {first}<class> for every class"
    )
    if extra := [name for label, name in there.items() if label not in set(labels)]:
        raise InputError(
            file.path, f"column(s) {shown(extra)} are of no class that speech_temperature.prepare.labels names; "
            "name every class, for a model answers with one of all",
        )  # fmt: skip
    return np.stack([file.numbers(there[label]) for label in labels], axis=1), labels


def _class_columns(file: ForeignTable, kind: Values) -> dict[str, str]:
    """Class -> its column."""
    found: dict[str, str] = {}
    for name in file.frame.columns:
        prefix = next((each for each in PREFIXES[kind] if name.startswith(each)), None)
        if prefix is not None and (twin := found.setdefault(name.removeprefix(prefix), name)) != name:
            raise InputError(file.path, f"{shown(twin)} and {shown(name)} are of one class; keep one")
    return found


def is_class_column(name: str) -> bool:
    return (
        name.startswith(tuple(prefix for prefixes in PREFIXES.values() for prefix in prefixes))
        or name in PREFIXES
    )
