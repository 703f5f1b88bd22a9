"""Whatever a stranger calls things: told or guessed, what the first stage reads is what the file holds."""

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from params.columns import MessageColumns, ScoreColumns
from storage.detections.coco import ResultsFormat, read_coco_results, read_coco_truth
from storage.files.foreign import read_foreign_table
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError
from storage.heads.foreign_embeddings import read_embedding_file
from storage.lenses.manifests import read_manifest
from storage.messages.batches import read_unlabelled_scores
from storage.messages.messages import read_messages
from storage.messages.scored import read_scored
from storage.speech.own_logits import LogitsFile, read_own_logits
from tasks.intake.proposal import Proposal

ROWS = 240
RANDOM = np.random.default_rng(3)
VALUES = RANDOM.normal(size=(ROWS, 20)).astype(np.float32)
CLASSES = np.array(["ant", "bee", "cow"])[RANDOM.integers(0, 3, ROWS)]
PATIENTS = [f"p{row // 2}" for row in range(ROWS)]
KEYS = [f"r{row:03}" for row in range(ROWS)]


def proposed(experiment: str, files: list[Path], **stated: str) -> Proposal:
    found: Proposal = import_module(f"tasks.{experiment}.use.study").proposal(files, stated)
    return found


def kept(proposal: Proposal, folder: Path) -> Path:
    for place in proposal.files:
        proposal.copy(place, folder / place)
    return folder


def table(path: Path, columns: Mapping[str, Any]) -> Path:
    frame = pd.DataFrame(columns)
    frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_csv(path, index=False)
    return path


# --- embeddings ---------------------------------------------------------------------------------------------------


def numbered(folder: Path) -> list[Path]:
    dimensions = {f"dim_{place}": VALUES[:, place] for place in range(20)}
    more = {"m1": 1.0, "m2": 2.0, "species": CLASSES, "patient_no": PATIENTS, "key": KEYS}
    return [table(folder / "mine.csv", dimensions | more)]


def lists(folder: Path) -> list[Path]:
    return [
        table(
            folder / "mine.parquet",
            {"uid": KEYS, "patient": PATIENTS, "target": CLASSES, "vec": list(VALUES)},
        )
    ]


def archive(folder: Path) -> list[Path]:
    np.savez(folder / "mine.npz", feats=VALUES, y=CLASSES, patient=PATIENTS, key=KEYS, other=np.zeros((3, 3)))
    return [folder / "mine.npz"]


def beside(folder: Path) -> list[Path]:
    np.save(folder / "mine.npy", VALUES)
    table(folder / "mine.csv", {"key": KEYS, "species": CLASSES, "patient": PATIENTS})
    return [folder / "mine.npy"]


def ours(folder: Path) -> list[Path]:
    np.savez(folder / "mine.npz", embeddings=VALUES, labels=CLASSES, groups=PATIENTS, ids=KEYS)
    return [folder / "mine.npz"]


@pytest.mark.parametrize("written", [numbered, lists, archive, beside, ours])
def test_embeddings_are_read_as_they_are(written: Any, tmp_path: Path) -> None:
    proposal = proposed("head_sweep", written(tmp_path))
    assert "120, never split" in proposal.understood["groups"]
    (file,) = proposal.settings["prepare.datasets.ours.files"]
    read = read_embedding_file(kept(proposal, tmp_path / "data") / file)
    assert (read.ids, read.labels, read.groups) == (KEYS, CLASSES.tolist(), PATIENTS)
    np.testing.assert_allclose(read.values, VALUES, rtol=1e-6)
    assert bool(proposal.rewritten) == (written is not ours)


def test_what_is_told_of_embeddings_is_taken_and_what_is_not_there_is_said(tmp_path: Path) -> None:
    files = numbered(tmp_path)
    told = proposed("head_sweep", files, embedding="m", label="species", id="key", group="species")
    assert told.understood["read as"] == "mine.csv (2 columns)"
    for stated, said in (
        ({"embedding": "nope"}, r"--map embedding=nope: .* there are dim_0, dim_1, ..., m0, m1, ..."),
        ({"label": "nope"}, r"--map label=nope: no such column"),
        ({"colour": "m1"}, r"--map knows no 'colour' here; there are group, id, label"),
    ):
        with pytest.raises(InputError, match=said):
            proposed("head_sweep", files, **stated)


# --- scores and messages ------------------------------------------------------------------------------------------


