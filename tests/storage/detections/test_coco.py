"""COCO's files and splits: what cannot be used is refused by file, row and field, or dropped or repaired and counted."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage.detections.coco import ResultsFormat, read_coco_results, read_coco_truth
from storage.detections.masks import segmentation_box
from storage.detections.records import CORNERS, GroundTruth, canonical, read_split
from storage.files.import_report import ImportReport
from tests.storage.detections.complaints import complaint

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
