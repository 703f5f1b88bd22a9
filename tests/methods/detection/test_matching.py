"""Deduplication and matching against a plain loop, and against the two public evaluators on real boxes."""

import contextlib
import io
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from methods.detection import matching
from methods.detection.matching import dedupe, match, paired_iou, pairs, representatives
from tests.clone import REAL

COCO100 = REAL / "coco100"
real = pytest.mark.skipif(not COCO100.exists(), reason=f"{COCO100} is absent")

Boxes = NDArray[np.float64]
Index = NDArray[np.int64]

# Few whole-numbered corners, scores and labels, so that ties, nesting and exact overlaps are common.
box = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 5), st.integers(0, 5))
detection = st.tuples(box, st.integers(0, 3), st.integers(0, 1))
truth = st.tuples(box, st.booleans(), st.integers(0, 1))
threshold = st.sampled_from([0.25, 0.5, 0.75, 1.0])


def arrays(rows: list[Any]) -> tuple[Boxes, NDArray[np.float64], Index]:
    sides = np.array([row[0] for row in rows], float).reshape(-1, 4)
    corners = np.hstack([sides[:, :2], sides[:, :2] + sides[:, 2:]])
    return corners, np.array([row[1] for row in rows], float), np.array([row[2] for row in rows], np.int64)


def iou(first: Boxes, second: Boxes, crowd: bool = False) -> float:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    own, other = ((b[2] - b[0]) * (b[3] - b[1]) for b in (first, second))
    return float(width * height / (own if crowd else own + other - width * height))


def representatives_by_loop(
    boxes: Boxes, scores: NDArray[np.float64], labels: Index, least: float
) -> list[int]:
    owner, kept = [-1] * len(boxes), list[int]()
    for row in sorted(range(len(boxes)), key=lambda row: -scores[row]):
        near = [k for k in kept if labels[k] == labels[row] and iou(boxes[k], boxes[row]) >= least]
        owner[row] = near[0] if near else row
        kept += [] if near else [row]
    return owner


def match_by_loop(
    boxes: Boxes,
    scores: NDArray[np.float64],
    labels: Index,
    gt: Boxes,
    gt_labels: Index,
    crowd: NDArray[np.bool_],
    least: float,
) -> list[int]:
    """pycocotools' evaluateImg for one image, line by line, per label."""
    matched, used = [-1] * len(boxes), [False] * len(gt)
    order = sorted(range(len(gt)), key=lambda g: crowd[g])
    for row in sorted(range(len(boxes)), key=lambda row: -scores[row]):
        best, chosen = min(least, 1 - 1e-10), -1
        for g in order:
            if gt_labels[g] != labels[row] or (used[g] and not crowd[g]):
                continue
            if chosen > -1 and not crowd[chosen] and crowd[g]:
                break
            overlap = iou(boxes[row], gt[g], crowd[g])
            if overlap < best:
                continue
            best, chosen = overlap, g
        if chosen >= 0:
            matched[row], used[chosen] = chosen, True
    return matched


@given(st.lists(detection, max_size=25), threshold)
def test_merging_equals_the_greedy_loop(rows: list[Any], least: float) -> None:
    boxes, scores, labels = arrays(rows)
    owner = representatives(boxes, scores, labels, least)
    assert owner.tolist() == representatives_by_loop(boxes, scores, labels, least)
    assert dedupe(boxes, scores, labels, least).tolist() == [
        row for row, own in enumerate(owner) if own == row
    ]


@given(st.lists(detection, max_size=20), st.lists(truth, max_size=12), threshold)
def test_matching_equals_the_greedy_loop_with_crowds_and_ties(
    rows: list[Any], objects: list[Any], least: float
) -> None:
    boxes, scores, labels = arrays(rows)
    gt, crowd, gt_labels = arrays(objects)
    found = match(boxes, scores, labels, gt, gt_labels, crowd.astype(bool), least)
    assert found.tolist() == match_by_loop(boxes, scores, labels, gt, gt_labels, crowd.astype(bool), least)


