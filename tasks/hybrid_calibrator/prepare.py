"""Read one variant's detections, merge what several sources found, and label it with the ground truth."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.detection.clusters import label_agreement
from methods.detection.matching import match
from methods.splits.row_splits import random_order
from params.hybrid_calibrator import Prepare, SplitFile
from storage.detections.records import CORNERS, SPLITS, GroundTruth, read_split
from storage.files.content import copies
from storage.files.documents import write_json
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError, shown
from storage.files.places import declared
from storage.files.tables import write_parquet
from tasks.hybrid_calibrator.model.candidates import in_order, merged, source_boxes
from tasks.hybrid_calibrator.model.status import AVAILABLE, STATUS
from tasks.intake.ground_truth import read_ground_truth

SURE_OF_NUMBERING = 20  # boxes on objects, of which fewer than MISNUMBERED name their class
MISNUMBERED = 0.1
PARAMS = "hybrid_calibrator.prepare"
FEW = 5  # objects of a class in a split, below which its threshold hangs on single ones


def main(
    params: Prepare, option: str, data: Path, candidates: Path, raw: Path, ground_truth: Path, prepared: Path
) -> None:
    if option not in params.variants:
        _write_status(params, option, data, candidates, raw, ground_truth, prepared)
        return
    if not (data / option).is_dir():
        raise InputError(
            data / option,
            "no such folder; put this variant's results there, or leave it out of hybrid_calibrator.prepare.variants",
        )
    if params.dedupe_iou > params.match_iou:
        sys.stdout.write(
            f"warning: dedupe_iou {params.dedupe_iou:g} is above match_iou {params.match_iou:g}: two candidates of one "
            "object that overlap by less stay, and the second is a sure false positive; NMS in compare takes it out\n"
        )
    report = ImportReport()
    truth = read_ground_truth(params.ground_truth, data, f"{PARAMS}.ground_truth", params.unknown, report)
    split = _split(params, data, truth, report)
    _check_objects(data, truth, split, report)
    boxes = _raw(params, declared(data, option, f"{PARAMS}.variants"), truth, report)
    sys.stdout.write(f"import of {option}:\n" + "".join(f"  {line}\n" for line in report.lines()))
    objects = truth.boxes.assign(split=split[truth.boxes["image"].to_numpy()])
    boxes["split"] = split[boxes["image"].to_numpy()]
    table = _candidates(boxes, objects, split, list(params.sources), len(truth.classes), params)
    if not table["positive"][table["split"] == "train"].any():
        raise InputError(
            data / option, "no candidate of the train images matches an object: nothing to learn from"
        )
    write_parquet(candidates, table)
    write_parquet(raw, boxes)
    write_parquet(ground_truth, objects[["image", "split", "label", *CORNERS, "crowd", "area"]])
    scored = {*boxes["source"][boxes["scored"]]}
    sizes = truth.images[["id", "width", "height"]].to_dict("records")
    write_json(
        prepared,
        {
            "variant": option,
            "status": AVAILABLE,
            "classes": truth.classes,
            "sources": [
                {"name": name, "scored": name in scored, "classifier": source.classifier}
                for name, source in params.sources.items()
            ],
            "counts": _counts(boxes, table, objects, split),
            "importer": report.counts(),
            "images": [{**size, "split": str(part)} for size, part in zip(sizes, split, strict=True)],
        },
    )


def _write_status(
    params: Prepare, option: str, data: Path, candidates: Path, raw: Path, ground_truth: Path, prepared: Path
) -> None:
    """The status, and tables without a row: nothing that could be taken for results."""
    found = "; its folder is there, but is not read" if (data / option).is_dir() else ""
    sys.stdout.write(f"{option}: not given, as prepare.variants names {', '.join(params.variants)}{found}\n")
    for path in (candidates, raw, ground_truth):
        write_parquet(path, pd.DataFrame())
    write_json(prepared, {"variant": option, **STATUS})


def _split(params: Prepare, data: Path, truth: GroundTruth, report: ImportReport) -> NDArray[np.str_]:
    """Per image; the same file under two ids is in one split."""
    files = truth.images["file_name"]
    repeats = [files.iloc[same[0]] for same in copies(files.tolist())]
    report.note(data, "file listed as two images or more, which share a split", len(repeats), repeats)
    if isinstance(params.split, SplitFile):
        return read_split(declared(data, params.split.file, f"{PARAMS}.split.file"), truth.images)
    number, names = pd.factorize(files)
    groups = len(names)
    tune, rest = round(params.split.tune * groups), round(params.split.report * groups)
    if min(tune, rest, groups - tune - rest) < 1:
        raise InputError(data, f"{groups} images are too few for these splits", field="images")
    split = np.full(groups, "train", dtype="<U6")
    order = random_order(groups, params.split.seed)
    split[order[:tune]], split[order[tune : tune + rest]] = "tune", "report"
    return np.asarray(split[number])


def _check_objects(data: Path, truth: GroundTruth, split: NDArray[np.str_], report: ImportReport) -> None:
    """InputError for a split without an object; classes of which one has few are noted, all at once."""
    objects = truth.boxes[~truth.boxes["crowd"]]
    part = split[objects["image"].to_numpy()]
    counts = {
        name: np.bincount(objects["label"][part == name], minlength=len(truth.classes)) for name in SPLITS
    }
    if empty := [name for name in SPLITS if not counts[name].any()]:
        raise InputError(
            data, f"the {empty[0]} images hold no object: nothing to learn from or to judge by; split otherwise, or add "
            "images", field="images",
        )  # fmt: skip
    table = np.stack(list(counts.values()))
    scarce = np.flatnonzero(table.min(axis=0) < FEW)
    report.note(
        data, f"class with fewer than {FEW} objects in {', '.join(SPLITS[:-1])} or {SPLITS[-1]}", len(scarce),
        [f"{shown(truth.classes[label])[1:-1]} {'/'.join(map(str, table[:, label]))}" for label in scarce],
    )  # fmt: skip


def _raw(params: Prepare, folder: Path, truth: GroundTruth, report: ImportReport) -> pd.DataFrame:
    """All boxes of all sources, in order."""
    tables = []
    for name, source in params.sources.items():
        field = f"{PARAMS}.sources.{name}"
        path = declared(folder, source.file, f"{field}.file")
        if source.classifier is not None:
            declared(folder, source.classifier, f"{field}.classifier")
        table = source_boxes(path, source, truth, params.unknown, report)
        _check_numbering(path, table, truth)
        tables.append(table)
    return in_order(tables, list(params.sources))


def _check_numbering(path: Path, table: pd.DataFrame, truth: GroundTruth) -> None:
    """Boxes that lie on objects but hardly ever name their class come from another numbering."""
    objects = truth.boxes[~truth.boxes["crowd"]]
    matched = match(
        table[CORNERS].to_numpy(), table["score"].to_numpy(), table["image"].to_numpy(),
        objects[CORNERS].to_numpy(), objects["image"].to_numpy(), np.zeros(len(objects), bool), 0.5,
    )  # fmt: skip
    agree, found = label_agreement(matched, table["label"].to_numpy(), objects["label"].to_numpy())
    if len(truth.classes) > 1 and found >= SURE_OF_NUMBERING and agree < MISNUMBERED * found:
        raise InputError(
            path,
            f"{found} boxes lie on objects, but only {agree} name their class: the file seems to number classes "
            "otherwise; set categories of this source to from_0, from_1 or the list of its names",
            field="category_id",
        )


def _candidates(
    boxes: pd.DataFrame, objects: pd.DataFrame, split: NDArray[np.str_], sources: list[str], classes: int,
    params: Prepare,
) -> pd.DataFrame:  # fmt: skip
    """One row per candidate, with the object that it matches; adds to `boxes` the candidate that each box went into."""
    table = merged(boxes, sources, classes, params.dedupe_iou)
    table.insert(2, "split", split[table["image"]])
    truth = objects[CORNERS].to_numpy()
    matched = match(
        table[CORNERS].to_numpy(), table["score"].to_numpy(), (table["image"] * classes + table["label"]).to_numpy(),
        truth, (objects["image"] * classes + objects["label"]).to_numpy(), objects["crowd"].to_numpy(),
        params.match_iou,
    )  # fmt: skip
    crowd = np.append(objects["crowd"].to_numpy(), False)[matched]
    return table.assign(matched=matched, positive=(matched >= 0) & ~crowd, ignored=crowd)


def _counts(
    boxes: pd.DataFrame, merged: pd.DataFrame, objects: pd.DataFrame, split: NDArray[np.str_]
) -> dict[str, dict[str, int]]:
    return {
        part: {
            "images": int((split == part).sum()),
            "objects": int(((objects["split"] == part) & ~objects["crowd"]).sum()),
            "crowds": int(((objects["split"] == part) & objects["crowd"]).sum()),
            "raw": int((boxes["split"] == part).sum()),
            "candidates": int((merged["split"] == part).sum()),
            **{kind: int(merged[kind][merged["split"] == part].sum()) for kind in ("positive", "ignored")},
        }
        for part in SPLITS
    }
