"""One field of the inputs or outputs: its type, its shape in a row, what values it may have."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from serving.errors import RecordError, listed, shown

Type = Literal["number", "integer", "string", "boolean"]
INFINITIES = {"Infinity": np.inf, "-Infinity": -np.inf}  # JSON has no numbers for them
KINDS: Mapping[Type, str] = {"number": "fiu", "integer": "iu", "string": "UT", "boolean": "b"}  # of numpy
DTYPES: Mapping[Type, Any] = {
    "number": np.float64,
    "integer": np.int64,
    "string": np.str_,
    "boolean": np.bool_,
}
EXPECTED: Mapping[Type, str] = {
    "number": "a number",
    "integer": "a whole number",
    "string": "text",
    "boolean": "true or false",
}


@dataclass(frozen=True)
class Field:
    """shape: of one row, None for a single value; a size that is a name may be any. minimum and maximum bind finite
    values. infinite: whether infinities are values too. values: the only ones. called: what else a column of it may be
    called, as the study's own file does."""

    name: str
    type: Type
    shape: tuple[int | str, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    infinite: bool = False
    values: tuple[str | int, ...] | None = None
    unit: str | None = None
    description: str | None = None
    called: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, self.called) if self.called is not None else (self.name,)

    def stated(self) -> dict[str, Any]:
        """As export.json has it: what is None or False is left out, and what it is called stands elsewhere, where an older
        serving does not stumble over it."""
        named = {
            key: value
            for key, value in asdict(self).items()
            if key != "called" and value is not None and value is not False
        }
        return {key: list(value) if isinstance(value, tuple) else value for key, value in named.items()}

    def column(self, values: Any) -> NDArray[Any]:
        """(rows, *shape) as float64, int64, str or bool: what float32 and other narrow numbers are, exactly; text of which
        any may come as objects. Raises RecordError by row."""
        if isinstance(values, np.ndarray):
            given = values
        else:
            given = np.array(values, object) if self._is_free_text else _array(values)
        if given.dtype.kind not in KINDS[self.type]:
            given = self._from_objects(given)
        wanted = (None, *(self.shape or ()))
        if given.ndim != len(wanted) or any(
            isinstance(size, int) and size != there for size, there in zip(wanted, given.shape, strict=True)
        ):
            sizes = ", ".join(["rows", *map(str, self.shape or ())])
            raise RecordError(f"expected values of shape ({sizes}), got {given.shape}", field=self.name)
        column = np.asarray(given, self._dtype)
        self._check(column)
        return column

    @property
    def _is_free_text(self) -> bool:
        return self.type == "string" and self.values is None

    @property
    def _dtype(self) -> Any:
        """Numpy's own text takes the room of the longest for each, and loses characters 0 at the end."""
        return np.object_ if self._is_free_text else DTYPES[self.type]

    def _from_objects(self, given: NDArray[Any]) -> NDArray[Any]:
        """Of lists of Python's own values: text, None, or numbers and "Infinity" mixed."""
        if not given.size:
            return np.empty(given.shape, self._dtype)
        flat = [self._value(value, number, given) for number, value in enumerate(given.ravel().tolist())]
        return np.array(flat, self._dtype).reshape(given.shape)

    def _value(self, value: Any, number: int, given: NDArray[Any]) -> Any:
        if self.infinite and isinstance(value, str) and value in INFINITIES:
            return INFINITIES[value]
        kinds: Mapping[Type, Any] = {"number": (int, float), "integer": int, "string": str, "boolean": bool}
        fits = isinstance(value, kinds[self.type]) and (
            self.type == "boolean" or not isinstance(value, bool | np.bool_)
        )
        if not fits:
            row = number // (given.size // len(given))
            raise RecordError(f"expected {EXPECTED[self.type]}, got {shown(value)}", field=self.name, row=row)
        return value

    def _check(self, column: NDArray[Any]) -> None:
        if self.type == "number":
            self._refuse(np.isnan(column), column, "is no number; give a number, or leave the row out")
            if not self.infinite:
                self._refuse(np.isinf(column), column, "is not finite; expected a finite number")
        finite = np.isfinite(column) if self.type == "number" else np.True_
        if self.minimum is not None:
            self._refuse(
                finite & (column < self.minimum), column, f"is below {self.minimum:g}, the least there is"
            )
        if self.maximum is not None:
            self._refuse(
                finite & (column > self.maximum), column, f"is above {self.maximum:g}, the most there is"
            )
        if self.values is not None:
            known = np.isin(column, np.array(self.values))
            self._refuse(~known, column, f"is not known; expected one of {listed(self.values)}")

    def _refuse(self, bad: Any, column: NDArray[Any], problem: str) -> None:
        if bad.any():
            place = tuple(int(each[0]) for each in np.nonzero(bad))
            count = f" ({int(bad.sum())} such values)" if bad.sum() > 1 else ""
            raise RecordError(f"{shown(column[place])} {problem}{count}", field=self.name, row=place[0])


def field_of(stated: Mapping[str, Any]) -> Field:
    tuples = {key: tuple(stated[key]) for key in ("shape", "values") if stated.get(key) is not None}
    return Field(**{**stated, **tuples})


def columns(fields: Sequence[Field], inputs: Any, instead: Sequence[Field] = ()) -> dict[str, NDArray[Any]]:
    """Each field's column, all of one length. inputs: a mapping of names to columns (a data frame is one), or a
    sequence of records. What is no field is left alone. instead: what might have come in place of them. Raises
    RecordError."""
    expected = " or ".join(
        listed([name for field in each for name in field.names], 20) for each in (fields, instead) if each
    )
    found = {}
    for field in fields:
        name, values = _of(field, inputs, expected)
        found[field.name] = replace(field, name=name).column(values)
    lengths = {name: len(column) for name, column in found.items()}
    if len(set(lengths.values())) > 1:
        short = min(lengths, key=lengths.__getitem__)
        long = max(lengths, key=lengths.__getitem__)
        raise RecordError(f"has {lengths[short]} rows, {long} has {lengths[long]}", field=short)
    return found


def names_of(inputs: Any) -> list[str]:
    """Of all fields that the inputs have."""
    if hasattr(inputs, "keys"):
        return [str(name) for name in inputs.keys()]  # noqa: SIM118 - a data frame's too
    return list(dict.fromkeys(str(name) for record in inputs for name in record))


def _of(field: Field, inputs: Any, expected: str) -> tuple[str, Any]:
    """What it is called there, and its values."""
    if hasattr(inputs, "keys"):
        if (name := found_name(field.names, inputs)) is None:
            there = listed(names_of(inputs)) or "none"
            raise RecordError(f"is missing, there are {there}; expected {expected}", field=field.name)
        return name, inputs[name]
    values, called, names = [], field.name, field.names
    for row, record in enumerate(inputs):
        if (name := found_name(names, record)) is None:
            there = listed(list(record)) or "none"
            raise RecordError(
                f"is missing, there are {there}; expected {expected}", field=field.name, row=row
            )
        called = name
        values.append(record[name])
    return called, values


def found_name(names: Sequence[str], there: Any) -> str | None:
    """Which of a field's names is there: ours before another."""
    return next((name for name in names if name in there), None)


def _array(values: Any) -> NDArray[Any]:
    """Lists as they are: no number becomes text beside text, and no ragged rows."""
    try:
        given = np.asarray(values)
        mixed = given.dtype.kind in "USO" and not isinstance(values, np.ndarray)
        return np.array(values, dtype=object) if mixed else given
    except ValueError:
        raise RecordError("rows are of different lengths, or no numbers") from None
