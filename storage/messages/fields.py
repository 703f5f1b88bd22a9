"""Fields that rows of messages and of scores share: ids, and times as ISO 8601."""

from collections.abc import Collection
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from storage.files.foreign import ForeignTable
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError, shown

Untimed = Literal["refuse", "drop", "oldest", "file_order"]
ZONE = r"(Z|z|[+-]\d{2}(:?\d{2})?)"
ISO_8601 = rf"^\d{{4}}-\d{{2}}-\d{{2}}([T ]\d{{2}}:\d{{2}}(:\d{{2}}([.,]\d{{1,9}})?)?{ZONE}?)?$"
YEARS = (1678, 2261)  # what nanoseconds since 1970 can say
EXAMPLE = "write 2024-05-01 or 2024-05-01T12:00:00+02:00"


def row_ids(table: ForeignTable, report: ImportReport) -> "pd.Series[str]":
    """The column `id`, or the numbers of the rows where there is none; InputError for an id that is empty or there
    twice."""
    if not table.has("id"):
        report.note(
            table.path, "rows without an id: their numbers in the file are their ids", len(table.frame)
        )
        width = len(str(table.row(len(table.frame) - 1)))
        return pd.Series(table.rows).astype(str).str.zfill(width)
    ids = table.text("id").astype(str)
    if (ids == "").any():
        row = int(np.flatnonzero(ids == "")[0])
        raise InputError(
            table.path, "there is no id; write one, or remove the column and rows are numbered",
            row=table.row(row), field="id",
        )  # fmt: skip
    twice = ids.duplicated()
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        first = table.row(int(np.flatnonzero(ids == ids.iloc[row])[0]))
        raise InputError(
            table.path, f"id {shown(ids.iloc[row])} was used by row {first} already; ids name one row each",
            row=table.row(row), field="id",
        )  # fmt: skip
    return ids


def note_form(table: ForeignTable, used: Collection[str], report: ImportReport) -> None:
    """What was guessed of the file, and what of it is left out."""
    if table.form.endswith(("semicolons", "tabs")):
        report.note(table.path, f"rows read as {table.form}", len(table.frame))
    if others := table.without(list(used)):
        report.note(table.path, "columns that are not read", len(others), [shown(name) for name in others])


def row_times(table: ForeignTable, untimed: Untimed) -> "pd.Series[pd.Timestamp]":
    """The column `collected_at` in UTC (a time without a zone is read as UTC); NaT where nothing stands.

    Raises InputError for what is no ISO 8601, for years that cannot be told in nanoseconds, and with `refuse` for rows
    without a time.
    """
    frame = table.frame
    if not table.has("collected_at"):
        times = pd.Series(pd.NaT, index=frame.index, dtype="datetime64[ns, UTC]")
    elif isinstance(column := frame["collected_at"].dtype, np.dtype) and column.kind == "M":
        times = _in_range(table, frame["collected_at"].dt.tz_localize("UTC"))
    elif isinstance(column, pd.DatetimeTZDtype):
        times = _in_range(table, frame["collected_at"].dt.tz_convert("UTC"))
    else:
        times = _written_times(table)
    if untimed == "refuse" and times.isna().any():
        row = int(np.flatnonzero(times.isna())[0])
        raise InputError(
            table.path,
            f"there is no time ({int(times.isna().sum())} such row(s) of {len(times)}): write them, or set "
            "prepare.untimed to drop (and count), oldest or file_order",
            row=table.row(row), field="collected_at",
        )  # fmt: skip
    return times


def _written_times(table: ForeignTable) -> "pd.Series[pd.Timestamp]":
    stamps = table.text("collected_at").str.strip()
    there = (stamps != "").to_numpy(bool)
    written = np.asarray(pc.match_substring_regex(pa.array(stamps, pa.string()), ISO_8601))
    times = pd.to_datetime(stamps.where(written), format="ISO8601", utc=True, errors="coerce")
    bad = there & times.isna().to_numpy(bool)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        value = stamps.iloc[row]
        number = value.lstrip("-").replace(".", "", 1).isdigit()
        raise InputError(
            table.path,
            f"{shown(value)} is not an ISO 8601 time ({int(bad.sum())} such row(s)); "
            + ("numbers are not guessed at: " if number else "")
            + EXAMPLE,
            row=table.row(row), field="collected_at",
        )  # fmt: skip
    return _in_range(table, times)


def _in_range(table: ForeignTable, times: "pd.Series[pd.Timestamp]") -> "pd.Series[pd.Timestamp]":
    beyond = times.notna() & ~times.dt.year.between(*YEARS)
    if beyond.any():
        row = int(np.flatnonzero(beyond)[0])
        raise InputError(
            table.path,
            f"{shown(str(times.iloc[row]))} is no time of a row ({int(beyond.sum())} such row(s)); expected years "
            f"{YEARS[0]} to {YEARS[1]}: correct it, or leave it empty where the time is unknown",
            row=table.row(row), field="collected_at",
        )  # fmt: skip
    return times.astype("datetime64[ns, UTC]")
