"""prepare and features on tiny data: from the files of several sources to labelled candidates and their features."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from params.block import ParamsError, read_block
from params.hybrid_calibrator import Features, Prepare
from params.simulated_detections import Simulate
from simulators import hybrid_calibrator as simulator
from storage.detections.crops import CropFeatures, read_crops
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError
from tasks.hybrid_calibrator import features, prepare
from tasks.hybrid_calibrator.model import description
from tests.clone import REAL
from tests.imports import ROOT

STATED: dict[str, Any] = {
    "prepare": read_block(ROOT / "params.yaml", "hybrid_calibrator.prepare", Prepare).model_dump(),
    "features": read_block(ROOT / "params.yaml", "hybrid_calibrator.features", Features).model_dump(),
}
SIMULATED = read_block(ROOT / "params.yaml", "hybrid_calibrator.simulate", Simulate)
SOURCE = {"boxes": "xywh", "scores": "required", "categories": "ground_truth", "classifier": None}
OUTS = {
    "candidates": "candidates.parquet", "raw": "raw.parquet", "ground_truth": "ground_truth.parquet",
    "prepared": "prepared.json", "features": "features",
}  # fmt: skip


class Run:
    """The files of one run in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "data"
        self.files: dict[str, Path] = {}

    def of(self, *stems: str) -> dict[str, Path]:
        return {stem: self.files[stem] for stem in stems}

    def block(self, model: Any, step: str, changes: dict[str, Any]) -> Any:
        path = self.folder / "params.yaml"
        path.write_text(json.dumps({"block": {**STATED[step], **changes}}))
        return read_block(path, "block", model)

    def prepare(self, variant: str = "nonwindow", **changes: Any) -> dict[str, Any]:
        self.files = {stem: self.folder / "out" / variant / name for stem, name in OUTS.items()}
        outs = self.of("candidates", "raw", "ground_truth", "prepared")
        prepare.main(self.block(Prepare, "prepare", changes), variant, self.data, **outs)
        facts: dict[str, Any] = json.loads(self.files["prepared"].read_text())
        return facts

    def features(self, variant: str = "nonwindow", **changes: Any) -> tuple[pd.DataFrame, Any]:
        features.main(self.block(Features, "features", changes), variant, self.data, **self.files)
        names = json.loads((self.files["features"] / "manifest.json").read_text())
        structured = np.load(self.files["features"] / "structured.npy")
        dense = np.load(self.files["features"] / "dense.npy")
        assert dense.dtype == np.float16
        assert structured.dtype == np.float32
        assert dense.shape[1] == len(names["dense"])
        return pd.DataFrame(structured, columns=names["structured"]), pd.DataFrame(
            dense, columns=names["dense"]
        )

    def table(self, stem: str) -> pd.DataFrame:
        return pd.read_parquet(self.files[stem])


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("simulated")
    sizes = {"train": 30, "tune": 12, "report": 12}
    changes = {"images": sizes, "embedding": 12, "empty_images": 0.15, "crowds": 0.3}
    simulator.main(Simulate.model_validate({**SIMULATED.model_dump(), **changes}), folder / "data")
    return folder / "data"


@pytest.fixture
def run(tmp_path: Path, simulated: Path) -> Run:
    shutil.copytree(simulated, tmp_path / "data")
    return Run(tmp_path)


def named(columns: pd.DataFrame) -> list[str]:
    return [str(name) for name in columns]


def image(number: int) -> dict[str, Any]:
    return {"id": number, "file_name": f"{number}.jpg", "width": 100, "height": 100}


