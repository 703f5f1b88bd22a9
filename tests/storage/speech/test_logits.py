"""Logits and pinned temperatures: what is refused at the edge, and what reads back exactly."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest

from storage.files.import_report import ImportReport
from storage.files.inputs import InputError
from storage.files.strings import read_exact_csv, write_exact_csv
from storage.speech.logits import (
    logit_array,
    read_split_logits,
    write_predictions,
    write_split_logits,
)
from storage.speech.own_logits import LogitsFile, OwnLogits, read_own_logits
from storage.speech.temperatures import (
    SCHEMA,
    MethodFit,
    SeedCalibration,
    TemperatureEstimate,
    read_calibration,
    schema,
    write_calibration,
)
from tests.imports import ROOT

LABELS = ["SPEECH", "NONSPEECH"]
HEADER = "clip,group,label,logit_A,logit_B,seed,split"
CLASSES = ["cat", "dog", "ship"]
STATED = LogitsFile(LABELS, "logits", 1.0, None, [], {42: 0}, True)


def written(tmp_path: Path, *rows: str, header: str = HEADER) -> Path:
    path = tmp_path / "logits.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def read(path: Path, report: ImportReport | None = None, **changes: Any) -> OwnLogits:
    return read_own_logits(path, replace(STATED, **changes), report or ImportReport())


def three(rows: int = 12) -> pd.DataFrame:
    """Logits with all the digits of a float, and what a file may say beside them."""
    values = np.random.default_rng(5).normal(size=(rows, 3)) * [1e-8, 1.0, 30.0]
    table = pd.DataFrame(values, columns=[f"logit_{name}" for name in CLASSES])
    return table.assign(
        clip=[f"c{row}" for row in range(rows)], group=[f"g{row // 2}" for row in range(rows)],
        label=[CLASSES[row % 3] for row in range(rows)],
        split=[("dev", "test")[row // 2 % 2] for row in range(rows)], snr=[row // 2 % 2 * 10 for row in range(rows)],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (["a,g,MUSIC,1,2,0,dev"], r"row 2, field label: unknown label 'MUSIC'"),
        (["a,g,SPEECH,x,2,0,dev"], "row 2, field logit_A: expected a number, got 'x'"),
        (["a,g,SPEECH,1,inf,0,dev"], "row 2, field logits of NONSPEECH: expected a finite number"),
        (["a,g,SPEECH,1,1e40,0,dev"], "row 2, field logits of NONSPEECH: expected a finite number"),
        (
            ["a,g,SPEECH,1,2,0,dev", "b,g,SPEECH,1,2,0,test"],
            r"row 3, field split: group 'g' stands in dev \(row 2\) and test",
        ),
        (["a,g,SPEECH,1,2,0,valid"], "unknown split 'valid'; expected train, dev, test"),
        (["a,g,SPEECH,1,2,0,dev", "b,h,SPEECH,1,2,0,val"], "field split: val and dev are both names of dev"),
        (
            ["a,g,SPEECH,1,2,0,dev", "a,g,SPEECH,1,2,0,dev"],
            "row 3, field clip: clip 'a' stands in row 2 already, of the same seed",
        ),
        (["a,,SPEECH,1,2,0,dev"], "row 2, field group: expected a name on one line, got ''"),
        (["a,g,SPEECH,1,2,0"], "row 2: expected 7 fields, got 6"),
        (["a,g,SPEECH,0.25,0.75,0,dev"], "these are probabilities: .*prepare.holds to probabilities"),
        ([], "holds no rows"),
    ],
)
def test_a_broken_file_is_refused_by_its_place(tmp_path: Path, rows: list[str], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        read(written(tmp_path, *rows))


def test_labels_that_count_from_1_are_refused_also_where_the_last_class_has_no_row(tmp_path: Path) -> None:
    random, path = np.random.default_rng(2), tmp_path / "logits.npz"
    label = np.arange(60) % 3
    logits = random.normal(size=(60, 3)) + 2 * np.eye(3)[label]
    told: dict[str, Any] = {"labels": "all", "seeds": {42: None}, "with_split": False}
    np.savez(path, logits=logits, labels=label + 1)
    with pytest.raises(
        InputError, match=r"row 3, field label: labels count the classes from 1, to 3; .*: subtract 1"
    ):
        read(path, **told)
    np.savez(path, logits=logits[label < 2], labels=label[label < 2] + 1)
    with pytest.raises(
        InputError, match=r"field label: labels seem to count the classes from 1: none is 0.* subtract 1"
    ):
        read(path, **told)
    assert read(path, **{**told, "labels": CLASSES}).rows["label"].value_counts().to_dict() == {1: 20, 2: 20}
    np.savez(path, logits=logits[label > 0], labels=label[label > 0])
    assert read(path, **told).rows["label"].tolist() == label[label > 0].tolist()


def test_names_beside_an_array_whose_classes_nobody_named_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "logits.npz"
    np.savez(path, logits=np.random.default_rng(2).normal(size=(6, 3)), labels=CLASSES * 2)
    told: dict[str, Any] = {"seeds": {42: None}, "with_split": False}
    with pytest.raises(
        InputError, match=r"row 1, field label: .* got 'cat'; list their names, .* prepare.labels"
    ):
        read(path, labels="all", **told)
    assert read(path, labels=CLASSES, **told).rows["label"].tolist() == [0, 1, 2] * 2


def test_missing_columns_are_named(tmp_path: Path) -> None:
    path = written(tmp_path, "a,g,SPEECH,1,0,dev", header="clip,group,label,logit_A,seed,split")
    with pytest.raises(InputError, match=r"column\(s\) logit_SPEECH, logit_NONSPEECH are missing"):
        read(path)


def test_logits_that_were_scaled_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"divided by a temperature of 1\.5"):
        read(written(tmp_path, "a,g,SPEECH,1,2,0,dev"), temperature=1.5)
    path = written(
        tmp_path, "a,g,SPEECH,1,2,0,dev,1", "b,h,SPEECH,1,2,0,dev,2", header=HEADER + ",temperature"
    )
    with pytest.raises(
        InputError, match="row 3, field temperature: these logits were divided by a temperature of 2"
    ):
        read(path)


def test_every_format_reads_as_the_same_rows(tmp_path: Path) -> None:
    table = three()
    lists = [[row.logit_cat, row.logit_dog, row.logit_ship] for row in table.itertuples()]
    table.to_csv(tmp_path / "a.csv", index=False)
    table.to_csv(tmp_path / "b.csv", index=False, sep=";")
    table.to_csv(tmp_path / "c.tsv.gz", index=False, sep="\t")
    table.sample(frac=1, random_state=0).to_parquet(tmp_path / "d.parquet")  # an index that is not in order
    facts = table[["clip", "group", "label", "split", "snr"]]
    rows = [json.dumps({**row, "logits": z}) for row, z in zip(facts.to_dict("records"), lists, strict=True)]
    (tmp_path / "e.jsonl").write_text("\n".join(rows))
    renamed = table.rename(columns=lambda name: name.replace("logit_", "logit:"))
    renamed.rename(columns={"clip": "picture"}).to_csv(tmp_path / "f.csv", index=False)
    arrays: Any = {name: np.array(facts[name].tolist()) for name in ("group", "split", "snr")}
    number = np.array([CLASSES.index(name) for name in table["label"]])
    np.savez(
        tmp_path / "g.npz",
        logits=np.array(lists),
        labels=number,
        ids=np.array(facts["clip"].tolist()),
        **arrays,
    )
    expected = None
    for path in sorted(tmp_path.iterdir()):
        own = read(
            path, labels=CLASSES, conditions=["snr"], seeds={42: None},
            columns={"clip": "picture"} if path.name == "f.csv" else None,
        )  # fmt: skip
        found = own.rows.sort_values("clip", ignore_index=True)
        expected = found if expected is None else expected
        pd.testing.assert_frame_equal(found, expected, check_dtype=False, check_exact=True, obj=path.name)
    assert expected is not None
    assert np.array_equal(
        logit_array(expected.set_index("clip").loc[table["clip"]], CLASSES), np.array(lists)
    )


def test_probabilities_become_their_logarithms_and_zeros_are_counted(tmp_path: Path) -> None:
    path = written(tmp_path, "a,g,cat,0.5,0.5,0", "b,h,dog,0.125,0.625,0.25", header="id,group,label,prob_cat,prob_dog,prob_ship")  # fmt: skip
    report = ImportReport()
    own = read(path, report, labels="all", holds="probabilities", with_split=False, seeds={42: None})
    back = np.exp(logit_array(own.rows, CLASSES))
    assert back == pytest.approx(np.array([[0.5, 0.5, 0], [0.125, 0.625, 0.25]]), rel=1e-12, abs=2e-38)
    assert report.counts()["repaired"] == {"logits.csv: probability(ies) of 0 taken as 1.2e-38": 1}
    with pytest.raises(
        InputError, match=r"row 2: expected probabilities that sum to 1, got \[0\.5, 0\.1, 0\.0\]"
    ):
        read(
            written(tmp_path, "a,g,cat,0.5,0.1,0", header="id,group,label,prob_cat,prob_dog,prob_ship"),
            labels="all", holds="probabilities", with_split=False, seeds={42: None},
        )  # fmt: skip


def test_a_class_without_a_column_or_a_column_without_a_class_is_refused(tmp_path: Path) -> None:
    three().to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(InputError, match=r"\['logit_ship'\] are of no class"):
        read(tmp_path / "a.csv", labels=["cat", "dog"], seeds={42: None})
    with pytest.raises(InputError, match=r"column\(s\) logit_frog are missing"):
        read(tmp_path / "a.csv", labels=[*CLASSES, "frog"], seeds={42: None})


def test_seeds_are_aligned_by_clip_and_have_to_agree(tmp_path: Path) -> None:
    table = three()
    again = table.assign(logit_cat=table["logit_cat"] + 1).sample(frac=1, random_state=0)
    both = pd.concat([table.assign(seed="first"), again.assign(seed="second")])
    both.to_csv(tmp_path / "a.csv", index=False)
    seeds = {42: "first", 123: "second"}
    rows = read(tmp_path / "a.csv", labels=CLASSES, seeds=seeds).rows
    first, second = (rows[rows["seed"] == run].reset_index(drop=True) for run in seeds)
    assert first["clip"].tolist() == second["clip"].tolist() == table["clip"].tolist()
    assert np.array_equal(second["logit_cat"], table["logit_cat"] + 1)
    with pytest.raises(InputError, match=r"holds several seeds, \['first', 'second'\]"):
        read(tmp_path / "a.csv", labels=CLASSES, seeds={42: None})
    both[:-1].to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(InputError, match="does not stand under every seed"):
        read(tmp_path / "a.csv", labels=CLASSES, seeds=seeds)
    again["label"] = again["label"].iloc[::-1].tolist()
    pd.concat([table.assign(seed="first"), again.assign(seed="second")]).to_csv(
        tmp_path / "a.csv", index=False
    )
    with pytest.raises(InputError, match=r"field label: clip 'c.*' has another label under another seed"):
        read(tmp_path / "a.csv", labels=CLASSES, seeds=seeds)


def test_rows_with_the_same_logits_are_copies_unless_their_digits_are_few(tmp_path: Path) -> None:
    table = three()
    copied = table.copy()
    copied.loc[3, [f"logit_{name}" for name in CLASSES]] = table.loc[0, [f"logit_{name}" for name in CLASSES]]
    copied.loc[3, "label"] = CLASSES[0]
    copied.to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(InputError, match="row 5, field split: the same logits as row 2, with another split"):
        read(tmp_path / "a.csv", labels=CLASSES, seeds={42: None})
    rows = read(tmp_path / "a.csv", labels=CLASSES, seeds={42: None}, with_split=False).rows
    assert rows["group"].tolist()[:5] == ["g0", "g0", "g0", "g0", "g2"]
    copied.assign(label=table["label"].where(table.index != 3, "dog")).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(InputError, match="row 5, field label: the same logits as row 2, with another label"):
        read(tmp_path / "a.csv", labels=CLASSES, seeds={42: None}, with_split=False)
    table.round({"logit_cat": 0, "logit_dog": 0, "logit_ship": -1}).to_csv(tmp_path / "a.csv", index=False)
    read(tmp_path / "a.csv", labels=CLASSES, seeds={42: None})


def test_split_logits_read_back_to_the_last_digit(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(4, 2)) * [1e-8, 1e5]
    rows = pd.DataFrame({"clip": list("abcd"), "group": list("gghh"), "label": [0, 1, 0, 1], "seed": 42})
    rows["split"] = ["dev", "dev", "test", "test"]
    rows[["logit_A", "logit_B"]] = values
    write_split_logits(tmp_path, rows, LABELS, "seed_42")
    back = [read_split_logits(tmp_path, "seed_42", split, LABELS) for split in ("dev", "test")]
    assert np.array_equal(np.concatenate([logit_array(table, LABELS) for table in back]), values)
    assert back[0]["label"].tolist() == [0, 1]
    assert (tmp_path / "seed_42_dev.csv").read_text().splitlines()[0] == HEADER


def test_predictions_are_written_beside_what_they_are_of(tmp_path: Path) -> None:
    table = pd.DataFrame({"clip": ["a", "b"], "group": ["g", "h"], "label": [0, 1]})
    p = np.array([[0.9, 0.1], [0.6, 0.4]])
    write_predictions(tmp_path / "dev.csv", table, LABELS, p, np.array([0, 0]))
    found = pd.read_csv(tmp_path / "dev.csv")
    assert found["correct"].tolist() == [1, 0]
    assert found["confidence"].tolist() == [0.9, 0.6]
    assert list(found.columns) == [
        "clip", "group", "label", "prediction", "correct", "confidence", "prob_A", "prob_B",
    ]  # fmt: skip


@pytest.mark.parametrize("temperature", [1.7, float("inf")])
def test_a_pinned_calibration_reads_back_and_follows_its_schema(tmp_path: Path, temperature: float) -> None:
    pinned = SeedCalibration(
        seed=42, method="temperature", temperature=temperature, status="fitted", rows=72, groups=4, nll_before=1.0,
        nll_after=0.5, labels=LABELS,
        estimate=TemperatureEstimate(temperature=temperature, status="fitted", nll_before=1.0, nll_after=0.5),
        methods=[MethodFit(method="temperature", status="fitted", parameters={"temperature": [temperature]})],
    )  # fmt: skip
    write_calibration(tmp_path / "seed_42.json", pinned)
    assert read_calibration(tmp_path / "seed_42.json") == pinned
    jsonschema.validate(
        json.loads((tmp_path / "seed_42.json").read_text()), json.loads((ROOT / SCHEMA).read_text())
    )


def test_the_committed_schema_is_that_of_the_code() -> None:
    assert json.loads((ROOT / SCHEMA).read_text()) == schema()


def test_exact_csv_writes_floats_as_python_does_and_reads_the_same_bits(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    values = np.concatenate(
        [
            draw.normal(size=70_000),
            10 ** draw.uniform(-320, 308, 10_000),
            -(10 ** draw.uniform(8, 18, 10_000)),
            [0.0, -0.0, 1.0, -3.0, 1e-4, 9.999e-5, 1e10, 1e15, 1e16, 5e-324, np.inf, -np.inf],
        ]
    )
    table = pd.DataFrame({"clip": [f'a"{number}, b' for number in range(len(values))], "logit_x": values})
    write_exact_csv(tmp_path / "ours.csv", table)
    table.to_csv(tmp_path / "pandas.csv", index=False, lineterminator="\n")
    assert (tmp_path / "ours.csv").read_bytes() == (tmp_path / "pandas.csv").read_bytes()
    read = read_exact_csv(tmp_path / "ours.csv", ["logit_x"])
    assert read["clip"].tolist() == table["clip"].tolist()
    assert np.array_equal(read["logit_x"].to_numpy().view(np.uint64), values.view(np.uint64))
    (tmp_path / "ragged.csv").write_text("clip,logit_x\na,1\nb,2,3\n")
    with pytest.raises(InputError, match=r"row 3: expected 2 fields, got 3"):
        read_exact_csv(tmp_path / "ragged.csv", ["logit_x"])
