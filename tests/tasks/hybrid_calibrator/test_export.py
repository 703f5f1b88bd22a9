"""What is exported of made-up variants decides candidates as the pipeline does, whichever option was chosen."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from serving.errors import RecordError
from storage.files.inputs import InputError
from tasks.hybrid_calibrator.use.apply import NewCandidates, accepts, probabilities
from tasks.hybrid_calibrator.use.export import FOLDER, payload
from tasks.hybrid_calibrator.use.input_files import FORMATS
from tests.serving.exports import loaded
from tests.tasks.hybrid_calibrator.artifacts import CLASSES, SOURCES, steps_of, write_variant
from tests.tasks.hybrid_calibrator.test_compare import OPTIONS, Run

BAND = 1e-5


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study's folder in which both variants were fitted and compared; tests copy what they change."""
    root: Path = tmp_path_factory.mktemp("root")
    run = Run(root / FOLDER)
    (root / "params.yaml").write_text(json.dumps({"hybrid_calibrator": steps_of(SOURCES)}))
    for seed, variant in enumerate(run.variants):
        write_variant(run.folder / variant, seed, images=160, informative=0.3, dense_columns=24)
        structured = run.folder / variant / "features" / "structured.npy"
        np.save(structured, np.nan_to_num(np.load(structured)))  # the features stage leaves no NaN
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(run.folder)
        run.fit()
        run.compare()
    return root


def chosen(root: Path, to: Path, **options: str) -> Path:
    """The same with another choice."""
    shutil.copytree(root, to, dirs_exist_ok=True, copy_function=shutil.copyfile)
    path = to / FOLDER / "thresholds.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "chosen": options}))
    return to


def candidates(root: Path, variant: str) -> NewCandidates:
    folder = root / FOLDER / variant
    table = pd.read_parquet(folder / "candidates.parquet")
    return NewCandidates(
        np.load(folder / "features" / "dense.npy"), np.load(folder / "features" / "structured.npy"),
        table[[f"has:{name}" for name in SOURCES]].to_numpy(bool), table["label"].to_numpy(np.int64),
        table["image"].to_numpy(np.int64), table[["x1", "y1", "x2", "y2"]].to_numpy(np.float64),
    )  # fmt: skip


def columns(new: NewCandidates, **more: Any) -> dict[str, Any]:
    label = np.array(CLASSES)[new.label]
    return {
        "dense": new.dense, "structured": new.structured, "has": new.has, "label": label, "image": new.image, "box": new.boxes,
        **more,
    }  # fmt: skip


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_accepts_what_the_pipeline_accepts(root: Path, tmp_path: Path, option: str) -> None:
    own = chosen(root, tmp_path / "own", nonwindow=option, window=option)
    made = payload(own)
    service = loaded(made, "hybrid_calibrator", tmp_path / "export")
    for variant in ("nonwindow", "window"):
        new, models = candidates(own, variant), own / FOLDER / variant / "models"
        found = service.decide(columns(new, variant=np.full(len(new.label), variant)))
        expected = probabilities(models, option, new)
        assert np.abs(found["p_final"] - expected).max() < BAND
        accepted = accepts(own / FOLDER / "thresholds.json", models, variant, option, new)
        thresholds = service.rules[variant].thresholds[new.label]
        near = np.abs(expected - thresholds) <= BAND  # a threshold is the score of one candidate
        assert (found["accepted"] == accepted)[~near].all()
        assert accepted.any()
        assert near.mean() < 0.05
    assert payload(own).files == made.files


def test_a_choice_that_sees_boxes_alone_asks_for_nothing_of_crops(root: Path, tmp_path: Path) -> None:
    own = chosen(root, tmp_path / "own", nonwindow="structured")
    service = loaded(payload(own), "hybrid_calibrator", tmp_path / "export")
    assert [each.name for each in service.export.inputs] == ["structured", "label", "image", "box"]
    new = candidates(own, "nonwindow")
    given = columns(new)
    found = service.decide({name: given[name] for name in ("structured", "label", "image", "box")})
    expected = probabilities(own / FOLDER / "nonwindow" / "models", "structured", new)
    assert np.abs(found["p_final"] - expected).max() < BAND


def test_rows_of_both_variants_are_scored_by_their_own_models_alone_or_together(
    root: Path, tmp_path: Path
) -> None:
    own = chosen(root, tmp_path / "own", nonwindow="A", window="control")
    service = loaded(payload(own), "hybrid_calibrator", tmp_path / "export")
    new = candidates(own, "window")
    rows = len(new.label)
    variant = np.where(np.arange(rows) % 2 == 0, "window", "nonwindow")
    found = service.decide(columns(new, variant=variant))
    for name, option in (("window", "control"), ("nonwindow", "A")):
        expected = probabilities(own / FOLDER / name / "models", option, new)
        assert np.abs(found["p_final"] - expected)[variant == name].max() < BAND
    one = {name: values[3:4] for name, values in columns(new, variant=variant).items()}
    assert service.decide(one)["p_final"][0] == pytest.approx(found["p_final"][3], abs=1e-12)
    empty = {name: values[:0] for name, values in columns(new, variant=variant).items()}
    assert {name: len(values) for name, values in service.decide(empty).items()} == {
        "p_final": 0,
        "accepted": 0,
    }


