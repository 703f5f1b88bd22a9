"""Columns are told by what is said of them, by their names and by what they hold; else a person is asked."""

from pathlib import Path

import pytest

from storage.files.foreign import ForeignTable, read_foreign_table
from storage.files.inputs import InputError
from tasks.intake.columns import (
    Role,
    assigned,
    is_flag,
    is_name,
    is_number,
    is_prose,
    is_share,
    is_time,
    is_unique,
    may_be_time,
    span,
)

SCORE = Role("score", ("score", "probability"), is_share, alone=True)
LABEL = Role("label", ("label", "target"), is_flag, alone=True)
TIME = Role("collected_at", ("timestamp", "date"), is_time, needed=False, alone=True)
ID = Role("id", ("id",), is_unique, needed=False)


def table(tmp_path: Path, text: str) -> ForeignTable:
    path = tmp_path / "file.csv"
    path.write_text(text)
    return read_foreign_table(path)


@pytest.mark.parametrize("name", ["id", "msg_id", "TxnID", "txnId", "Row ID"])
def test_an_id_is_found_as_the_last_part_of_a_name(tmp_path: Path, name: str) -> None:
    assert assigned(table(tmp_path, f"paid,{name}\n1,a\n1,b\n"), [ID], {}) == {"id": name}


def test_by_name_whatever_its_signs_and_capitals(tmp_path: Path) -> None:
    found = table(
        tmp_path, "Msg_ID,Time-Stamp,Model Score,Target\na,2024-01-01,0.5,1\nb,2024-01-02T10:00:00Z,0.25,0\n"
    )
    assert assigned(found, [ID, TIME, SCORE, LABEL], {}) == {
        "id": "Msg_ID", "collected_at": "Time-Stamp", "score": "Model Score", "label": "Target",
    }  # fmt: skip
    assert span(found, "Time-Stamp") == "2024-01-01 00:00 to 2024-01-02 10:00"


def test_the_only_one_of_its_kind_whatever_it_is_called(tmp_path: Path) -> None:
    found = table(tmp_path, "a,b,c\nx,0.5,true\ny,0.25,false\n")
    assert assigned(found, [SCORE, LABEL], {}) == {"score": "b", "label": "c"}


def test_a_name_does_not_make_a_column_what_it_does_not_hold(tmp_path: Path) -> None:
    found = table(tmp_path, "score,p\nhigh,0.5\nlow,0.25\n")
    assert assigned(found, [SCORE], {}) == {"score": "p"}


def test_two_that_may_be_meant_are_asked_for_in_one_line(tmp_path: Path) -> None:
    found = table(tmp_path, "score_a,score_b,label\n0.5,0.1,1\n0.25,0.2,0\n")
    with pytest.raises(InputError, match="which column is the score") as refused:
        assigned(found, [SCORE, LABEL], {})
    assert "score_a, score_b" in str(refused.value)
    assert "--map score=score_a" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert assigned(found, [SCORE, LABEL], {"score": "score_b"})["score"] == "score_b"


def test_what_is_said_and_is_not_there_is_refused(tmp_path: Path) -> None:
    found = table(tmp_path, "p,label\n0.5,1\n0.25,0\n")
    with pytest.raises(InputError, match="no such column; there are p, label"):
        assigned(found, [SCORE, LABEL], {"score": "q"})
    with pytest.raises(InputError, match="--map knows no 'scores' here; there are label, score"):
        assigned(found, [SCORE, LABEL], {"scores": "p"})


def test_kinds_are_told_by_values(tmp_path: Path) -> None:
    found = table(
        tmp_path,
        "flag,share,prose,name,time\n0,0.5,some words here,x,2024-01-01\n1,1,and others there,y,2024-01-02\n"
        "1,0,and more of them,x,2024-01-03\n0,0.1,the last of all,y,2024-01-04\n",
    )
    kinds = {"flag": is_flag, "share": is_share, "prose": is_prose, "time": is_time}
    for kind, test in kinds.items():
        assert [name for name in found.names if test(found, name)] == [kind]
    assert is_name(found, "name")
    assert not is_name(found, "prose")


def test_numbers_may_be_missing_and_shares_may_have_commas(tmp_path: Path) -> None:
    found = table(tmp_path, 'some,none,share,text\n0.5,,"0,25",x\nNaN,NaN,"0,5",0.5\n,,"1,0",0.5\n')
    assert [name for name in found.names if is_number(found, name)] == ["some"]
    assert [name for name in found.names if is_share(found, name)] == ["some", "share"]


@pytest.mark.parametrize(
    ("values", "may"),
    [
        (["31.12.2025", "01.01.2026 10:00"], True),
        (["12/31/25", "1/1/26, 10:00"], True),
        (["2025/12/31", "2026/01/01T10:00"], True),
        (["1735689600", "1735689600000"], True),
        (["0.35", "12.5"], False),
        (["10.0.0.1", "10.0.0.2"], False),
        (["2025-12-31", "2026-01-01"], False),
    ],
)
def test_times_that_are_not_read_are_recognised(tmp_path: Path, values: list[str], may: bool) -> None:
    found = table(
        tmp_path, "\n".join(["row;sent time", *(f"{row};{value}" for row, value in enumerate(values))]) + "\n"
    )
    assert may_be_time(found, "sent time", (*TIME.words, "time")) == may
