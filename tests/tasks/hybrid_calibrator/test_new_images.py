"""Detectors' results of images without ground truth come out as the pipeline decides its own, or one line says why not."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from flows.apply import main
from storage.files.inputs import InputError
from tasks.hybrid_calibrator.use.apply import NewCandidates, accepts
from tasks.hybrid_calibrator.use.export import payload
from tasks.hybrid_calibrator.use.input_files import FORMATS
from tasks.hybrid_calibrator.use.new_images import decide_images
from tests.serving.exports import loaded
from tests.tasks.hybrid_calibrator.pipeline import DATA, FOLDER, OPTIONS, run
from tests.tasks.hybrid_calibrator.test_export import BAND, chosen

CORNERS = ["x1", "y1", "x2", "y2"]
SOURCES = ("yolo", "rfdetr", "sam3_text", "sam3_similarity")
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of both variants, fitted and compared; tests copy what they change."""
    root: Path = tmp_path_factory.mktemp("root")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        return run(root)


def report_images(root: Path, variant: str, folder: Path, seed: int | None = None) -> Path:
    """What a user has of the report images: no ground truth, rows in whatever order."""
    shuffled = (lambda rows: rows) if seed is None else np.random.default_rng(seed).permutation
    folder.mkdir(parents=True)
    truth = json.loads((root / DATA / "ground_truth.json").read_text())
    known = {*json.loads((root / DATA / "splits.json").read_text())["report"]}
    images = [each for each in truth["images"] if each["id"] in known]
    write(folder / "images.json", {"images": images, "categories": truth["categories"]})
    for name in SOURCES:
        rows = json.loads((root / DATA / variant / f"{name}.json").read_text())
        write(folder / f"{name}.json", list(shuffled([row for row in rows if row["image_id"] in known])))
        with np.load(root / DATA / variant / f"{name}.npz") as arrays:
            order = shuffled(np.arange(len(arrays["ids"])))
            rows = {key: arrays[key][order] if key != "classes" else arrays[key] for key in arrays.files}
            np.savez(folder / f"{name}.npz", **rows)
    return folder


def write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content))


def edit(path: Path, change: Callable[[Any], Any]) -> None:
    """change: in place, or what it gives back."""
    content = json.loads(path.read_text())
    changed = change(content)
    write(path, content if changed is None else changed)


def service(root: Path, folder: Path, **options: str) -> Any:
    return loaded(payload(chosen(root, folder / "study", **options)), "hybrid_calibrator", folder / "export")


class Seen:
    """A decider that remembers what it was given."""

    def __init__(self, decider: Any) -> None:
        self.decider, self.export = decider, decider.export
        self.columns: dict[str, Any] = {}

    def decide(self, inputs: Any, /) -> dict[str, Any]:
        self.columns = dict(inputs)
        decided: dict[str, Any] = self.decider.decide(inputs)
        return decided


@pytest.mark.parametrize("option", OPTIONS)
def test_images_come_out_as_the_pipeline_decided_them_from_their_files_alone(
    root: Path, tmp_path: Path, option: str
) -> None:
    own = chosen(root, tmp_path / "own", nonwindow=option, window=option)
    decider = Seen(loaded(payload(own), "hybrid_calibrator", tmp_path / "export"))
    for seed, variant in enumerate(("nonwindow", "window")):
        assert_as_pinned(
            own, decider, variant, option, report_images(root, variant, tmp_path / variant, seed)
        )


