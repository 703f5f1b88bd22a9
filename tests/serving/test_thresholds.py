"""A row fires as the pipeline says, or is refused by row and field."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from serving import RecordError, load, records
from serving.rules.thresholds import fires
from tests.serving.exports import thresholds_export

INF = float("inf")
THRESHOLDS = {"a": 0.5, "b": 0.1 + 0.2, "c": float(np.float32(0.3)), "never": INF}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return thresholds_export(tmp_path_factory.mktemp("thresholds"), THRESHOLDS)


def row(**scores: Any) -> dict[str, Any]:
    return {f"score:{label}": scores.get(label, 0.0) for label in THRESHOLDS}


def test_ties_fire_and_infinities_are_numbers(exported: Path) -> None:
    decision = load(exported)
    rows = [
        row(a=0.5, b=0.1 + 0.2, c=float(np.float32(0.3)), never=1.0),
        row(a=np.nextafter(0.5, 0), b=0.3, c=0.3, never=1.0),
        row(a="Infinity", b="-Infinity", c=float("-inf"), never=INF),
    ]
    fired = decision.decide(rows)
    assert fired["fires:a"].tolist() == [True, False, True]
    assert fired["fires:b"].tolist() == [True, False, False]
    assert fired["fires:c"].tolist() == [True, False, False]
    assert not fired["fires:never"].any()


def test_float32_is_the_number_it_is(exported: Path) -> None:
    scores = np.tile(np.array([[0.3, 0.5, np.nextafter(np.float32(0.3), 0), 0.25]], np.float32).T, (1, 4))
    fired = load(exported).fired(scores)
    assert fired.tolist() == fires(scores, np.array(list(THRESHOLDS.values()))).tolist()
    assert fired[:, 2].tolist() == [True, True, False, False]


@given(st.lists(st.floats(0, 1) | st.sampled_from([INF, -INF, 0.5, 0.3]), max_size=30), st.booleans())
@settings(max_examples=60, deadline=None)
def test_every_way_in_gives_the_same(exported: Path, values: list[float], narrow: bool) -> None:
    decision = load(exported)
    scores = np.array(values, np.float32 if narrow else np.float64)
    columns = dict.fromkeys(row(), scores)
    wanted = [[float(score) >= each and each < INF for each in THRESHOLDS.values()] for score in scores]
    matrix = decision.fired(np.stack(list(columns.values()), axis=1))
    assert matrix.tolist() == wanted or not values
    by_columns, by_frame = decision.decide(columns), decision.decide(pd.DataFrame(columns))
    by_records = decision.decide([row(**dict.fromkeys(THRESHOLDS, float(each))) for each in scores])
    for place, name in enumerate(by_columns):
        assert by_columns[name].tolist() == by_records[name].tolist() == by_frame[name].tolist()
        assert by_columns[name].tolist() == [each[place] for each in wanted]


def test_no_rows_give_no_rows(exported: Path) -> None:
    decision = load(exported)
    nothing: list[Any] = [{name: np.empty(0) for name in row()}, []]
    for empty in nothing:
        assert {name: len(column) for name, column in decision.decide(empty).items()} == {
            f"fires:{label}": 0 for label in THRESHOLDS
        }


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ([row(), row(b=float("nan"))], "row 2, field score:b: nan is no number"),
        ([row(), row(b=None)], "row 2, field score:b: expected a number, got None"),
        ([row(a=True)], "row 1, field score:a: expected a number, got True"),
        ([row(a="0.5")], "row 1, field score:a: expected a number, got '0.5'"),
        ([row(a=1.5)], "row 1, field score:a: 1.5 is above 1, the most there is"),
        ([row(a=-0.5)], "row 1, field score:a: -0.5 is below 0, the least there is"),
        ([{**row(), "score:d": 0.5}], "field score:d: there is no threshold for this label"),
        ([row(), {"score:a": 0.5}], "row 2, field score:b: is missing, there are score:a"),
        ({"score:a": [0.5], "id": [1]}, "field score:b: is missing, there are score:a, id"),
        (
            {**{name: [0.5, 0.5] for name in row()}, "score:c": [0.5]},
            "field score:c: has 1 rows, score:a has 2",
        ),
        (
            {**{name: [0.5] for name in row()}, "score:c": [[0.5]]},
            "field score:c: expected values of shape (rows)",
        ),
    ],
)
def test_what_the_schema_refuses_is_refused_by_row_and_field(exported: Path, inputs: Any, says: str) -> None:
    with pytest.raises(RecordError) as error:
        load(exported).decide(inputs)
    assert str(error.value).startswith(says)
    assert "\n" not in str(error.value)


def test_the_schema_says_the_same(exported: Path) -> None:
    schema = json.loads((exported / "schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    takes = Draft202012Validator(schema)
    answers = Draft202012Validator({"$ref": "#/$defs/output", "$defs": schema["$defs"]})
    assert takes.is_valid(row(a="Infinity", b=0.3))
    for broken in (row(a=None), row(a=1.5), row(a=True), {"score:a": 0.5}):
        assert not takes.is_valid(broken)
    (answer,) = records(load(exported).decide([row(a=0.5)]))
    assert answers.is_valid(answer)
    assert answer == {"fires:a": True, "fires:b": False, "fires:c": False, "fires:never": False}


def test_what_lies_a_little_beyond_is_read_as_its_end(tmp_path: Path) -> None:
    decision = load(thresholds_export(tmp_path, {"a": 0.0, "b": 1.0}, clamp=0.01))
    fired = decision.decide({"score:a": [-0.005, 0.0], "score:b": [1.005, 0.99]})
    assert fired["fires:a"].tolist() == [True, True]
    assert fired["fires:b"].tolist() == [True, False]
    with pytest.raises(RecordError, match=r"is below -0\.01"):
        decision.decide({"score:a": [-0.02], "score:b": [1.0]})


def test_sql_fires_on_the_same_rows(exported: Path) -> None:
    random = np.random.default_rng(3)
    thresholds = np.array(list(THRESHOLDS.values()))
    finite = np.where(np.isinf(thresholds), 1.0, thresholds)
    scores = np.concatenate(
        [random.random((500, 4)), [finite, np.nextafter(finite, 0), np.nextafter(finite, 2)]]
    )
    database = sqlite3.connect(":memory:")
    names = ", ".join(f'"score:{label}" DOUBLE' for label in THRESHOLDS)
    database.execute(f"CREATE TABLE scores (id INTEGER, {names})")
    rows = [(number, *each) for number, each in enumerate(scores.tolist())]
    database.executemany(
        "INSERT INTO scores VALUES (?, ?, ?, ?, ?)", [*rows, (len(rows), None, None, None, None)]
    )
    made = database.execute((exported / "thresholds.sql").read_text()).fetchall()
    database.close()
    fired = np.array([each[-4:] for each in made], bool)
    assert (fired[:-1] == fires(scores, thresholds)).all()
    assert not fired[-1].any()  # nothing is known of it


def test_roboflow_keeps_what_fires(exported: Path) -> None:
    step = json.loads((exported / "roboflow.json").read_text())
    assert step["class_thresholds"] == {"a": 0.5, "b": 0.1 + 0.2, "c": float(np.float32(0.3)), "never": 1.0}
    assert step["type"] == "roboflow_core/per_class_confidence_filter@v1"