def test_names_beside_one_score_say_which_of_them_the_score_is_of(tmp_path: Path) -> None:
    fraud = RANDOM.random(ROWS) < 0.3
    file = table(
        tmp_path / "a.csv", {"p": RANDOM.random(ROWS), "outcome": np.where(fraud, "fraud", "genuine")}
    )
    proposal = proposed("fpr_thresholds", [file])
    assert proposal.settings["prepare.labels"] == ["fraud"]
    assert f"outcome, {fraud.sum()} of 240 rows are fraud, the others genuine" == proposal.understood["label"]
    path = kept(proposal, tmp_path / "data") / proposal.settings["prepare.scores"]
    columns = ScoreColumns(**proposal.settings["prepare.columns"])
    rows, _, _ = read_scored(path, ["fraud"], columns, "file_order", 1e-4, ImportReport())
    np.testing.assert_array_equal(rows["fraud"], fraud)
    scores, _ = read_unlabelled_scores(file, ["fraud"], columns)  # as the file of the next month comes
    np.testing.assert_array_equal(scores[:, 0], rows["score:fraud"])
    with pytest.raises(
        InputError, match=r"field label:fraud: expected 0, 1, .*; write 1 where it is fraud, 0 elsewhere"
    ):
        read_scored(file, ["fraud"], columns, "file_order", 1e-4, ImportReport())
    assert proposed("fpr_thresholds", [file], positive="genuine").settings["prepare.labels"] == ["genuine"]


def test_a_column_that_is_called_label_is_it_whatever_else_holds_0_and_1(tmp_path: Path) -> None:
    columns = {
        "weekend": np.arange(ROWS) % 2,
        "p": RANDOM.random(ROWS),
        "Label": np.where(np.arange(ROWS) % 3, "ok", "bad"),
    }
    proposal = proposed("fpr_thresholds", [table(tmp_path / "a.csv", columns)])
    assert proposal.settings["prepare.labels"] == ["bad"]
    assert proposal.unread == ["weekend"]


def test_of_three_names_and_one_score_a_person_is_asked(tmp_path: Path) -> None:
    names = np.array(["red", "amber", "green"])[np.arange(ROWS) % 3]
    file = table(tmp_path / "a.csv", {"p": RANDOM.random(ROWS), "review": names})
    with pytest.raises(InputError, match=r"holds amber, green, red: .* --map positive=<name>"):
        proposed("fpr_thresholds", [file])
    assert "80 of 240 rows are red" in proposed("fpr_thresholds", [file], positive="red").understood["label"]


def test_names_with_a_score_each_are_labels_each_and_empty_cells_are_clean_rows(tmp_path: Path) -> None:
    tags = np.where(np.arange(ROWS) % 3 == 0, "spam|promo", np.where(np.arange(ROWS) % 2, "spam", ""))
    columns = {"p_spam": RANDOM.random(ROWS), "promo": RANDOM.random(ROWS), "tags": tags}
    several = proposed("fpr_thresholds", [table(tmp_path / "a.csv", columns)])
    assert several.settings["prepare.columns"]["scores"] == {"promo": "promo", "spam": "p_spam"}
    assert not several.rewritten
    one = proposed(
        "fpr_thresholds",
        [table(tmp_path / "b.csv", {"p": columns["promo"], "tag": np.where(tags == "", "", "spam")})],
    )
    assert (one.settings["prepare.labels"], one.settings["prepare.columns"]["labels"]) == (["spam"], "tag")


def test_a_message_is_spam_or_ham_and_a_column_that_is_not_there_is_said(tmp_path: Path) -> None:
    texts = ["see you at lunch today", "win a prize, click here now"] * 50
    file = table(tmp_path / "a.csv", {"what": texts, "kind": ["ham", "spam"] * 50})
    proposal = proposed("fpr_thresholds", [file])
    assert proposal.settings["prepare.labels"] == ["spam"]
    written = read_foreign_table(kept(proposal, tmp_path / "data") / "messages.parquet")
    assert written.frame.to_dict("list") == {"what": texts, "kind": [0, 1] * 50}
    assert proposal.settings["prepare.columns"] == {
        "id": None, "text": "what", "collected_at": None, "labels": {"spam": "kind"},
    }  # fmt: skip
    with pytest.raises(InputError, match="--map label=nope: no such column"):
        proposed("fpr_thresholds", [file], label="nope")