def assert_as_pinned(root: Path, decider: Seen, variant: str, option: str, folder: Path) -> None:
    """folder: the report images of a variant, of which `root` has what the pipeline said."""
    there, written = root / FOLDER / variant, folder / "all.parquet"
    count = decide_images(decider, folder, written)
    found, table = pd.read_parquet(written), pd.read_parquet(there / "candidates.parquet")
    judged = (table["split"] == "report").to_numpy()
    facts = json.loads((there / "prepared.json").read_text())
    ids = np.array([str(each["id"]) for each in facts["images"]])
    assert count == len(found) == judged.sum()
    assert found["image"].tolist() == ids[table["image"]][judged].tolist()
    assert found["label"].tolist() == np.array(facts["classes"])[table["label"]][judged].tolist()
    assert (found[CORNERS].to_numpy() == table.loc[judged, CORNERS].to_numpy()).all()
    structured = np.load(there / "features" / "structured.npy")
    assert (decider.columns["structured"] == structured[judged]).all()
    dense = np.load(there / "features" / "dense.npy")
    if option != "structured":
        seen, expected = decider.columns["dense"].astype(float), dense[judged].astype(float)
        assert np.allclose(
            seen, expected, rtol=2e-3, atol=1e-3
        )  # a projection of other rows may round otherwise
    with np.load(there / "predictions.npz") as stored:
        pinned = stored["probabilities"][stored["options"].tolist().index(option)][judged]
    assert np.abs(found["p_final"] - pinned).max() < BAND
    new = NewCandidates(
        dense, structured, table[[f"has:{name}" for name in SOURCES]].to_numpy(bool), table["label"].to_numpy(np.int64),
        table["image"].to_numpy(np.int64), table[CORNERS].to_numpy(np.float64),
    )  # fmt: skip
    accepted = accepts(root / FOLDER / "thresholds.json", there / "models", variant, option, new)[judged]
    near = np.abs(pinned - decider.decider.rules[variant].thresholds[new.label[judged]]) <= BAND
    assert (found["accepted"].to_numpy() == accepted)[~near].all()
    assert accepted.any()
    assert near.mean() < 0.05


def test_the_order_of_rows_moves_no_byte_and_an_image_alone_says_what_it_says_among_others(
    root: Path, tmp_path: Path
) -> None:
    decider = service(root, tmp_path, nonwindow="A")
    results = []
    for seed in (None, 1, 2):
        folder = report_images(root, "nonwindow", tmp_path / str(seed), seed)
        decide_images(decider, folder, tmp_path / f"{seed}.json")
        decide_images(decider, folder, tmp_path / f"{seed}.csv")
        results.append([(tmp_path / f"{seed}{kind}").read_bytes() for kind in (".json", ".csv")])
    assert results[0] == results[1] == results[2]
    rows: Rows = json.loads(results[0][0])
    image = max({row["image_id"] for row in rows})
    folder = tmp_path / "1"
    edit(folder / "images.json", lambda content: content.update(images=_of(content["images"], "id", image)))
    for name in SOURCES:
        edit(folder / f"{name}.json", lambda content: _of(content, "image_id", image))
    decide_images(decider, folder, tmp_path / "one.json")
    alone: Rows = json.loads((tmp_path / "one.json").read_text())
    expected = [row for row in rows if row["image_id"] == image]
    assert [row["bbox"] for row in alone] == [row["bbox"] for row in expected]
    assert np.allclose([row["score"] for row in alone], [row["score"] for row in expected], atol=BAND)


def _of(rows: Rows, key: str, value: Any) -> Rows:
    return [row for row in rows if row[key] == value]


