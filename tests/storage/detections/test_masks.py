"""Boxes around segmentations."""

import json

import pytest

from storage.detections.masks import segmentation_box
from tests.clone import REAL

COCO100 = REAL / "coco100"


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