@given(st.lists(detection, max_size=20), st.lists(truth, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_rows_never_matters_where_scores_differ(
    rows: list[Any], objects: list[Any], random: Any
) -> None:
    boxes, scores, labels = arrays(rows)
    gt, crowd, gt_labels = arrays(objects)
    scores = scores + np.arange(len(rows)) / 100
    order = np.array(random.sample(range(len(rows)), len(rows)), np.int64)
    owner = representatives(boxes, scores, labels, 0.5)
    shuffled = representatives(boxes[order], scores[order], labels[order], 0.5)
    assert np.array_equal(order[shuffled], owner[order])
    found = match(boxes, scores, labels, gt, gt_labels, crowd.astype(bool), 0.5)
    again = match(boxes[order], scores[order], labels[order], gt, gt_labels, crowd.astype(bool), 0.5)
    assert np.array_equal(again, found[order])


@given(st.lists(detection, max_size=20), st.lists(truth, max_size=12))
def test_an_object_is_matched_once_and_a_crowd_any_number_of_times(
    rows: list[Any], objects: list[Any]
) -> None:
    boxes, scores, labels = arrays(rows)
    gt, crowd, gt_labels = arrays(objects)
    found = match(boxes, scores, labels, gt, gt_labels, crowd.astype(bool), 0.5)
    single = found[(found >= 0) & ~np.append(crowd.astype(bool), True)[found]]
    assert len(set(single.tolist())) == len(single)
    assert (labels[found >= 0] == gt_labels[found[found >= 0]]).all()


@given(st.lists(detection, max_size=25), st.lists(truth, max_size=12), st.sampled_from([1, 7, -3, 10**12]))
def test_labels_far_apart_or_negative_meet_as_those_from_0_do(
    rows: list[Any], objects: list[Any], stride: int
) -> None:
    boxes, scores, labels = arrays(rows)
    gt, crowd, gt_labels = arrays(objects)
    found = match(boxes, scores, labels * stride - 5, gt, gt_labels * stride - 5, crowd.astype(bool), 0.5)
    assert found.tolist() == match_by_loop(boxes, scores, labels, gt, gt_labels, crowd.astype(bool), 0.5)
    owner = representatives(boxes, scores, labels * stride - 5, 0.5)
    assert owner.tolist() == representatives_by_loop(boxes, scores, labels, 0.5)


@given(
    st.lists(st.integers(-4, 9), max_size=9),
    st.lists(st.integers(-2, 4), max_size=9),
    st.sampled_from([1, 10**9]),
)
def test_pairs_are_those_of_equal_labels_by_row(left: list[int], right: list[int], stride: int) -> None:
    found = [
        pair
        for i, j in pairs(np.array(left, np.int64) * stride, np.array(right, np.int64) * stride)
        for pair in zip(i.tolist(), j.tolist(), strict=True)
    ]
    assert found == [(i, j) for i, one in enumerate(left) for j, two in enumerate(right) if one == two]


def test_small_chunks_give_the_same_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    left, right = random.integers(0, 5, 200), random.integers(0, 6, 150)
    monkeypatch.setattr(matching, "PAIRS_AT_ONCE", 64)
    found = [pair for i, j in pairs(left, right) for pair in zip(i.tolist(), j.tolist(), strict=True)]
    assert found == [(i, j) for i in range(200) for j in range(150) if left[i] == right[j]]


def test_many_images_at_once_are_as_one_after_the_other() -> None:
    random = np.random.default_rng(1)
    image, corner = random.integers(0, 40, 3000), random.uniform(0, 200, (3000, 2))
    boxes = np.hstack([corner, corner + random.uniform(20, 120, (3000, 2))])
    scores = random.integers(0, 50, 3000) / 50
    owner = representatives(boxes, scores, image * 1000, 0.5)
    assert len(np.unique(owner)) < 2500
    for one in range(40):
        rows = np.flatnonzero(image == one)
        alone = representatives_by_loop(boxes[rows], scores[rows], image[rows], 0.5)
        assert owner[rows].tolist() == rows[alone].tolist()


def test_a_lower_threshold_by_less_than_single_precision_decides() -> None:
    """What torchvision's batched suppression in float32 gets wrong."""
    first = np.array([[40000.0, 0.0, 40001.0, 1.0]])
    second = np.array([[40000.0, 0.0, 40001.0, 0.75]])
    exact = float(paired_iou(first, second)[0])
    boxes, scores, labels = np.vstack([first, second]), np.array([0.9, 0.8]), np.zeros(2, np.int64)
    assert dedupe(boxes, scores, labels, exact).tolist() == [0]
    assert dedupe(boxes, scores, labels, np.nextafter(exact, 1)).tolist() == [0, 1]


def test_empty_boxes_overlap_nothing() -> None:
    boxes = np.array([[1.0, 1, 1, 5], [1, 1, 1, 5]])
    assert paired_iou(boxes[:1], boxes[1:]).tolist() == [0.0]
    assert dedupe(boxes, np.ones(2), np.zeros(2, np.int64), 0.5).tolist() == [0, 1]


def coco100() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    images = json.loads((COCO100 / "instances_val2014_100.json").read_text())
    return images, json.loads((COCO100 / "instances_val2014_fakebbox100_results.json").read_text())


def awkward() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Crowds, tied scores, tied overlaps, images without objects and without detections."""
    random = np.random.default_rng(3)
    images = [{"id": number, "width": 100, "height": 100} for number in range(1, 61)]
    objects: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for image in range(1, 61):
        for _ in range(0 if image % 7 == 0 else int(random.integers(1, 8))):
            sides = [int(side) for side in (*random.integers(0, 8, 2) * 5, *random.integers(2, 6, 2) * 5)]
            objects.append({
                "id": len(objects) + 1, "image_id": image, "category_id": int(random.integers(1, 3)), "bbox": sides,
                "area": sides[2] * sides[3], "iscrowd": int(random.random() < 0.2),
            })  # fmt: skip
        for _ in range(0 if image % 5 == 0 else int(random.integers(1, 25))):
            results.append({
                "image_id": image, "category_id": int(random.integers(1, 3)),
                "bbox": [int(side) for side in (*random.integers(0, 8, 2) * 5, *random.integers(2, 6, 2) * 5)],
                "score": float(random.integers(0, 5) / 4),
            })  # fmt: skip
    categories = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
    return {"images": images, "annotations": objects, "categories": categories}, results


def evaluator(package: str, content: dict[str, Any], results: list[dict[str, Any]]) -> Any:
    if package == "pycocotools":
        coco = pytest.importorskip("pycocotools.coco").COCO()
        evaluate = pytest.importorskip("pycocotools.cocoeval").COCOeval
    else:
        coco = pytest.importorskip("faster_coco_eval").COCO()
        evaluate = pytest.importorskip("faster_coco_eval").COCOeval_faster
    with contextlib.redirect_stdout(io.StringIO()):
        coco.dataset = json.loads(json.dumps(content))
        coco.createIndex()
        evaluation = evaluate(coco, coco.loadRes(json.loads(json.dumps(results))), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def matches(content: dict[str, Any], results: list[dict[str, Any]]) -> dict[int, int]:
    """Result number (from 1) -> id of the matched annotation, 0 for none: by this project."""
    objects = content["annotations"]
    stride = 1 + max(each["id"] for each in content["categories"])

    def boxes(rows: list[dict[str, Any]]) -> Boxes:
        sides = np.array([row["bbox"] for row in rows], float)
        return np.hstack([sides[:, :2], sides[:, :2] + sides[:, 2:]])

    def labels(rows: list[dict[str, Any]]) -> Index:
        return np.array([row["image_id"] * stride + row["category_id"] for row in rows], np.int64)

    crowd = np.array([each["iscrowd"] for each in objects], bool)
    scores = np.array([row["score"] for row in results])
    found = match(boxes(results), scores, labels(results), boxes(objects), labels(objects), crowd, 0.5)
    return {row: 0 if gt < 0 else objects[gt]["id"] for row, gt in enumerate(found.tolist(), 1)}


@pytest.mark.parametrize("make", [pytest.param(coco100, marks=real), awkward])
def test_matches_at_one_half_are_those_of_pycocotools(make: Any) -> None:
    content, results = make()
    evaluation = evaluator("pycocotools", content, results)
    expected, ignored = dict[int, int](), set[int]()
    for each in filter(None, evaluation.evalImgs):
        if each["aRng"] == evaluation.params.areaRng[0]:  # objects of every size
            rows = [int(row) for row in each["dtIds"]]
            expected |= dict(zip(rows, each["dtMatches"][0].astype(int).tolist(), strict=True))
            ignored |= {row for row, ignore in zip(rows, each["dtIgnore"][0], strict=True) if ignore}
    found = matches(content, results)
    assert found == expected
    crowds = {each["id"] for each in content["annotations"] if each["iscrowd"]}
    assert {row for row, gt in found.items() if gt in crowds} == ignored
    assert len(set(found.values())) > 20
    assert ignored or make is coco100  # no detection of that set lies in a crowd of its class


@real
@pytest.mark.parametrize("package", ["pycocotools", "faster_coco_eval"])
def test_the_average_precisions_of_coco100_are_the_published_ones(package: str) -> None:
    stats = evaluator(package, *coco100()).stats
    assert np.round(stats[:3], 7).tolist() == [0.5045807, 0.6969727, 0.5729817]


def test_faster_coco_eval_and_pycocotools_agree_on_the_awkward_set() -> None:
    first, second = (evaluator(package, *awkward()).stats for package in ("pycocotools", "faster_coco_eval"))
    assert np.allclose(first[:12], second[:12], atol=1e-9)


def test_a_score_that_is_nan_is_refused() -> None:
    boxes, labels = np.array([[0.0, 0, 2, 2], [0, 0, 2, 2]]), np.zeros(2, int)
    scores, none = np.array([0.5, np.nan]), np.zeros(2, bool)
    with pytest.raises(ValueError, match="found NaN"):
        representatives(boxes, scores, labels, 0.5)
    with pytest.raises(ValueError, match="found NaN"):
        match(boxes, scores, labels, boxes, labels, none, 0.5)