def replaced(columns: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    copy = np.array(
        columns[name], dtype=object if isinstance(value, str) else np.asarray(columns[name]).dtype
    )
    copy[2] = value
    return {**columns, name: copy.astype(str) if isinstance(value, str) else copy}


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("structured", np.nan, "row 3, field structured: nan is no number"),
        ("dense", np.inf, "row 3, field dense: inf is not finite"),
        ("label", "gear", "row 3, field label: 'gear' is not known; expected one of bolt, nut"),
        (
            "variant",
            "panorama",
            "row 3, field variant: 'panorama' is not known; expected one of nonwindow, window",
        ),
        ("box", [50, 60, 20, 20], "row 3, field box: expected corners x1, y1, x2, y2 with x1 <= x2"),
    ],
)
def test_a_row_that_cannot_be_decided_is_named(
    root: Path, tmp_path: Path, name: str, value: Any, says: str
) -> None:
    own = chosen(root, tmp_path / "own", nonwindow="A", window="A")
    service = loaded(payload(own), "hybrid_calibrator", tmp_path / "export")
    new = candidates(own, "window")
    given = columns(new, variant=np.full(len(new.label), "window"))
    with pytest.raises(RecordError) as error:
        service.decide(replaced(given, name, value))
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_other_widths_and_missing_columns_are_named(root: Path, tmp_path: Path) -> None:
    own = chosen(root, tmp_path / "own", nonwindow="A")
    service = loaded(payload(own), "hybrid_calibrator", tmp_path / "export")
    given = columns(candidates(own, "nonwindow"))
    with pytest.raises(RecordError, match=r"field dense: expected values of shape \(rows, 24\)"):
        service.decide({**given, "dense": given["dense"][:, :5]})
    with pytest.raises(RecordError, match="field has: is missing"):
        service.decide({name: values for name, values in given.items() if name != "has"})


def test_a_choice_without_a_model_is_refused_in_one_line(root: Path, tmp_path: Path) -> None:
    own = chosen(root, tmp_path / "own", nonwindow="union_nms")
    with pytest.raises(InputError, match="has no model of 'union_nms'") as error:
        payload(own)
    assert "\n" not in str(error.value)


def test_a_class_that_accepts_nothing_never_does_and_names_no_number(root: Path, tmp_path: Path) -> None:
    own = chosen(root, tmp_path / "own", nonwindow="A")
    path = own / FOLDER / "thresholds.json"
    pinned = json.loads(path.read_text())
    pinned["thresholds"]["nonwindow"]["A"]["nut"]["threshold"] = "inf"
    path.write_text(json.dumps(pinned))
    made = payload(own)
    assert made.decision["variants"]["nonwindow"]["thresholds"]["nut"]["threshold"] == "Infinity"
    assert json.loads(made.files["roboflow.json"])["class_thresholds"]["nut"] == 1.0
    given = columns(candidates(own, "nonwindow"))
    accepted = loaded(made, "hybrid_calibrator", tmp_path / "export").decide(given)["accepted"]
    assert not accepted[given["label"] == "nut"].any()
    assert accepted.any()


def test_a_file_of_candidates_is_decided_whole_and_a_variants_folder_as_it_is(
    root: Path, tmp_path: Path
) -> None:
    own = chosen(root, tmp_path / "own", nonwindow="A", window="A")
    service = loaded(payload(own), "hybrid_calibrator", tmp_path / "export")
    new = candidates(own, "window")
    given = columns(new, variant=np.full(len(new.label), "window"))
    expected = service.decide(given)
    np.savez(tmp_path / "candidates.npz", **given)
    assert FORMATS[".npz"](service, tmp_path / "candidates.npz", tmp_path / "one.csv") == len(new.label)
    assert FORMATS[""](service, own / FOLDER / "window", tmp_path / "two.csv") == len(new.label)
    for name in ("one.csv", "two.csv"):
        found = pd.read_csv(tmp_path / name)
        assert found["p_final"].tolist() == expected["p_final"].tolist()
        assert found["accepted"].tolist() == expected["accepted"].tolist()
        assert found["label"].tolist() == given["label"].tolist()
    assert {"candidate", "image", "x1", "y2"} <= set(pd.read_csv(tmp_path / "two.csv"))


def test_files_without_features_and_folders_of_others_are_refused_in_one_line(
    root: Path, tmp_path: Path
) -> None:
    own = chosen(root, tmp_path / "own", nonwindow="A", window="A")
    service = loaded(payload(own), "hybrid_calibrator", tmp_path / "export")
    manifest = own / FOLDER / "window" / "features" / "manifest.json"
    (tmp_path / "results.json").write_text("[]")
    (own / FOLDER / "window").rename(own / FOLDER / "panorama")
    refused = [
        (
            ".json",
            tmp_path / "results.json",
            r"results\.json: is not decided alone; expected a folder of images\.json and each detector's results, an \.npz of",
        ),
        (
            "",
            tmp_path / "nothing",
            "has no images.json and no candidates.parquet; expected a folder of images.json",
        ),
        (
            "",
            own / FOLDER / "panorama",
            "is no variant of the export; expected a folder called one of nonwindow, window",
        ),
    ]
    for suffix, source, says in refused:
        with pytest.raises(InputError, match=says):
            FORMATS[suffix](service, source, tmp_path / "never.csv")
    (own / FOLDER / "panorama").rename(own / FOLDER / "window")
    names = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**names, "dense": names["dense"][::-1]}))
    with pytest.raises(
        InputError, match="field dense: does not name the 24 columns of the export in their order"
    ):
        FORMATS[""](service, own / FOLDER / "window", tmp_path / "never.csv")
    assert not (tmp_path / "never.csv").exists()
