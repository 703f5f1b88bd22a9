"""YOLO's text files: read to pixels, or refused by file and row, or dropped and counted."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from storage.detections.records import CORNERS, GroundTruth
from storage.detections.yolo import read_yolo_truth
from storage.files.import_report import ImportReport
from tests.storage.detections.complaints import complaint


class Yolo:
    def __init__(self, folder: Path, *lines: str, rows: Any = "box", unknown: Any = "refuse") -> None:
        self.labels = folder / "labels"
        self.labels.mkdir(exist_ok=True)
        self.rows, self.unknown = rows, unknown
        (folder / "classes.txt").write_text("bolt\nnut\n")
        (folder / "images.csv").write_text("file_name,width,height\na.jpg,100,80\nb.jpg,100,80\n")
        (self.labels / "a.txt").write_text("\n".join(lines))

    def read(self) -> tuple[GroundTruth, dict[str, dict[str, int]]]:
        report, folder = ImportReport(), self.labels.parent
        paths = (self.labels, folder / "classes.txt", folder / "images.csv")
        return read_yolo_truth(*paths, self.rows, self.unknown, report), report.counts()


def test_yolo_rows_read_to_pixels_and_images_without_labels_count(tmp_path: Path) -> None:
    truth, _ = Yolo(tmp_path, "1 0.2 0.25 0.2 0.25", "").read()
    assert truth.boxes[["image", "label", *CORNERS]].to_numpy().round(9).tolist() == [[0, 1, 10, 10, 30, 30]]
    assert truth.images["id"].tolist() == ["a", "b"]


def test_image_sizes_come_from_a_shuffled_parquet_as_from_csv(tmp_path: Path) -> None:
    made = Yolo(tmp_path, "1 0.2 0.25 0.2 0.25")
    (made.labels / "b.txt").write_text("0 0.5 0.5 0.5 0.5")
    sizes = pd.DataFrame(
        {"file_name": ["a.jpg", "b.jpg"], "width": [100, 400], "height": [80, 400]}, index=[1, 0]
    )
    sizes.sort_index().to_parquet(tmp_path / "images.parquet")
    paths = (made.labels, tmp_path / "classes.txt", tmp_path / "images.parquet")
    truth = read_yolo_truth(*paths, "box", "refuse", ImportReport())
    boxes = {truth.images["id"][row["image"]]: row["x2"] for row in truth.boxes.to_dict("records")}
    assert boxes == {"a": pytest.approx(30), "b": pytest.approx(300)}


@pytest.mark.parametrize(
    ("rows", "line", "reason"),
    [
        ("pose", "1 0.2 0.25 0.2 0.25 0.1 0.1 2 0.2 0.2 1", "keypoints left out"),
        ("segments", "1 0.1 0.125 0.3 0.125 0.3 0.375 0.1 0.375", "box taken around the segment"),
    ],
)
def test_yolo_rows_with_more_columns_are_read_as_declared(
    tmp_path: Path, rows: str, line: str, reason: str
) -> None:
    truth, report = Yolo(tmp_path, line, rows=rows).read()
    assert truth.boxes[CORNERS].to_numpy().round(9).tolist() == [[10, 10, 30, 30]]
    assert report["repaired"] == {f"labels: {reason}": 1}
    refused = complaint(Yolo(tmp_path, line).read)
    assert "a.txt, row 1: " in refused
    assert "numbers after the class are no box; set prepare.ground_truth.rows" in refused


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 0.2 nan 0.2 0.2", "a.txt, row 1: expected finite numbers"),
        ("1 0.2 x 0.2 0.2", "a.txt, row 1: expected numbers"),
        ("1 20 25 20 25", "a.txt, row 1: expected a box in shares of the image; these are pixels"),
        (
            "2 0.2 0.2 0.2 0.2",
            "a.txt, row 1, field class: '2' is not in the ground truth, which has classes 0 to 1",
        ),
        ("1 0.2 0.2 0.2", "a.txt, row 1: 3 numbers after the class are no box"),
    ],
)
def test_a_yolo_row_that_cannot_be_used_is_refused(tmp_path: Path, line: str, message: str) -> None:
    assert message in complaint(Yolo(tmp_path, line).read)


def test_yolo_rows_are_dropped_or_cut_and_counted(tmp_path: Path) -> None:
    lines = ("1 0.95 0.5 0.2 0.25", "1 0.5 0.5 -0.2 0.2", "1 1.5 0.5 0.2 0.2", "9 0.5 0.5 0.1 0.1")
    made = Yolo(tmp_path, *lines, unknown="drop")
    (made.labels / "c.txt").write_text("1 0.5 0.5 0.1 0.1")
    truth, report = made.read()
    assert len(truth.boxes) == 1
    assert report["repaired"] == {"labels: box reached beyond its image, cut": 1}
    assert report["dropped"] == {
        "labels: unknown class": 1, "labels: unknown image": 1, "labels: box lies outside its image": 1,
        "labels: width or height is not above 0": 1,
    }  # fmt: skip


def test_yolo_sizes_are_pixels(tmp_path: Path) -> None:
    made = Yolo(tmp_path, "1 0.2 0.25 0.2 0.25")
    for text, message in (
        ("file_name,width\na.jpg,100\n", ": column(s) height are missing"),
        ("file_name,width,height\na.jpg,100\n", ", row 2: expected 3 fields"),
        ("file_name,width,height\na.jpg,100,0\n", ", row 2, field height: expected pixels above 0, got '0'"),
    ):
        (tmp_path / "images.csv").write_text(text)
        assert f"images.csv{message}" in complaint(made.read)