@pytest.fixture
def tiny(tmp_path: Path) -> Run:
    """Three images, one per split; two sources; everything can be counted by hand."""
    made = Run(tmp_path)
    (made.data / "nonwindow").mkdir(parents=True)
    objects = [
        {"id": number, "image_id": picture, "category_id": label, "bbox": box, "area": 400, "iscrowd": crowd}
        for number, (picture, label, box, crowd) in enumerate([
            (1, 1, [10, 10, 20, 20], 0), (1, 2, [60, 60, 30, 30], 0), (1, 1, [0, 50, 50, 50], 1),
            (2, 1, [10, 10, 20, 20], 0), (3, 2, [40, 40, 20, 20], 0),
        ], 1)
    ]  # fmt: skip
    content = {
        "images": [image(number) for number in (1, 2, 3, 4)],
        "categories": [{"id": 1, "name": "bolt"}, {"id": 2, "name": "nut"}],
        "annotations": objects,
    }
    (made.data / "ground_truth.json").write_text(json.dumps(content))
    (made.data / "splits.json").write_text(json.dumps({"train": [1, 4], "tune": [2], "report": [3]}))
    results("a", made, [(1, 1, [10, 10, 20, 20], 0.9), (1, 1, [10, 10, 20, 19], 0.8), (1, 1, [5, 60, 10, 10], 0.7),
                        (2, 1, [10, 10, 20, 20], 0.6), (1, 2, [5, 5, 10, 10], 0.2)])  # fmt: skip
    results(
        "b",
        made,
        [(1, 1, [10, 10, 20, 14], 0.95), (1, 1, [10, 10, 20, 20], 0.3), (1, 1, [20, 65, 10, 10], 0.1)],
    )
    return made


def results(name: str, run: Run, rows: list[tuple[int, int, list[float], float]]) -> None:
    listed = [
        {"id": number, "image_id": picture, "category_id": label, "bbox": box, "score": score}
        for number, (picture, label, box, score) in enumerate(rows)
    ]
    (run.data / "nonwindow" / f"{name}.json").write_text(json.dumps(listed))


TINY: dict[str, Any] = {"sources": {name: {**SOURCE, "file": f"{name}.json"} for name in ("a", "b")}}


def test_candidates_are_merged_labelled_and_counted_as_by_hand(tiny: Run) -> None:
    facts = tiny.prepare(**TINY)
    table = tiny.table("candidates")
    assert table[["image", "label", "score", "has:a", "has:b", "count:a", "count:b"]].to_numpy().tolist() == [
        [0, 0, 0.95, False, True, 0, 1],  # covers too little of the next one to be merged (.7)
        [0, 0, 0.9, True, True, 2, 1],
        [0, 0, 0.7, True, False, 1, 0],
        [0, 0, 0.1, False, True, 0, 1],
        [0, 1, 0.2, True, False, 1, 0],
        [1, 0, 0.6, True, False, 1, 0],
    ]
    # The first takes the object at IoU .7, so the exact box is a duplicate; two lie in the crowd.
    assert table["matched"].tolist() == [0, -1, 2, 2, -1, 3]
    assert table["positive"].tolist() == [True, False, False, False, False, True]
    assert table["ignored"].tolist() == [False, False, True, True, False, False]
    assert table["score:a"].tolist()[1:3] == [0.9, 0.7]
    assert np.isnan(table["score:a"][0])
    assert facts["counts"]["train"] == {
        "images": 2, "objects": 2, "crowds": 1, "raw": 7, "candidates": 5, "positive": 1, "ignored": 2,
    }  # fmt: skip
    assert facts["counts"]["report"]["candidates"] == 0  # and the image is still there:
    assert [each["split"] for each in facts["images"]] == ["train", "tune", "report", "train"]


@pytest.mark.parametrize(("dedupe", "warned"), [(0.75, True), (0.5, False)])
def test_a_dedupe_that_leaves_sure_false_positives_is_warned_of(
    tiny: Run, capsys: Any, dedupe: float, warned: bool
) -> None:
    tiny.prepare(**TINY, dedupe_iou=dedupe)
    assert ("warning: dedupe_iou 0.75 is above match_iou 0.5" in capsys.readouterr().out) is warned


