"""What a classifier says of crops: aligned by id, or refused by id and field."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage.detections.crops import read_crops
from storage.files.import_report import ImportReport
from tests.storage.detections.complaints import complaint


def crops(path: Path, **changes: Any) -> Path:
    stored = {"ids": np.array([5, 3]), "embeddings": np.eye(2, 4), "probabilities": np.eye(2), **changes}
    np.savez(path, **{name: value for name, value in stored.items() if value is not None})
    return path


def test_crops_come_in_the_order_that_is_asked_for(tmp_path: Path) -> None:
    read = read_crops(crops(tmp_path / "c.npz"), ["3", "5", "3"], ["a", "b"], ImportReport())
    assert read.embeddings.argmax(axis=1).tolist() == [1, 0, 1]
    assert read.classes == ["a", "b"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"ids": np.array([5, 4])},
            "field ids: 1 candidate(s) of the results have no row here, the first has id '3'",
        ),
        ({"ids": np.array([5, 5])}, "field ids: some ids are used twice"),
        (
            {"ids": None},
            "expected ids and embeddings or probabilities, found ['embeddings', 'probabilities']",
        ),
        ({"embeddings": np.full((2, 4), np.nan)}, "row id 3, field embeddings: expected finite numbers"),
        ({"embeddings": np.eye(3)}, "field embeddings: expected (2, columns) as there are ids, got (3, 3)"),
        ({"probabilities": 3 * np.eye(2)}, "row id 3, field probabilities: expected numbers in [0, 1]"),
        ({"ids": np.array([[5, 3]])}, "field ids: expected one number or text for each row, got (1, 2)"),
        ({"ids": np.array([5, np.nan])}, "field ids: expected one number or text for each row"),
        ({"classes": np.array(["a", "a"])}, "field classes: expected texts, each once"),
        ({"embeddings": np.full((2, 4), "x")}, "field embeddings: expected numbers, got <U1"),
        ({"probabilities": np.eye(2, 3)}, "field probabilities: 3 columns for 2 classes; add classes"),
    ],
)
def test_crops_that_do_not_fit_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = crops(tmp_path / "c.npz", **changes)
    assert message in complaint(read_crops, path, ["3", "5"], ["a", "b"], ImportReport())


def test_embeddings_of_zeros_are_noted(tmp_path: Path) -> None:
    report = ImportReport()
    read_crops(
        crops(tmp_path / "c.npz", embeddings=np.eye(2, 4) * [[1], [0]]), ["3", "5"], ["a", "b"], report
    )
    assert report.lines() == ["noted         1  c.npz: embedding is all zeros (such as id 3)"]


def test_crops_in_pickle_are_refused(tmp_path: Path) -> None:
    path = crops(tmp_path / "c.npz", ids=np.array([5, "x"], dtype=object))
    assert "field ids: holds Python objects, which are never unpacked" in complaint(
        read_crops, path, ["5"], ["a", "b"], ImportReport()
    )