def test_several_labels_with_a_column_of_0_and_1_each(tmp_path: Path) -> None:
    flags = {name: (RANDOM.random(ROWS) < 0.3).astype(int) for name in ("spam", "promo")}
    texts = [f"see you at lunch {row} times" for row in range(ROWS)]
    file = table(tmp_path / "a.csv", {"text": texts, **flags})
    with pytest.raises(InputError, match="--map label=spam, or all of several with label=spam,promo"):
        proposed("fpr_thresholds", [file])
    ours = table(tmp_path / "b.csv", {"text": texts, **{f"label:{name}": flags[name] for name in flags}})
    for proposal in (
        proposed("fpr_thresholds", [file], label="spam,promo"),
        proposed("fpr_thresholds", [ours]),
    ):
        assert (proposal.settings["prepare.labels"], proposal.unread) == (["spam", "promo"], [])
        columns = MessageColumns.model_validate(proposal.settings["prepare.columns"])
        path = kept(proposal, tmp_path / "data") / "messages.csv"
        read, _ = read_messages(path, ["spam", "promo"], columns, "file_order", ImportReport())
        for name in flags:
            assert read[name].tolist() == flags[name].tolist()
    with pytest.raises(InputError, match=r"column\(s\) text are missing"):
        proposed("fpr_thresholds", [file], label="spam,text")


def bank(folder: Path, **changes: Any) -> Path:
    """As a European bank exports it: two columns of prose or names, and nothing called as we call it."""
    fraud = np.arange(ROWS) % 5 == 0
    columns = {
        "Händler": np.where(np.arange(ROWS) % 2, "Müller & Söhne", "Café Zoë"),
        "Buchungstag": [f"2025-12-{1 + row % 28:02}" for row in range(ROWS)],
        "Wahrscheinlichkeit": [f"{value:.4f}" for value in RANDOM.random(ROWS)],
        "Betrug": np.where(fraud, "ja", "nein"),
    } | changes
    (folder / "bank.csv").write_text(pd.DataFrame(columns).to_csv(sep=";", index=False), encoding="utf-8-sig")
    return folder / "bank.csv"


def test_a_merchants_name_beside_a_score_is_no_message(tmp_path: Path) -> None:
    proposal = proposed("fpr_thresholds", [bank(tmp_path)])
    assert proposal.understood["score"] == "Wahrscheinlichkeit"
    assert proposal.understood["label"] == "Betrug, 48 of 240 rows are ja, the others nein"
    assert proposal.understood["split"].startswith("by time")


def test_two_columns_of_names_are_asked_about_where_neither_says_that_there_is_nothing(
    tmp_path: Path,
) -> None:
    file = bank(tmp_path, Betrug=np.where(np.arange(ROWS) % 5 == 0, "rot", "blau"))
    with pytest.raises(InputError, match=r"which column is the label\? it may be Händler, Betrug"):
        proposed("fpr_thresholds", [file])


def test_all_that_a_spreadsheet_wrote_otherwise_is_told_at_once(tmp_path: Path) -> None:
    commas = [f"{value:.4f}".replace(".", ",") for value in RANDOM.random(ROWS)]
    file = bank(tmp_path, Wahrscheinlichkeit=commas, Buchungstag="31.12.2025")
    with pytest.raises(InputError) as refused:
        proposed("fpr_thresholds", [file])
    assert str(refused.value) == (
        f"{file}: column(s) Wahrscheinlichkeit have decimal commas: write points there; and in column(s) Buchungstag times in "
        "ISO 8601, write 2024-05-01 or 2024-05-01T12:00:00+02:00"
    )


def test_what_a_study_would_rewrite_is_refused_by_the_files_own_row_and_column(tmp_path: Path) -> None:
    file = bank(tmp_path, Wert="0,25")
    with pytest.raises(InputError) as refused:
        proposed("fpr_thresholds", [file], score="Wert")
    assert str(refused.value) == (
        f"{file}, row 2, field Wert: expected a number, got '0,25'; write decimals with a point, 0.25"
    )
    file = bank(tmp_path, Buchungstag="31.12.2025")
    with pytest.raises(
        InputError, match=r"bank.csv, row 2, .*'31.12.2025' is not an ISO 8601 time \(240 such"
    ):
        proposed("fpr_thresholds", [file], collected_at="Buchungstag")


@pytest.mark.parametrize("day", ["31.12.2025", "12/31/25 10:00", "1735689600"])
def test_times_that_nobody_can_read_are_not_called_absent(tmp_path: Path, day: str) -> None:
    file = bank(tmp_path, Buchungstag=None, ts=day)
    split = proposed("fpr_thresholds", [file], label="Betrug").understood["split"]
    assert split.startswith("at random: times are read in ISO 8601 alone")
    assert "for column ts write 2024-05-01" in split


