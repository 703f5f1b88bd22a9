"""A decision applied to a file of rows: what the file has stays, and the decision's columns come beside it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from serving.errors import RecordError
from serving.fields import Field, found_name
from serving.folder import Decider
from storage.files.foreign import ForeignTable
from storage.files.inputs import InputError
from storage.files.row_streams import RowBlock, found_rows, is_text, row_blocks
from storage.files.row_writers import block_writer

Blocks = Callable[[Path], Iterator[RowBlock]]
FLAT = (".csv", ".tsv")  # a value is one number or text
ARROW = {"number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_(), "string": pa.string()}


def apply_to_rows(decider: Decider, source: Path, target: Path, blocks: Blocks = row_blocks) -> int:
    """The number of rows; target is there once all are decided. Values of several numbers stay in formats that have such.
    Raises InputError by row and field."""
    rows = 0
    with block_writer(target) as writer:
        for block in blocks(source):
            known, made = _decided(decider, source, block)
            if twice := [name for name in made if name in block.columns]:
                raise InputError(
                    source, "is what the decision calls its own column; rename it", field=twice[0]
                )
            writer.write({**_kept(known, target), **made})
            rows += block.rows
    return rows


def decided(
    decider: Decider, source: Path, columns: Mapping[str, Any], first_row: int | None
) -> dict[str, NDArray[Any]]:
    """first_row: its number as a person finds it; None where the file is the row. Raises InputError."""
    try:
        return decider.decide(columns)
    except RecordError as error:
        raise _located(error, source, first_row) from None


def _kept(columns: Mapping[str, Any], target: Path) -> Mapping[str, Any]:
    if target.suffix not in FLAT:
        return columns
    return {name: column for name, column in columns.items() if not _is_nested(column)}


def _is_nested(column: Any) -> bool:
    if isinstance(column, pa.Array | pa.ChunkedArray):
        return bool(pa.types.is_nested(column.type))
    if isinstance(column, np.ndarray):
        return column.ndim > 1
    return any(isinstance(value, list | dict) for value in column)


def _decided(decider: Decider, source: Path, block: RowBlock) -> tuple[dict[str, Any], dict[str, Any]]:
    """The block's columns, lists as numbers where they are fields, and the decision's."""
    export = decider.export
    fields = {
        name: replace(field, name=name)
        for field in (*export.inputs, *export.instead)
        if (name := found_name(field.names, block.columns)) is not None
    }
    try:
        known = {
            name: _column(fields[name], source, block) if name in fields else column
            for name, column in block.columns.items()
        }
    except RecordError as error:
        raise _located(error, source, block.first_row) from None
    if not known and not block.rows:  # no row, and so no name of a column
        known = {field.name: np.empty((0, *_sizes(field))) for field in export.inputs}
    own = {
        name: known[name] if isinstance(column, list) else column for name, column in block.columns.items()
    }
    return own, decided(decider, source, known, block.first_row)


def _located(error: RecordError, source: Path, first_row: int | None) -> InputError:
    row = None
    if error.row is not None and first_row is not None:
        row = int(found_rows(source, first_row + error.row, 1)[0])
    return InputError(source, error.problem, row=row, field=error.field)


def _sizes(field: Field) -> tuple[int, ...]:
    return tuple(size if isinstance(size, int) else 0 for size in field.shape or ())


def _column(field: Field, source: Path, block: RowBlock) -> Any:
    """As numpy has it; numbers exactly as they are written."""
    column = block.columns[field.name]
    if not isinstance(column, pa.Array | pa.ChunkedArray):
        made = field.column(column)
        return column if made.dtype == object else made
    if pa.types.is_list(column.type) or pa.types.is_fixed_size_list(column.type):
        return column.to_pylist()
    if is_text(column.type) and field.type != "string":
        try:
            column = pc.cast(column, ARROW[field.type])
        except pa.ArrowException:
            column = _written(field, source, block)
    return (
        column if isinstance(column, np.ndarray) else column.to_numpy(zero_copy_only=False)
    )  # missing: NaN, refused


def _written(field: Field, source: Path, block: RowBlock) -> Any:
    """Text that is not all what it should be: blanks around it, or the row that is to blame."""
    frame = pa.table({field.name: block.columns[field.name]}).to_pandas()
    try:
        numbers = ForeignTable(source, frame, None, "CSV").numbers(field.name)
    except InputError:  # once more, with the rows as an editor counts them
        lines = found_rows(source, block.first_row, block.rows)
        numbers = ForeignTable(source, frame, lines, "CSV").numbers(field.name)
    return numbers if field.type == "number" else frame[field.name].to_numpy()
