"""VOC's XML: corners from the first pixel to the last, or refused by file, object and field."""

from pathlib import Path

import pytest

from storage.detections.records import CORNERS, GroundTruth
from storage.detections.voc import read_voc_truth
from storage.files.import_report import ImportReport
from tests.clone import REAL
from tests.storage.detections.complaints import complaint

VOC = """<annotation><filename>a.jpg</filename><size><width>100</width><height>80</height></size>
<object><name>nut</name><bndbox><xmin>11</xmin><ymin>11</ymin><xmax>30</xmax><ymax>30</ymax></bndbox></object>
<object><name>bolt</name><difficult>1</difficult>
<bndbox><xmin>{left}</xmin><ymin>1</ymin><xmax>100</xmax><ymax>80</ymax></bndbox></object></annotation>"""


def read_voc(folder: Path, text: str, first_pixel: int = 1) -> tuple[GroundTruth, dict[str, dict[str, int]]]:
    (folder / "a.xml").write_text(text)
    report = ImportReport()
    return read_voc_truth(folder, first_pixel, report), report.counts()


def test_voc_corners_count_from_one_and_the_last_pixel_is_inside(tmp_path: Path) -> None:
    truth, report = read_voc(tmp_path, VOC.format(left=1))
    assert truth.classes == ["bolt", "nut"]
    assert truth.boxes[["label", *CORNERS]].to_numpy().tolist() == [[1, 10, 10, 30, 30], [0, 0, 0, 100, 80]]
    assert report["repaired"] == {f"{tmp_path.name}: object marked difficult, kept like others": 1}
    assert read_voc(tmp_path, VOC.format(left=1), 0)[0].boxes["x1"].tolist() == [11, 1]


def test_a_voc_file_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    assert "a.xml, row 2 of objects, field xmin: expected a finite number, got 'nan'" in complaint(
        read_voc, tmp_path, VOC.format(left="nan")
    )
    assert "a.xml, row 1: not XML" in complaint(read_voc, tmp_path, "<annotation>")
    assert "field size/width: expected a finite number" in complaint(read_voc, tmp_path, "<annotation/>")
    assert "declares XML entities" in complaint(read_voc, tmp_path, '<!DOCTYPE x [<!ENTITY a "b">]><x/>')
    (tmp_path / "a.xml").unlink()
    assert "no XML file there" in complaint(read_voc_truth, tmp_path, 1, ImportReport())


@pytest.mark.skipif(not (REAL / "bccd").exists(), reason="../shared/real/bccd is absent")
def test_the_blood_cells_have_the_published_counts_less_the_two_empty_boxes() -> None:
    report = ImportReport()
    truth = read_voc_truth(REAL / "bccd" / "BCCD" / "Annotations", 0, report)
    dropped = report.counts()["dropped"]
    counts = truth.boxes["label"].value_counts().sort_index().tolist()
    assert truth.classes == ["Platelets", "RBC", "WBC"]
    assert len(truth.images) == 364
    assert sum(counts) + sum(dropped.values()) == 4155 + 372 + 361
    assert dropped == {"Annotations: width or height is not above 0": 2}
