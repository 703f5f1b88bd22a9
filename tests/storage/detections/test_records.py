"""Detection files: what cannot be used is refused by file, row and field, or dropped or repaired and counted."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from storage.detections.coco import ResultsFormat, read_coco_results, read_coco_truth
from storage.detections.crops import read_crops
from storage.detections.masks import segmentation_box
from storage.detections.records import CORNERS, GroundTruth, canonical, read_split
from storage.detections.voc import read_voc_truth
from storage.detections.yolo import read_yolo_truth
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError
from tests.clone import REAL

COCO100 = REAL / "coco100"
IMAGES = [
    {"id": 1, "file_name": "a.jpg", "width": 100, "height": 80},
    {"id": 2, "file_name": "b.jpg", "width": 100, "height": 80},
]
CATEGORIES = [{"id": 7, "name": "nut"}, {"id": 3, "name": "bolt"}]
OBJECT = {"id": 1, "image_id": 1, "category_id": 3, "bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0}
ANOTHER = {**OBJECT, "id": 2, "bbox": [40, 10, 20, 20]}
RESULT = {"image_id": 1, "category_id": 3, "bbox": [10, 10, 20, 20], "score": 0.9}


def save(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def truth_file(folder: Path, *objects: dict[str, Any], **changes: Any) -> Path:
    content = {"images": IMAGES, "categories": CATEGORIES, "annotations": list(objects), **changes}
    return save(folder / "truth.json", content)


def read_truth(path: Path, unknown: Any = "refuse") -> tuple[GroundTruth, dict[str, dict[str, int]]]:
    report = ImportReport()
    return read_coco_truth(path, unknown, report), report.counts()


def read_results(
    folder: Path, content: Any, categories: Any = "ground_truth", required: bool = True, unique: bool = False,
    unknown: Any = "refuse", classes: list[dict[str, Any]] = CATEGORIES, boxes: Any = "xywh",
) -> tuple[Any, dict[str, dict[str, int]]]:  # fmt: skip
    truth, _ = read_truth(truth_file(folder, OBJECT, categories=classes, annotations=[]))
    report = ImportReport()
    path = save(folder / "r.json", content)
    form = ResultsFormat(categories, boxes, required, unique)
    return read_coco_results(path, truth, form, unknown, report), report.counts()


def complaint(call: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments, **options)
    return str(caught.value)


def test_ground_truth_reads_images_classes_and_boxes(tmp_path: Path) -> None:
    crowd = {**OBJECT, "id": 2, "image_id": 2, "category_id": 7, "iscrowd": 1, "area": 9}
    truth, report = read_truth(truth_file(tmp_path, OBJECT, crowd))
    assert truth.classes == ["bolt", "nut"]  # in the order of their ids
    assert truth.boxes[["image", "label", *CORNERS, "crowd", "area"]].to_numpy().tolist() == [
        [0, 0, 10, 10, 30, 30, False, 400],
        [1, 1, 10, 10, 30, 30, True, 9],
    ]
    assert report == {"dropped": {}, "repaired": {}}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": 0}, "annotation id is 0, renumbered"),
        ({"id": "0"}, "annotation id is 0, renumbered"),
        ({"id": 1}, "annotation id is used twice, renumbered"),
        ({"id": "1"}, "annotation id is used twice, renumbered"),
        ({"id": None}, "annotation id is missing, numbered"),
        ({"area": None}, "area is missing, taken as width x height"),
        ({"iscrowd": None}, "iscrowd is missing, taken as 0"),
        ({"image_id": "1"}, "image id is text in one file and a number in the other; taken by value"),
        ({"image_id": "0001"}, "image id is text in one file and a number in the other; taken by value"),
        ({"image_id": "a.jpg"}, "image is named by its file; taken by that name"),
        ({"image_id": "a"}, "image is named by its file; taken by that name"),
        ({"bbox": [90, 10, 20, 20]}, "box reached beyond its image, cut"),
        ({"bbox": [-10, 10, 20, 20]}, "box begins before its image (negative x or y), cut"),
        (
            {"bbox": None, "segmentation": [[11, 10, 31, 12, 20, 30]]},
            "bbox is missing, taken around the segmentation",
        ),
    ],
)
def test_a_ground_truth_row_is_repaired_and_counted(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    truth, report = read_truth(truth_file(tmp_path, OBJECT, {**ANOTHER, **changes}))
    assert report == {"dropped": {}, "repaired": {f"truth.json: {reason}": 1}}
    assert len(truth.boxes) == 2
    assert truth.boxes["area"].tolist() == [400.0, 400.0]
    assert truth.boxes["image"].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"bbox": [10, 10, -5, 20]}, "width or height is not above 0"),
        ({"bbox": [10, 10, 5, 0]}, "width or height is not above 0"),
        ({"bbox": [100, 10, 5, 5]}, "box lies outside its image"),
        ({"bbox": [-50, 10, 20, 5]}, "box lies outside its image"),
        ({"image_id": 9}, "unknown image_id"),
        ({"category_id": 1}, "unknown category_id"),
        ({}, "repeats a box of the same image and class"),
    ],
)
def test_a_row_that_means_nothing_is_dropped_and_counted(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    truth, report = read_truth(truth_file(tmp_path, OBJECT, {**OBJECT, "id": 2, **changes}), "drop")
    assert report["dropped"] == {f"truth.json: {reason}": 1}
    assert len(truth.boxes) == 1
    table, report = read_results(tmp_path, [RESULT, {**RESULT, **changes}], unknown="drop")
    assert report["dropped"] == {f"r.json: {reason}": 1}
    assert len(table) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bbox": [float("nan"), 0, 1, 1]}, "row 2, field bbox: expected a finite number, got nan"),
        ({"bbox": [0, 0, float("inf"), 1]}, "row 2, field bbox: expected a finite number, got inf"),
        ({"bbox": [0, 0, 1]}, "row 2, field bbox: expected [x, y, width, height], got [0, 0, 1]"),
        ({"bbox": None}, "row 2, field bbox: expected bbox [x, y, width, height] or a segmentation"),
        ({"bbox": [0, 0, 10**400, 1]}, "row 2, field bbox: expected a finite number, got 1000"),
        (
            {"bbox": None, "segmentation": {"size": [4], "counts": 7}},
            "row 2, field bbox: expected bbox [x, y, width, height] or a segmentation",
        ),
        ({"bbox": ["0", 0, 1, 1]}, "row 2, field bbox: expected a finite number, got '0'"),
        ({"score": float("nan")}, "row 2, field score: expected a finite number, got nan; mend or remove"),
        (
            {"score": 1.5},
            "row 2, field score: expected a score in [0, 1], got 1.5; rescale the 1 row(s) that are not",
        ),
        ({"score": None}, "row 2, field score: is missing in 1 row(s); add it, or set scores: optional"),
        ({"image_id": 9}, "row 2, field image_id: 9 is not in the ground truth"),
        ({"category_id": 0}, "row 2, field category_id: 0 is not in the ground truth, which has ids 3 to 7"),
    ],
)
def test_a_result_that_cannot_be_used_is_refused_by_its_row(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    refused = complaint(read_results, tmp_path, [RESULT, {**RESULT, **changes}])
    assert refused.startswith(f"{tmp_path / 'r.json'}, {message}")


def test_a_file_whose_own_categories_fit_no_class_is_refused(tmp_path: Path) -> None:
    content = {"annotations": [RESULT], "categories": [{"id": 3, "name": "cat"}]}
    assert "3 is not in the ground truth, which has no such class" in complaint(
        read_results, tmp_path, content
    )


def test_a_crowd_is_marked_by_0_or_1(tmp_path: Path) -> None:
    assert "row 1 of annotations, field iscrowd: expected 0 or 1, got '0'" in complaint(
        read_truth, truth_file(tmp_path, {**OBJECT, "iscrowd": "0"})
    )


def test_a_nan_in_the_ground_truth_is_refused(tmp_path: Path) -> None:
    broken = {**OBJECT, "bbox": [0, 0, float("nan"), 1]}
    assert "row 1 of annotations, field bbox: expected a finite number, got nan" in complaint(
        read_truth, truth_file(tmp_path, broken)
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": [*IMAGES, IMAGES[0]]}, "field images: image id 1 is used twice"),
        ({"images": [*IMAGES, {**IMAGES[0], "id": "01"}]}, "field images: image id '01' is used twice"),
        ({"images": [{"id": 1, "file_name": "a"}]}, "row 1 of images, field width: expected a finite number"),
        ({"images": [{**IMAGES[0], "width": 0}]}, "row 1 of images: width and height have to be above 0"),
        ({"categories": [*CATEGORIES, {"id": 9, "name": "nut"}]}, "names used twice: ['nut']"),
        ({"categories": [*CATEGORIES, {"id": 3, "name": "rod"}]}, "ids used twice: ['3']"),
        ({"categories": []}, "every category needs an id and a name"),
        ({"annotations": {}}, "expected a list of annotations, got dict"),
    ],
)
def test_a_ground_truth_file_that_contradicts_itself_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    assert message in complaint(read_truth, truth_file(tmp_path, OBJECT, **changes))


def test_results_come_as_a_list_or_under_annotations(tmp_path: Path) -> None:
    plain, nothing = read_results(tmp_path, [RESULT])
    wrapped, report = read_results(tmp_path, {"annotations": [RESULT]})
    assert plain.equals(wrapped)
    assert nothing == {"dropped": {}, "repaired": {}}
    assert report["repaired"] == {"r.json: results taken from under annotations": 1}
    assert "expected a list of results, or an object" in complaint(
        read_results, tmp_path, {"results": [RESULT]}
    )


def test_a_file_with_categories_of_its_own_is_mapped_by_name(tmp_path: Path) -> None:
    own = [{"id": 0, "name": "nut"}, {"id": 3, "name": "bolt"}, {"id": 8, "name": "cat"}]
    rows = [{**RESULT, "category_id": number} for number in (0, 3, 8)]
    table, report = read_results(tmp_path, {"annotations": rows, "categories": own}, unknown="drop")
    assert table["label"].tolist() == [1, 0]
    assert report["repaired"]["r.json: categories mapped by the file's own names"] == 1
    assert report["dropped"] == {"r.json: unknown category_id": 1}


@pytest.mark.parametrize(
    ("categories", "numbers"),
    [("ground_truth", [3, 7]), ("from_0", [0, 1]), ("from_1", [1, 2]), (["nut", "bolt"], [1, 0])],
)
def test_every_numbering_of_classes_reads_to_the_same(
    tmp_path: Path, categories: Any, numbers: list[int]
) -> None:
    rows = [{**RESULT, "category_id": number} for number in numbers]
    assert read_results(tmp_path, rows, categories)[0]["label"].tolist() == [0, 1]


def test_the_80_classes_of_a_detector_map_to_the_91_ids_of_coco(tmp_path: Path) -> None:
    ids = [number for number in range(1, 91) if number not in (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)]
    classes = [{"id": number, "name": f"class {number}"} for number in ids]
    rows = [{**RESULT, "category_id": number} for number in range(80)]
    table, _ = read_results(tmp_path, rows, "from_0", classes=classes)
    assert table["label"].tolist() == list(range(80))
    refused = complaint(read_results, tmp_path, rows, classes=classes)
    assert "0 is not in the ground truth, which has ids 1 to 90, 80 in all by its numbering" in refused
    assert "categories: from_0 or from_1 if it counts classes by place, or the list of its names" in refused


def test_names_that_no_class_has_are_refused(tmp_path: Path) -> None:
    assert "names ['rod'] of r.json are not classes" in complaint(read_results, tmp_path, [], ["rod"])


def test_a_missing_score_counts_as_zero_where_scores_are_optional(tmp_path: Path) -> None:
    rows = [RESULT, {key: value for key, value in RESULT.items() if key != "score"}]
    table, report = read_results(tmp_path, rows, required=False)
    assert table[["score", "scored"]].to_numpy().tolist() == [[0.9, True], [0.0, False]]
    assert report["repaired"] == {"r.json: score is missing, taken as 0": 1}


def test_empty_results_are_read_and_told(tmp_path: Path) -> None:
    table, report = read_results(tmp_path, [])
    assert table.empty
    assert report["repaired"] == {"r.json: holds no results; the source found nothing": 1}


def test_text_and_number_ids_meet_and_are_counted(tmp_path: Path) -> None:
    table, report = read_results(
        tmp_path, [RESULT, {**RESULT, "image_id": "1", "category_id": "3", "score": 0.5}]
    )
    assert table["image"].tolist() == [0, 0]
    assert report["repaired"] == {
        "r.json: image id is text in one file and a number in the other; taken by value": 1
    }
    assert [canonical(each) for each in (42, 42.0, "42", "0042", True, None, 4.5, "x")] == [
        "42", "42", "42", "42", None, None, None, "x",
    ]  # fmt: skip


def test_results_that_a_classifier_is_aligned_with_need_ids_of_their_own(tmp_path: Path) -> None:
    rows = [{**RESULT, "id": 1}, {**RESULT, "id": "1", "score": 0.5}]
    assert "row 2, field id: '1' is missing or used twice" in complaint(
        read_results, tmp_path, rows, unique=True
    )
    table, report = read_results(tmp_path, rows)
    assert table["id"].tolist() == ["1", "1"]
    assert report["repaired"] == {"r.json: result id is used twice; kept, as nothing goes by it": 1}


def test_tiles_and_prompts_are_read_where_there_are_any(tmp_path: Path) -> None:
    rows = [RESULT, {**RESULT, "tile": 3, "touches_edge": True, "prompt": "small nut"}]
    table, _ = read_results(tmp_path, rows)
    assert table[["tile", "touches_edge", "prompt"]].to_numpy().tolist() == [
        [-1, False, ""],
        [3, True, "small nut"],
    ]


def test_what_is_no_json_is_refused_by_line(tmp_path: Path) -> None:
    (tmp_path / "truth.json").write_text('{"images": [\n}')
    assert "truth.json, row 2: not JSON: " in complaint(read_truth, tmp_path / "truth.json")


def test_of_repeats_the_lowest_id_is_kept_whatever_the_order(tmp_path: Path) -> None:
    rows = [{**RESULT, "id": number} for number in (3, 1, 2)] + [{**RESULT, "id": 0, "score": 0.2}]
    table, report = read_results(tmp_path, rows)
    assert table["id"].tolist() == ["1", "0"]
    assert report["dropped"] == {"r.json: repeats a box of the same image and class": 2}
    assert read_results(tmp_path, rows[::-1])[0]["id"].tolist() == ["0", "1"]


def test_a_crowd_over_an_object_is_no_repeat(tmp_path: Path) -> None:
    truth, report = read_truth(truth_file(tmp_path, OBJECT, {**OBJECT, "id": 2, "iscrowd": 1}))
    assert len(truth.boxes) == 2
    assert report["dropped"] == {}


def test_boxes_are_read_as_declared(tmp_path: Path) -> None:
    expected = read_results(tmp_path, [RESULT])[0][CORNERS].to_numpy()
    for boxes, numbers in (("xyxy", [10, 10, 30, 30]), ("cxcywh_shares", [0.2, 0.25, 0.2, 0.25])):
        table, _ = read_results(tmp_path, [{**RESULT, "bbox": numbers}], boxes=boxes)
        assert np.allclose(table[CORNERS].to_numpy(), expected)


def test_shares_and_corners_are_refused_with_what_to_do(tmp_path: Path) -> None:
    shares = {"bbox": [0.1, 0.1, 0.2, 0.2]}
    assert "r.json, field bbox: all coordinates lie in 0 to 1" in complaint(
        read_results, tmp_path, [{**RESULT, **shares}]
    )
    corners = [{**OBJECT, "id": at, "bbox": [30 + at, 40, 90, 79 - at]} for at in range(1, 13)]
    assert complaint(read_truth, truth_file(tmp_path, *corners)).endswith(
        "read as xywh, 12 of 12 boxes are empty or reach beyond their image; as xyxy 12 fit: write [x1, y1, x2 - x1, "
        "y2 - y1]"
    )


def test_text_that_names_two_images_is_refused(tmp_path: Path) -> None:
    """The results go by file names, 000002.jpg; the ground truth numbers its images otherwise."""
    images = [
        {**IMAGES[0], "id": 2, "file_name": "000001.jpg"},
        {**IMAGES[1], "id": 1, "file_name": "000002.jpg"},
    ]
    path = truth_file(tmp_path, {**OBJECT, "image_id": "000002"}, images=images)
    assert "'000002' is the id of one image and the file of another" in complaint(read_truth, path)
    assert len(read_truth(truth_file(tmp_path, {**OBJECT, "image_id": 2}, images=images))[0].boxes) == 1


def test_a_row_without_an_image_is_not_of_the_image_none(tmp_path: Path) -> None:
    images = [{**IMAGES[0], "file_name": "None.jpg"}]
    missing = {key: value for key, value in OBJECT.items() if key != "image_id"}
    assert "field image_id: None is not in the ground truth" in complaint(
        read_truth, truth_file(tmp_path, missing, images=images)
    )


def test_unknown_rows_are_counted_with_three_examples(tmp_path: Path) -> None:
    truth, _ = read_truth(truth_file(tmp_path, OBJECT))
    path = save(tmp_path / "r.json", [{**RESULT, "image_id": number} for number in (1, 7, 8, 9, "x")])
    report = ImportReport()
    read_coco_results(path, truth, ResultsFormat("ground_truth", "xywh", True, False), "drop", report)
    assert report.lines() == [
        "dropped       4  r.json: unknown image_id (such as row 2: 7, row 3: 8, row 4: 9)"
    ]
    assert (
        "row 2, field image_id: 7 is not in the ground truth, which has no such image; 4 such row(s)"
        in complaint(
            read_coco_results,
            path,
            truth,
            ResultsFormat("ground_truth", "xywh", True, False),
            "refuse",
            report,
        )
    )


@pytest.mark.parametrize(
    "segmentation",
    [
        {"size": [80, 100], "counts": [float("inf"), 5]},
        {"size": [80, 100], "counts": [7990, 50]},
        {"size": [80, 100], "counts": [-5, 50]},
        {"size": [80, 100], "counts": "o" * 5000},
        {"size": [10**12, 10**12], "counts": [5, 5]},
        {"size": [80], "counts": 7},
        [[10, 10, float("nan"), 12, 20, 30]],
        [["10", 10, 30, 12, 20, 30]],
        [[]],
        [],
        7,
    ],
)
def test_a_mask_that_cannot_be_is_refused(tmp_path: Path, segmentation: Any) -> None:
    assert segmentation_box(segmentation) is None
    broken = {**RESULT, "bbox": None, "segmentation": segmentation}
    assert "row 1, field bbox: expected bbox [x, y, width, height] or a segmentation" in complaint(
        read_results, tmp_path, [broken]
    )


def test_every_image_is_in_one_split(tmp_path: Path) -> None:
    truth, _ = read_truth(truth_file(tmp_path, OBJECT))
    path = save(tmp_path / "s.json", {"train": ["1"], "tune": ["b.jpg"], "report": []})
    assert read_split(path, truth.images).tolist() == ["train", "tune"]
    for listed, message in (
        ({"train": [1], "tune": [1], "report": [2]}, "row 1, field tune: image 1 is in train already"),
        ({"train": [1], "tune": [], "report": []}, "1 image(s) are in no split, the first has id 2"),
        (
            {"train": [1, 5], "tune": [], "report": []},
            "row 2, field train: image 5 is not in the ground truth",
        ),
        ({"train": [1, 2]}, "expected lists of images under train, tune, report"),
    ):
        assert message in complaint(read_split, save(path, listed), truth.images)
    copied = truth.images.assign(file_name="a.jpg")
    assert "images 1 (train) and 2 (report) are one file, 'a.jpg'; put both into one split" in complaint(
        read_split, save(path, {"train": [1], "tune": [], "report": [2]}), copied
    )


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


def test_yolo_sizes_are_pixels(tmp_path: Path) -> None:
    made = Yolo(tmp_path, "1 0.2 0.25 0.2 0.25")
    for text, message in (
        ("file_name,width\na.jpg,100\n", ": column(s) height are missing"),
        ("file_name,width,height\na.jpg,100\n", ", row 2: expected 3 fields"),
        ("file_name,width,height\na.jpg,100,0\n", ", row 2, field height: expected pixels above 0, got '0'"),
    ):
        (tmp_path / "images.csv").write_text(text)
        assert f"images.csv{message}" in complaint(made.read)


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


@pytest.mark.skipif(not COCO100.exists(), reason="../shared/real/coco100 is absent")
def test_boxes_around_masks_are_those_of_pycocotools() -> None:
    mask = pytest.importorskip("pycocotools.mask")
    results = json.loads((COCO100 / "instances_val2014_fakesegm100_results.json").read_text())
    assert len(results) == 734
    for result in results:
        expected = mask.toBbox(
            {**result["segmentation"], "counts": result["segmentation"]["counts"].encode()}
        )
        assert segmentation_box(result["segmentation"]) == expected.tolist()


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