@pytest.mark.parametrize("name", ["a.npy", "a.pt", "a.pkl", "a.xlsx"])
@pytest.mark.parametrize("experiment", ["fpr_thresholds", "speech_temperature"])
def test_another_kind_of_file_is_told_of_npz(tmp_path: Path, experiment: str, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(InputError, match=r"unknown kind of file; .* or .npz, which np.savez\('mine.npz', "):
        proposed(experiment, [tmp_path / name])


# --- finished runs ------------------------------------------------------------------------------------------------


def test_a_trackers_export_with_runs_that_failed(tmp_path: Path) -> None:
    columns = {
        "Name": np.array(["baseline", "cosine"])[np.arange(16) % 2],
        "State": ["finished"] * 13 + ["crashed", "failed", "running"],
        "backbone": np.array(["s", "b"])[np.arange(16) // 8],
        "seed": np.arange(16) // 2 % 4,
        "best val/acc": ["0.71"] * 14 + ["NaN", ""],
        "test acc (final)": ["0.7"] * 13 + ["", "NaN", "0.1"],
    }
    proposal = proposed("head_sweep", [table(tmp_path / "runs.csv", columns)])
    told = proposal.settings["prepare.datasets.runs.columns"]
    assert (told["validation"], told["test"]) == ("best val/acc", "test acc (final)")
    assert told["cell"] == ["backbone"]
    assert proposal.settings["prepare.datasets.runs.scale"] == "share"
    assert (
        proposal.understood["unfinished"] == "3 row(s), as State has it: those with scores count like others"
    )


# --- detections, logits, cut-outs ---------------------------------------------------------------------------------

BOX = [10.0, 10.0, 20.0, 30.0]
TRUTH = {
    "images": [{"id": each, "file_name": f"im{each}.jpg", "width": 100, "height": 80} for each in range(9)],
    "categories": [{"id": 4, "name": "cat"}, {"id": 9, "name": "dog"}],
    "annotations": [{"id": each + 1, "image_id": each, "category_id": 4, "bbox": BOX} for each in range(9)],
}


def test_detections_under_other_keys_with_classes_by_name(tmp_path: Path) -> None:
    rows = [
        {"image": f"im{each}.jpg", "class": ["cat", "dog"][each % 2], "box": BOX, "conf": 0.5 + each / 100}
        for each in range(9)
    ]
    files = [tmp_path / "truth.json", tmp_path / "mine.json"]
    for path, content in zip(files, (TRUTH, rows), strict=True):
        path.write_text(json.dumps(content))
    proposal = proposed("hybrid_calibrator", files)
    folder, report = kept(proposal, tmp_path / "data"), ImportReport()
    truth = read_coco_truth(folder / "ground_truth.json", "refuse", report)
    form = ResultsFormat("ground_truth", "xywh", True, False)
    read = read_coco_results(folder / "nonwindow" / "mine.json", truth, form, "refuse", report)
    assert [truth.classes[label] for label in read["label"]] == [row["class"] for row in rows]
    assert read["score"].tolist() == [row["conf"] for row in rows]
    assert read["image"].tolist() == list(range(9))
    with pytest.raises(InputError, match="--map bbox=nope: no row of results has it"):
        proposed("hybrid_calibrator", files, bbox="nope")
    files[1].write_text(json.dumps([{"image_id": 1, "category_id": 4, "x": 1, "y": 2, "score": 0.5}]))
    with pytest.raises(InputError, match=r"which key is the bbox.* four numbers under one key"):
        proposed("hybrid_calibrator", files)


def test_a_class_beyond_those_of_the_truth_leaves_the_others_their_names(tmp_path: Path) -> None:
    rows = [
        {"image_id": each, "category_id": ["cat", "emu"][each == 8], "bbox": BOX, "score": 0.5}
        for each in range(9)
    ]
    for name, content in (("truth.json", TRUTH), ("mine.json", rows)):
        (tmp_path / name).write_text(json.dumps(content))
    proposal = proposed("hybrid_calibrator", [tmp_path / "truth.json", tmp_path / "mine.json"])
    folder, report = kept(proposal, tmp_path / "data"), ImportReport()
    truth = read_coco_truth(folder / "ground_truth.json", "refuse", report)
    form, file = ResultsFormat("ground_truth", "xywh", True, False), folder / "nonwindow" / "mine.json"
    with pytest.raises(
        InputError, match=r"row 9, field category_id: 'emu' is not in the ground truth.* 1 such row"
    ):
        read_coco_results(file, truth, form, "refuse", report)
    read = read_coco_results(file, truth, form, "drop", report)
    assert [truth.classes[label] for label in read["label"]] == ["cat"] * 8


def test_corners_are_recognised_whatever_form_ids_of_images_have(tmp_path: Path) -> None:
    images = [
        {"id": float(each), "file_name": f"im{each}.jpg", "width": 100, "height": 80} for each in range(9)
    ]
    (tmp_path / "truth.json").write_text(json.dumps({**TRUTH, "images": images}))
    for form in (int, float, str):
        rows = [
            {"image_id": form(each), "category_id": 4, "bbox": [60, 40, 95, 75], "score": 0.5}
            for each in range(9)
        ]
        (tmp_path / "mine.json").write_text(json.dumps(rows))
        proposal = proposed("hybrid_calibrator", [tmp_path / "truth.json", tmp_path / "mine.json"])
        boxes = proposal.settings["prepare.sources"]["mine"]["boxes"]
        assert boxes == "xyxy", form


@pytest.mark.parametrize("form", ["csv", "npz"])
def test_logits_that_share_a_beginning_or_an_array_of_any_name(form: str, tmp_path: Path) -> None:
    logits, path = VALUES[:, :3].astype(np.float64), tmp_path / f"a.{form}"
    if form == "csv":
        named = dict(zip(("out:ant", "out:bee", "out:cow"), logits.T, strict=True))
        table(path, named | {"truth": CLASSES, "patient": PATIENTS})
    else:
        np.savez(path, preds=logits, truth=np.searchsorted(["ant", "bee", "cow"], CLASSES), patient=PATIENTS)
    stated = {} if form == "csv" else {"logits": "preds", "group": "patient"}
    proposal = proposed("speech_temperature", [path], **stated)
    settings = proposal.settings
    classes = ["ant", "bee", "cow"]
    told = LogitsFile(classes, "logits", 1, settings["prepare.columns"], [], {42: None}, False)
    file = kept(proposal, tmp_path / "data") / settings["prepare.logits"]
    read = read_own_logits(file, told, ImportReport())
    np.testing.assert_allclose(read.rows[[f"logit_{each}" for each in classes]], logits, rtol=1e-6)
    assert read.rows["group"].tolist() == PATIENTS
    with pytest.raises(InputError, match="--map label=nope: no such"):
        proposed("speech_temperature", [path], label="nope")


def test_a_folder_of_clips_is_sent_where_clips_are_described(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"is a folder; .* clips go by hand: docs/data/speech_temperature\.md"
    ):
        proposed("speech_temperature", [tmp_path])


def test_a_manifest_under_other_names(tmp_path: Path) -> None:
    count = 24
    columns: dict[str, Any] = {
        "cutout_id": [f"s{each}" for each in range(count)],
        "fold": ["train", "train", "val", "val", "test", "test"] * 4,
        "is_lens": [0, 1] * 12,
        "kind": "unpaired",
        "galaxy": [f"g{each}" for each in range(count)],
        "pair": "",
        "theta_e": [None, 1.2] * 12,
        "seeing": 0,
        "depth_bin": 1,
        "ra": 1.5,
    }
    files = [table(tmp_path / "list.csv", columns), tmp_path / "cubes.npy"]
    np.save(files[1], np.zeros((count, 3, 63, 63), np.float32))
    with pytest.raises(InputError, match=r"which columns are mode, psf_bin.*or add what is not there"):
        proposed("lens_shortcuts", files)
    proposal = proposed("lens_shortcuts", files, mode="kind", psf_bin="seeing")
    assert proposal.unread == ["ra"]
    read = read_manifest(kept(proposal, tmp_path / "data") / "manifest.parquet", "own", ["unpaired"])
    assert read.rows["host_id"].tolist() == columns["galaxy"]
    assert read.rows["theta_E"].dropna().tolist() == [1.2] * 12
    labels = {**columns, "is_lens": ["none", "lens"] * 12}
    with pytest.raises(
        InputError, match=r"list.csv, field is_lens: holds lens, none; write 1 for cut-outs with an arc"
    ):
        proposed(
            "lens_shortcuts", [table(tmp_path / "list.csv", labels), files[1]], mode="kind", psf_bin="seeing"
        )


@pytest.mark.parametrize("size", [63, 101])
def test_stamps_of_a_folder_are_cut_where_they_are_larger(tmp_path: Path, size: int) -> None:
    columns = dict.fromkeys(
        ("stamp", "split", "label", "mode", "host_id", "pair_id", "theta_E", "psf_bin", "depth_bin"), "0"
    )
    (tmp_path / "cut" / "train").mkdir(parents=True)
    np.save(tmp_path / "cut" / "train" / "a.npy", np.zeros((size, size, 3)))
    proposal = proposed(
        "lens_shortcuts", [table(tmp_path / "list.csv", {**columns, "mode": ["unpaired"]}), tmp_path / "cut"]
    )
    assert proposal.settings["prepare.crop"] == (size > 63)