def test_context_leaves_out_what_the_candidate_itself_brings(tiny: Run) -> None:
    tiny.prepare(**TINY)
    columns, dense = tiny.features(radius=0.2)
    assert dense.shape == (6, 0)
    assert columns["context::count"].tolist() == [4, 2, 1, 1, 4, 0]
    assert columns["context::same_class"].tolist() == [3, 1, 1, 1, 0, 0]
    assert columns["image::count"].tolist() == [6, 4, 6, 6, 6, 0]
    assert columns["image::better_of_class"].tolist() == [0, 1, 2, 3, 0, 0]
    before = columns.loc[5]
    four = [(2, 1, [10.0, 10, 20, 20], score) for score in (0.5, 0.4, 0.3, 0.2)]
    results("b", tiny, [(1, 1, [1, 1, 3, 3], 0.5), *four])
    tiny.prepare(**TINY)
    again, _ = tiny.features(radius=0.2)
    mine = int(np.flatnonzero(tiny.table("candidates")["image"] == 1)[0])
    changed = [name for name in named(again) if again[name][mine] != before[name]]
    assert again["count::b"][mine] == 4
    assert changed
    assert {name.split("::")[0] for name in changed} <= {
        "score",
        "max",
        "has",
        "count",
        "support",
        "agreement",
    }
    assert not any(name.startswith("agreement::beyond") for name in changed)


def test_candidates_are_in_order_and_positives_are_one_to_one(run: Run) -> None:
    run.prepare()
    table, truth = run.table("candidates"), run.table("ground_truth")
    ordered = table.assign(rank=-table["score"]).sort_values(["image", "label", "rank"], kind="stable")
    assert ordered["candidate"].tolist() == list(range(len(table)))
    positive = table[table["positive"]]
    assert positive["matched"].is_unique
    matched = truth.loc[positive["matched"]]
    assert not matched["crowd"].any()
    assert (matched["label"].to_numpy() == positive["label"].to_numpy()).all()
    assert (matched["image"].to_numpy() == positive["image"].to_numpy()).all()
    assert table["ignored"].any()
    assert not (table["ignored"] & table["positive"]).any()
    objects = truth[~truth["crowd"]]
    missed = len(objects) - len(positive)
    assert len(positive) + missed == len(objects) and 0 < missed < len(objects) / 3


def test_no_image_is_lost_and_none_is_in_two_splits(run: Run) -> None:
    facts = run.prepare()
    images = pd.DataFrame(facts["images"])
    assert images["split"].value_counts().to_dict() == {"train": 30, "tune": 12, "report": 12}
    assert images["id"].is_unique
    for stem in ("candidates", "raw", "ground_truth"):
        table = run.table(stem)
        assert (table["split"] == images["split"].to_numpy()[table["image"]]).all()
    assert len(set(run.table("ground_truth")["image"])) < len(images)  # some have nothing to find


def test_both_variants_have_the_same_ground_truth_and_feature_names(run: Run) -> None:
    run.prepare("nonwindow")
    plain, plain_dense = run.features("nonwindow")
    truth = run.files["ground_truth"].read_bytes()
    run.prepare("window")
    tiled, tiled_dense = run.features("window")
    assert run.files["ground_truth"].read_bytes() == truth
    assert plain.columns.tolist() == tiled.columns.tolist()
    assert plain_dense.columns.tolist() == tiled_dense.columns.tolist()
    assert (plain["tile::id"] == -1).all()
    assert tiled["tile::touches_edge"].max() > 0
    assert tiled["tile::tiles"].max() > 1