def test_coco_results_hold_what_was_accepted_in_the_ids_of_the_images_file(
    root: Path, tmp_path: Path
) -> None:
    """Which numbers its classes as its detectors do, whatever the study's ground truth did."""
    decider = service(root, tmp_path, nonwindow="structured")
    folder = report_images(root, "nonwindow", tmp_path / "new.images")
    decide_images(decider, folder, tmp_path / "all.csv")
    table = pd.read_csv(tmp_path / "all.csv")
    kept = table[table["accepted"]]
    names = {
        each["name"]: each["id"] for each in json.loads((folder / "images.json").read_text())["categories"]
    }
    numbers = {name: 70 - number for name, number in names.items()}  # and in another order
    edit(folder / "images.json", lambda content: content.update(
        images=[{**each, "id": f"photo {each['id']}"} for each in content["images"]],
        categories=[{"id": numbers[name], "name": name} for name in names],
    ))  # fmt: skip
    for name in SOURCES:
        edit(folder / f"{name}.json", lambda content: [
            {**row, "image_id": f"photo {row['image_id']}", "category_id": 70 - row["category_id"]} for row in content
        ])  # fmt: skip
    assert main([str(tmp_path / "export"), str(folder), str(tmp_path / "accepted.json")]) == 0
    rows: Rows = json.loads((tmp_path / "accepted.json").read_text())
    assert [row["image_id"] for row in rows] == [f"photo {each}" for each in kept["image"]]
    assert [row["category_id"] for row in rows] == [numbers[each] for each in kept["label"]]
    assert [row["score"] for row in rows] == pytest.approx(kept["p_final"].tolist())
    sides = np.hstack([kept[["x1", "y1"]], kept[["x2", "y2"]].to_numpy() - kept[["x1", "y1"]].to_numpy()])
    assert np.allclose([row["bbox"] for row in rows], sides)
    assert 0 < len(rows) < len(table)


