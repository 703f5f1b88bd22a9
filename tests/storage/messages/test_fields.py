"""Times as people write them, and what is not guessed at."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from storage.files.foreign import ForeignTable
from storage.files.inputs import InputError
from storage.messages.fields import Untimed, row_times


def table(*stamps: object) -> ForeignTable:
    return ForeignTable(
        Path("m.csv"), pd.DataFrame({"collected_at": list(stamps)}), np.arange(2, len(stamps) + 2), "CSV"
    )


@pytest.mark.parametrize(
    ("stamp", "utc"),
    [
        ("2024-05-01", "2024-05-01T00:00"),
        (" 2024-05-01 12:00", "2024-05-01T12:00"),
        ("2024-05-01T12:00:00.5Z", "2024-05-01T12:00:00.5"),
        ("2024-05-01T12:00:00+02:00", "2024-05-01T10:00"),
        ("2024-05-01T12:00:00-0330", "2024-05-01T15:30"),
        (pd.Timestamp("2024-05-01T12:00", tz="Asia/Tokyo"), "2024-05-01T03:00"),
        (pd.Timestamp("2024-05-01T12:00"), "2024-05-01T12:00"),
        (pd.Timestamp("2024-05-01").date(), "2024-05-01T00:00"),
    ],
)
def test_iso_8601_is_read_as_utc(stamp: object, utc: str) -> None:
    assert row_times(table(stamp, stamp), "refuse").tolist() == [pd.Timestamp(utc, tz="UTC")] * 2


@pytest.mark.parametrize(
    "stamp", ["1714557600", 1714557600, 1e20, "20240501", "1714112800", "2024", "01.05.2024", "05/01/2024", "today",
              "2024-13-01", "2024-05-01T25:00", "0001-01-01", "9999-12-31T00:00:00Z", "1677-01-01"],
)  # fmt: skip
@pytest.mark.parametrize("untimed", ["refuse", "drop", "oldest", "file_order"])
def test_what_is_no_time_of_a_row_is_refused_by_row_and_never_counts_as_untimed(
    stamp: object, untimed: Untimed
) -> None:
    with pytest.raises(
        InputError, match=r"^m.csv, row 3, field collected_at: .*(write 2024-05-01|leave it empty)"
    ):
        row_times(table("2024-05-01", stamp), untimed)


def test_empty_times_are_told_apart_from_broken_ones() -> None:
    assert row_times(table("2024-05-01", ""), "oldest").isna().tolist() == [False, True]
    with pytest.raises(
        InputError, match=r"row 3, field collected_at: there is no time \(1 such row\(s\) of 2\)"
    ):
        row_times(table("2024-05-01", ""), "refuse")
