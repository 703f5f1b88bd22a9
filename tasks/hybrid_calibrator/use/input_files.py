"""What an exported calibrator decides: detectors' results of new images, candidates as arrays, or what features left."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from serving.candidates import BOX, DENSE, HAS, IMAGE, LABEL, STRUCTURED, VARIANT
from serving.folder import Decider
from storage.detections.coco_images import IMAGES_FILE
from storage.detections.matrices import read_matrix
from storage.detections.records import CORNERS
from storage.files.documents import read_foreign_json
from storage.files.foreign import read_foreign_table
from storage.files.inputs import InputError
from storage.files.row_streams import RowBlock, row_blocks
from storage.files.row_writers import block_writer
from tasks.hybrid_calibrator.use.new_images import candidate_columns, decide_images, variant_of
from tasks.intake.application import apply_to_rows, decided

ARRAYS = (DENSE, STRUCTURED, HAS, LABEL, IMAGE, BOX)
LEFT = ("candidates.parquet", "prepared.json", "features/manifest.json")


def _npz(decider: Decider, source: Path, target: Path) -> int:
    return apply_to_rows(decider, source, target, _whole)


def _whole(path: Path) -> Iterator[RowBlock]:
    """All rows as one block: those of an image are decided together."""
    first, *others = row_blocks(path)
    columns = {
        name: np.concatenate([column, *(each.columns[name] for each in others)])
        for name, column in first.columns.items()
    }
    yield RowBlock(columns, first.first_row)


def _folder(decider: Decider, source: Path, target: Path) -> int:
    """New images with what detectors found in them, or artifacts/hybrid_calibrator/<variant> of a study: all its candidates,
    whatever their split."""
    if (source / IMAGES_FILE).exists():
        return decide_images(decider, source, target)
    if missing := [name for name in LEFT if not (source / name).is_file()]:
        raise InputError(
            source, f"has no {IMAGES_FILE} and no {missing[0]}; expected a folder of {IMAGES_FILE} and each detector's "
            "results, that of a variant as the features stage leaves it, or an .npz",
        )  # fmt: skip
    variant, stated = variant_of(decider, source)
    _require_features(source / LEFT[2], stated)
    facts, classes = read_foreign_json(source / LEFT[1]), decider.export.decision["classes"]
    if facts["classes"] != classes:
        raise InputError(
            source / LEFT[1], f"has other classes than the export, {', '.join(classes)}", field="classes"
        )
    table = read_foreign_table(source / LEFT[0]).frame
    matrices = {name: read_matrix(source / "features" / f"{name}.npy") for name in (DENSE, STRUCTURED)}
    columns = {
        **matrices,
        HAS: table[[f"has:{name}" for name in decider.export.decision["sources"]]].to_numpy(bool),
        LABEL: np.array(classes)[table["label"].to_numpy(np.int64)],
        IMAGE: table["image"].to_numpy(np.int64),
        BOX: table[CORNERS].to_numpy(np.float64),
        VARIANT: np.full(len(table), variant),
    }
    ids = np.array([str(each["id"]) for each in facts["images"]])
    shown = candidate_columns(table, ids, columns[LABEL])
    with block_writer(target) as writer:
        writer.write({**shown, **decided(decider, source / LEFT[0], columns, 1)})
    return len(table)


def _require_features(path: Path, stated: Mapping[str, Any]) -> None:
    names = read_foreign_json(path)
    for kind in (DENSE, STRUCTURED):
        if kind in stated and names[kind] != stated[kind]:
            raise InputError(
                path, f"does not name the {len(stated[kind])} columns of the export in their order: it is of other detectors, "
                "classes or settings", field=kind,
            )  # fmt: skip


def _refused(decider: Decider, source: Path, target: Path) -> int:
    raise InputError(
        source, f"is not decided alone; expected a folder of {IMAGES_FILE} and each detector's results, an .npz of "
        f"{', '.join(ARRAYS)}, all candidates of an image in it, or the folder artifacts/hybrid_calibrator/<variant> of a study",
    )  # fmt: skip


FORMATS = {
    ".npz": _npz,
    "": _folder,
    **dict.fromkeys((".json", ".jsonl", ".csv", ".tsv", ".parquet"), _refused),
}