def test_sources_that_found_nothing_and_images_without_a_box_are_counted(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a source that found nothing, nothing else is asked."""
    decider = service(root, tmp_path, nonwindow="A")
    folder = report_images(root, "nonwindow", tmp_path / "new")
    for name in SOURCES[1:]:
        write(folder / f"{name}.json", [])
        (folder / f"{name}.npz").unlink()
    first = json.loads((folder / "images.json").read_text())["images"][0]["id"]
    edit(folder / "yolo.json", lambda content: [row for row in content if row["image_id"] != first])
    assert decide_images(decider, folder, tmp_path / "some.csv") > 0
    said = capsys.readouterr().out
    assert "rfdetr.json: holds no results; the source found nothing" in said
    assert " without a candidate)" in said
    write(folder / "yolo.json", [])
    for kind in ("csv", "json", "parquet"):
        assert decide_images(decider, folder, tmp_path / f"none.{kind}") == 0
    assert json.loads((tmp_path / "none.json").read_text()) == []
    assert pd.read_csv(tmp_path / "none.csv").columns.tolist()[-2:] == ["p_final", "accepted"]
    assert "24 images (24 without a candidate), 0 boxes, 0 candidates, 0 accepted" in capsys.readouterr().out


def test_boxes_that_no_image_holds_are_cut_or_dropped_and_counted(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decider = service(root, tmp_path, nonwindow="structured")
    folder = report_images(root, "nonwindow", tmp_path / "new")
    edit(folder / "yolo.json", lambda content: content[0].update(bbox=[5000, 10, 20, 20]))
    edit(folder / "yolo.json", lambda content: content[1].update(bbox=[-5, 10, 20, 20]))
    edit(folder / "rfdetr.json", lambda content: content.append(content[0]))
    decide_images(decider, folder, tmp_path / "all.csv")
    said = capsys.readouterr().out
    assert "dropped       1  yolo.json: box lies outside its image" in said
    assert "repaired      1  yolo.json: box begins before its image" in said
    assert "dropped       1  rfdetr.json: repeats a box of the same image and class" in said


def test_rows_of_strangers_are_dropped_where_the_study_dropped_them(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = chosen(root, tmp_path / "study", nonwindow="structured")
    edit(own / "params.yaml", lambda content: content["hybrid_calibrator"]["prepare"].update(unknown="drop"))
    decider = loaded(payload(own), "hybrid_calibrator", tmp_path / "export")
    folder = report_images(root, "nonwindow", tmp_path / "new")
    edit(folder / "yolo.json", lambda content: content[0].update(category_id=77))
    edit(folder / "yolo.json", lambda content: content[1].update(image_id=7777))
    decide_images(decider, folder, tmp_path / "all.csv")
    said = capsys.readouterr().out
    assert "dropped       1  yolo.json: unknown category_id (such as row 1: 77)" in said
    assert "dropped       1  yolo.json: unknown image_id (such as row 2: 7777)" in said


def test_files_may_call_keys_and_classes_as_those_of_a_new_study_may(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decider = service(root, tmp_path, nonwindow="A")
    folder = report_images(root, "nonwindow", tmp_path / "new")
    decide_images(decider, folder, tmp_path / "ours.json")
    categories = json.loads((folder / "images.json").read_text())["categories"]
    named = {each["id"]: each["name"] for each in categories}
    for name in SOURCES:
        edit(folder / f"{name}.json", lambda content: [
            {"img": row.pop("image_id"), "Class": named[row.pop("category_id")], "conf": row.pop("score", None), **row}
            for row in content
        ])  # fmt: skip
    decide_images(decider, folder, tmp_path / "theirs.json")
    assert (tmp_path / "ours.json").read_bytes() == (tmp_path / "theirs.json").read_bytes()
    assert "yolo.json: score is called conf; taken as that" in capsys.readouterr().out
    edit(folder / "rfdetr.json", lambda content: content[2].update(Class="gear"))
    with pytest.raises(
        InputError, match=r"rfdetr\.json, row 3, field category_id: 'gear' is not in images\.json"
    ):
        decide_images(decider, folder, tmp_path / "never.json")
    edit(folder / "yolo.json", lambda content: [{"photo": row.pop("img"), **row} for row in content])
    with pytest.raises(
        InputError, match=r"yolo\.json: which key is the image_id\? rows have .*: rename it to image_id"
    ):
        decide_images(decider, folder, tmp_path / "never.json")


REFUSED: list[tuple[str, Callable[[Any], Any] | None, str]] = [
    ("images.json", lambda c: c.pop("categories") and c, "images.json: expected an object with images (id, file_name, width"),
    ("images.json", lambda c: c["images"][2].pop("width") and c, "images.json, row 3 of images, field width: expected a finite number, got None"),
    ("images.json", lambda c: c["categories"].pop() and c, "field categories: has ['bolt', 'nut', 'washer', 'clip']; expected the classes that were learned"),
    ("images.json", lambda c: c["images"].clear(), "images.json, field images: holds no images"),
    ("yolo.json", None, "yolo.json: no such file; expected what yolo found; if it found nothing, write []"),
    ("yolo.npz", None, "yolo.npz: no such file; expected what the classifier says of each crop of yolo.json, by id"),
    ("yolo.json", lambda c: c[3].update(score=float("nan")), "yolo.json, row 4, field score: expected a finite number, got nan"),
    ("yolo.json", lambda c: c[3].update(score=7), "yolo.json, row 4, field score: expected a score in [0, 1], got 7"),
    ("yolo.json", lambda c: c[3].pop("score") and c, "field score: is missing in 1 row(s); add it"),
    ("yolo.json", lambda c: c[3].update(category_id=77), "yolo.json, row 4, field category_id: 77 is not in images.json, which has ids 1 to 5, 5 in all by its numbering; 1 such row(s): mend or remove them"),
    ("yolo.json", lambda c: c[3].update(image_id=7777), "row 4, field image_id: 7777 is not in images.json, which has no such image; 1 such row(s): mend or"),
    ("yolo.json", lambda c: [{**row, "bbox": _corners(row["bbox"])} for row in c], "fit: write [x1, y1, x2 - x1, y2 - y1]"),
    ("yolo.json", lambda c: c[3].update(id=c[2]["id"]), "field id: "),
    ("yolo.json", lambda c: {"boxes": c}, "yolo.json: expected a list of results, or an object with the list under annotations"),
]  # fmt: skip


def _corners(box: list[float]) -> list[float]:
    return [box[0], box[1], box[0] + box[2], box[1] + box[3]]


@pytest.fixture(scope="module")
def exported(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    folder = tmp_path_factory.mktemp("exported")
    return service(root, folder, nonwindow="A"), report_images(root, "nonwindow", folder / "new")


@pytest.mark.parametrize(("name", "change", "says"), REFUSED)
def test_what_cannot_be_read_is_refused_in_one_line_and_nothing_is_written(
    exported: tuple[Any, Path], tmp_path: Path, name: str, change: Callable[[Any], Any] | None, says: str
) -> None:
    folder = tmp_path / "new"
    shutil.copytree(exported[1], folder, copy_function=shutil.copyfile)
    if change is None:
        (folder / name).unlink()
    else:
        edit(folder / name, change)
    for kind in ("json", "csv"):
        with pytest.raises(InputError) as error:
            decide_images(exported[0], folder, tmp_path / f"never.{kind}")
        assert says in str(error.value)
        assert "\n" not in str(error.value)
        assert "params.yaml" not in str(error.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new"]


def test_another_classifier_is_refused(exported: tuple[Any, Path], tmp_path: Path) -> None:
    folder = tmp_path / "new"
    shutil.copytree(exported[1], folder, copy_function=shutil.copyfile)
    with np.load(folder / "yolo.npz") as arrays:
        np.savez(folder / "yolo.npz", ids=arrays["ids"], embeddings=arrays["embeddings"][:, :5])
    with pytest.raises(
        InputError, match=r"yolo\.npz, field embeddings: gives 5 columns unlike the \d+ that were"
    ):
        decide_images(exported[0], folder, tmp_path / "never.csv")


def test_a_choice_that_sees_no_crops_asks_for_none(root: Path, tmp_path: Path) -> None:
    decider = service(root, tmp_path, nonwindow="structured", window="A")
    folder = report_images(root, "nonwindow", tmp_path / "nonwindow")
    decide_images(decider, folder, tmp_path / "with.csv")
    for name in SOURCES:
        (folder / f"{name}.npz").unlink()
        edit(folder / f"{name}.json", lambda content: [{**row, "id": 1} for row in content])
    decide_images(decider, folder, tmp_path / "without.csv")
    assert (tmp_path / "with.csv").read_bytes() == (tmp_path / "without.csv").read_bytes()
    other = report_images(root, "window", tmp_path / "panorama")
    with pytest.raises(InputError, match="expected a folder called one of nonwindow, window"):
        FORMATS[""](decider, other, tmp_path / "never.csv")


def test_exports_that_cannot_make_features_are_refused_in_one_line(
    exported: tuple[Any, Path], root: Path, tmp_path: Path
) -> None:
    made = payload(chosen(root, tmp_path / "study", nonwindow="A"))
    decision = {name: value for name, value in made.decision.items() if name != "detections"}
    old = loaded(_with(made, decision), "hybrid_calibrator", tmp_path / "old")
    with pytest.raises(
        InputError, match=r"export\.json, field decision\.detections: says nothing of how features"
    ):
        decide_images(old, exported[1], tmp_path / "never.csv")
    stated = {
        **made.decision["detections"],
        "features": {**made.decision["detections"]["features"], "prompt_buckets": 4},
    }
    other = loaded(
        _with(made, {**made.decision, "detections": stated}), "hybrid_calibrator", tmp_path / "other"
    )
    with pytest.raises(
        InputError, match=r"export\.json, field structured: names other columns than are made here"
    ):
        decide_images(other, exported[1], tmp_path / "never.csv")


def _with(made: Any, decision: dict[str, Any]) -> Any:
    return type(made)(**{**vars(made), "decision": decision})


def test_the_card_says_what_a_folder_of_new_images_holds(root: Path, tmp_path: Path) -> None:
    made = payload(chosen(root, tmp_path / "study", nonwindow="A"))
    loaded(made, "hybrid_calibrator", tmp_path / "export")
    card = (tmp_path / "export" / "card.md").read_text()
    assert "New images, in a folder of images.json" in card
    assert all(f"{name}.{kind}" in card for name in SOURCES for kind in ("json", "npz"))
    assert "python -m flows.apply folder new_images decided.csv" in card