@pytest.mark.parametrize("variant", ["nonwindow", "window"])
def test_some_images_at_a_time_are_described_as_all_at_once(run: Run, variant: str) -> None:
    facts = run.prepare(variant)
    table, boxes, truth = (run.table(stem) for stem in ("candidates", "raw", "ground_truth"))
    sizes = pd.DataFrame(facts["images"])[["width", "height"]].to_numpy(np.float64)
    sources = [source["name"] for source in facts["sources"]]
    priors = description.shape_priors(truth, sizes, len(facts["classes"]))

    def described(candidates: pd.DataFrame, found: pd.DataFrame, rows: int) -> tuple[list[str], bytes]:
        names, matrix = description.structured(
            run.block(Features, "features", {}),
            candidates,
            found,
            priors,
            sizes,
            facts["classes"],
            sources,
            rows,
        )
        assert matrix.shape == (len(candidates), len(names))
        return names, matrix.tobytes()

    whole = described(table, boxes, len(table))
    for rows in (1, 7, 100, len(table) // 2):
        assert described(table, boxes, rows) == whole
    assert described(table[:0], boxes[:0], 7) == (whole[0], b"")
    one = table["image"].max()  # its candidates are numbered from far above 0
    alone = described(table[table["image"] == one], boxes[boxes["image"] == one], 7)
    assert whole[1].endswith(alone[1])


def test_the_order_of_rows_in_the_files_never_matters(run: Run) -> None:
    run.prepare()
    before = [path.read_bytes() for path in run.of("candidates", "raw", "ground_truth").values()]
    for path in (run.data / "nonwindow").glob("*.json"):
        rows = json.loads(path.read_text())
        path.write_text(json.dumps([rows[row] for row in np.random.default_rng(0).permutation(len(rows))]))
    run.prepare()
    assert [path.read_bytes() for path in run.of("candidates", "raw", "ground_truth").values()] == before


def test_every_step_twice_gives_the_same_bytes(run: Run) -> None:
    seen = []
    for _ in range(2):
        run.prepare("window")
        run.features("window")
        folder = run.files["raw"].parent
        seen.append({path: path.read_bytes() for path in folder.rglob("*") if path.is_file()})
    assert seen[0] == seen[1]
    assert len(seen[0]) == 7


def test_geometry_knows_the_shapes_of_train_objects_alone(run: Run) -> None:
    run.prepare()
    before, _ = run.features()
    content = json.loads((run.data / "ground_truth.json").read_text())
    train = set(json.loads((run.data / "splits.json").read_text())["train"])
    for each in content["annotations"]:
        if each["image_id"] not in train:
            each["bbox"][2:] = [7, 50]
    (run.data / "ground_truth.json").write_text(json.dumps(content))
    run.prepare()
    after, _ = run.features()
    assert before.equals(after)
    for each in content["annotations"]:
        each["bbox"][2] /= 2
    (run.data / "ground_truth.json").write_text(json.dumps(content))
    run.prepare()
    assert not before["geometry::z_log_area"].equals(run.features()[0]["geometry::z_log_area"])


def test_features_are_finite_and_no_name_tells_the_truth(run: Run) -> None:
    run.prepare()
    columns, dense = run.features()
    assert np.isfinite(columns.to_numpy()).all()
    assert np.isfinite(dense.to_numpy()).all()
    assert columns.columns.is_unique
    table = run.table("candidates")
    assert len(columns) == len(dense) == len(table)
    for name in ("yolo", "rfdetr", "sam3_text", "sam3_similarity"):
        assert (columns[f"has::{name}"] == table[f"has:{name}"]).all()
        assert (columns[f"count::{name}"] == table[f"count:{name}"]).all()
    shares = columns[[name for name in named(columns) if name.startswith("support::share::")]].sum(axis=1)
    assert np.allclose(shares, 1)
    families = {name.split("::")[0] for name in named(columns)}
    assert families == {
        "score", "max", "has", "count", "support", "geometry", "class", "agreement", "context", "image", "tile", "prompt",
    }  # fmt: skip
    assert {name.split("::")[0] for name in named(dense)} == {"clf_emb_rp", "clf_prob"}


def test_dense_rows_are_the_crops_of_the_leading_boxes(run: Run) -> None:
    run.prepare()
    _, dense = run.features()
    raw = run.table("raw").drop_duplicates("candidate").sort_values("candidate")
    for name, rows in raw.groupby("source"):
        stored = np.load(run.data / "nonwindow" / f"{name}.npz")
        own = dense.loc[rows["candidate"]].to_numpy()
        expected = np.hstack([stored["embeddings"], stored["probabilities"]])[rows["id"].astype(int)]
        assert np.array_equal(own, expected)


def test_wide_embeddings_are_projected_alike_in_every_file(run: Run) -> None:
    run.prepare()
    _, dense = run.features(projection={"size": 5, "seed": 1})
    assert [name for name in named(dense) if name.startswith("clf_emb_rp")] == [
        f"clf_emb_rp::{n:04d}" for n in range(5)
    ]
    raw = run.table("raw").drop_duplicates("candidate")
    stored = {
        name: np.load(run.data / "nonwindow" / f"{name}.npz")["embeddings"] for name in ("yolo", "rfdetr")
    }
    leading = zip(raw["source"].tolist(), raw["id"].astype(int).tolist(), strict=True)
    wide = np.stack([stored[source][row] for source, row in leading if source in stored])
    narrow = dense.iloc[raw["candidate"][raw["source"].isin(list(stored))], :5].to_numpy(np.float64)
    solved, residual, _, _ = np.linalg.lstsq(wide.astype(np.float64), narrow, rcond=None)
    assert solved.shape == (12, 5)
    assert residual.max() < 1e-3  # one linear map explains both sources


def test_safetensors_serve_as_well_as_npz(run: Run) -> None:
    run.prepare()
    _, before = run.features()
    sources = STATED["prepare"]["sources"]
    for path in (run.data / "nonwindow").glob("*.npz"):
        stored = np.load(path)
        kept = {name: stored[name] for name in ("ids", "embeddings", "probabilities")}
        save_file(kept, path.with_suffix(".safetensors"))
        path.unlink()
    run.prepare(
        sources={name: {**each, "classifier": f"{name}.safetensors"} for name, each in sources.items()}
    )
    assert run.features()[1].equals(before)


def test_without_a_classifier_there_are_structured_features_alone(run: Run) -> None:
    sources = {name: {**each, "classifier": None} for name, each in STATED["prepare"]["sources"].items()}
    run.prepare(sources=sources)
    columns, dense = run.features()
    assert dense.shape == (len(columns), 0)
    sources["yolo"]["classifier"] = "yolo.npz"
    with pytest.raises(
        ParamsError, match="classifier files are needed for every source, or null for every source"
    ):
        run.prepare(sources=sources)


def test_a_file_that_numbers_classes_otherwise_is_refused(run: Run) -> None:
    path = run.data / "nonwindow" / "yolo.json"
    rows = json.loads(path.read_text())
    for row in rows:
        row["category_id"] = row["category_id"] % 5 + 1  # all known, all wrong
    path.write_text(json.dumps(rows))
    with pytest.raises(InputError, match=r"boxes lie on objects, but only \d+ name their class") as caught:
        run.prepare()
    assert "set categories of this source to from_0, from_1 or the list of its names" in str(caught.value)


def test_a_source_that_found_nothing_is_kept_and_told(tiny: Run, capfd: pytest.CaptureFixture[str]) -> None:
    results("b", tiny, [])
    facts = tiny.prepare(**TINY)
    assert "b.json: holds no results; the source found nothing" in capfd.readouterr().out
    assert facts["importer"]["repaired"] == {"b.json: holds no results; the source found nothing": 1}
    assert [each["name"] for each in facts["sources"]] == ["a", "b"]
    assert not tiny.table("candidates")["has:b"].any()
    columns, _ = tiny.features()
    assert (columns["has::b"] == 0).all()


def test_what_was_dropped_is_printed_by_reason_and_count(
    tiny: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = [(1, 1, [10.0, 10, 20, 20], 0.9), (1, 1, [10.0, 10, -1, 5], 0.9), (9, 1, [1.0, 1, 5, 5], 0.9)]
    rows += [
        (1, 1, [95.0, 95, 20, 20], 0.4),
        (1, 1, [-5.0, 95, 20, 20], 0.4),
        (1, 1, [10.0, 10, 20, 20], 0.9),
    ]
    results("a", tiny, rows)
    facts = tiny.prepare(**TINY, unknown="drop")
    warning, *said = capfd.readouterr().out.splitlines()
    assert warning.startswith("warning: dedupe_iou 0.75 is above match_iou 0.5")
    assert said == [
        "import of nonwindow:",
        "  dropped       1  a.json: repeats a box of the same image and class (such as row 6)",
        "  dropped       1  a.json: unknown image_id (such as row 3: 9)",
        "  dropped       1  a.json: width or height is not above 0 (such as row 2)",
        "  repaired      1  a.json: box begins before its image (negative x or y), cut (such as row 5)",
        "  repaired      2  a.json: box reached beyond its image, cut (such as row 4, row 5)",
        "  noted         2  data: class with fewer than 5 objects in train, tune or report (such as bolt 1/1/0, nut 1/0/1)",
    ]
    assert facts["importer"]["dropped"]["a.json: unknown image_id"] == 1


def test_killed_features_go_on_where_they_were(
    run: Run, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(run.folder)
    run.prepare()
    run.features()
    folder = run.files["features"]
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    shutil.rmtree(folder)

    def killed(path: Path, ids: list[str], classes: list[str], report: ImportReport) -> CropFeatures:
        if path.stem == "sam3_text":
            raise KeyboardInterrupt
        return read_crops(path, ids, classes, report)

    with monkeypatch.context() as patch:
        patch.setattr("tasks.hybrid_calibrator.model.description.read_crops", killed)
        with pytest.raises(KeyboardInterrupt):
            run.features()
    assert not folder.exists()
    capfd.readouterr()
    run.features()
    printed = capfd.readouterr().out.splitlines()
    assert printed == [f"{unit}: finished before" for unit in ("structured", "dense_yolo", "dense_rfdetr")]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == whole
    assert not list((run.folder / ".cache").glob("*"))


def test_a_variant_that_is_not_given_leaves_a_status(tiny: Run, capfd: pytest.CaptureFixture[str]) -> None:
    facts = tiny.prepare("window", **TINY, variants=["nonwindow"])
    assert facts == {"variant": "window", "status": "not given"}
    assert capfd.readouterr().out == "window: not given, as prepare.variants names nonwindow\n"
    features.main(tiny.block(Features, "features", {}), "window", tiny.data, **tiny.files)
    assert [path.name for path in tiny.files["features"].iterdir()] == ["status.json"]


def test_a_variant_whose_folder_is_missing_is_refused(tiny: Run) -> None:
    with pytest.raises(InputError, match="leave it out of"):
        tiny.prepare("window", **TINY)


def test_a_folder_that_is_not_read_is_told(tiny: Run, capfd: pytest.CaptureFixture[str]) -> None:
    tiny.prepare("nonwindow", **TINY, variants=["window"])
    assert "; its folder is there, but is not read" in capfd.readouterr().out


def test_nothing_to_learn_from_is_refused(tiny: Run) -> None:
    for rows in ([(2, 1, [10.0, 10, 20, 20], 0.5)], []):
        for name in ("a", "b"):
            results(name, tiny, rows)
        with pytest.raises(InputError, match="no candidate of the train images matches an object"):
            tiny.prepare(**TINY)
        assert not tiny.files["candidates"].exists()


def test_a_random_split_leaves_no_part_empty(tiny: Run) -> None:
    facts = tiny.prepare(**TINY, split={"by": "random", "tune": 0.25, "report": 0.25, "seed": 2})
    assert sorted(each["split"] for each in facts["images"]) == ["report", "train", "train", "tune"]
    with pytest.raises(InputError, match="4 images are too few for these splits"):
        tiny.prepare(**TINY, split={"by": "random", "tune": 0.1, "report": 0.25, "seed": 2})


def test_a_file_listed_twice_is_in_one_split(tiny: Run, capfd: pytest.CaptureFixture[str]) -> None:
    content = json.loads((tiny.data / "ground_truth.json").read_text())
    content["images"] += [{**each, "id": 10 + each["id"]} for each in content["images"]]
    (tiny.data / "ground_truth.json").write_text(json.dumps(content))
    facts = tiny.prepare(**TINY, split={"by": "random", "tune": 0.25, "report": 0.25, "seed": 2})
    split = {each["id"]: each["split"] for each in facts["images"]}
    assert all(split[number] == split[10 + number] for number in (1, 2, 3, 4))
    assert (
        "noted         4  data: file listed as two images or more, which share a split"
        in capfd.readouterr().out
    )


def test_a_split_without_an_object_is_refused(tiny: Run) -> None:
    (tiny.data / "splits.json").write_text(json.dumps({"train": [1, 3], "tune": [2], "report": [4]}))
    with pytest.raises(InputError, match="the report images hold no object"):
        tiny.prepare(**TINY)


def test_yolo_and_voc_ground_truth_run_through(tiny: Run) -> None:
    (tiny.data / "labels").mkdir()
    (tiny.data / "labels" / "1.txt").write_text("0 0.2 0.2 0.2 0.2\n1 0.75 0.75 0.3 0.3\n")
    for number in (2, 3):
        (tiny.data / "labels" / f"{number}.txt").write_text("0 0.2 0.2 0.2 0.2\n")
    (tiny.data / "classes.txt").write_text("bolt\nnut\n")
    (tiny.data / "images.csv").write_text(
        "file_name,width,height\n1.jpg,100,100\n2.jpg,100,100\n3.jpg,100,100\n4.jpg,100,100\n"
    )
    yolo = {
        "format": "yolo",
        "folder": "labels",
        "classes": "classes.txt",
        "images": "images.csv",
        "rows": "box",
    }
    sources: dict[str, Any] = {"sources": {"a": {**SOURCE, "file": "a.json", "categories": "from_1"}}}
    assert tiny.prepare(**sources, ground_truth=yolo)["counts"]["train"]["positive"] == 1
    (tiny.data / "xml").mkdir()
    for number in (1, 2, 3, 4):
        body = "<bndbox><xmin>11</xmin><ymin>11</ymin><xmax>30</xmax><ymax>30</ymax></bndbox>"
        objects = "".join(f"<object><name>{name}</name>{body}</object>" for name in ("bolt", "nut"))
        size = "<size><width>100</width><height>100</height></size>"
        (tiny.data / "xml" / f"{number}.xml").write_text(f"<annotation>{size}{objects}</annotation>")
    voc = {"format": "voc", "folder": "xml", "first_pixel": 1}
    assert tiny.prepare(**sources, ground_truth=voc)["counts"]["tune"]["positive"] == 1


@pytest.mark.skipif(not (REAL / "coco100").exists(), reason="../shared/real/coco100 is absent")
def test_the_two_result_files_of_coco100_are_two_sources(tmp_path: Path) -> None:
    run = Run(tmp_path)
    (run.data / "nonwindow").mkdir(parents=True)
    folder = REAL / "coco100"
    shutil.copy(folder / "instances_val2014_100.json", run.data / "ground_truth.json")
    sources = {}
    for kind in ("bbox", "segm"):
        name = f"instances_val2014_fake{kind}100_results.json"
        shutil.copy(folder / name, run.data / "nonwindow" / name)
        sources[kind] = {**SOURCE, "file": name}
    split = {"by": "random", "tune": 0.3, "report": 0.3, "seed": 0}
    facts = run.prepare(sources=sources, split=split)
    table, truth = run.table("candidates"), run.table("ground_truth")
    assert len(facts["images"]) == 100
    assert len(facts["classes"]) == 80
    assert len(truth) == 839
    assert truth["crowd"].sum() == 9
    assert len(run.table("raw")) == 2 * 734
    repaired = facts["importer"]["repaired"]
    name = "instances_val2014_fakesegm100_results.json"
    assert repaired[f"{name}: bbox is missing, taken around the segmentation"] == 734
    assert not facts["importer"]["dropped"]
    assert 734 < len(table) < 2 * 734
    assert table["positive"].sum() > 300
    columns, dense = run.features()
    assert np.isfinite(columns.to_numpy()).all()
    assert dense.shape[1] == 0
