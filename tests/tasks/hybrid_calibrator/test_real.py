"""Sets that are skipped where they are absent: a real one from importer to table, and the default's report images."""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from params.hybrid_calibrator import Compare, Fit
from tasks.hybrid_calibrator import compare, fit
from tasks.hybrid_calibrator.use.export import FOLDER, payload
from tests.clone import REAL
from tests.imports import ROOT
from tests.serving.exports import loaded
from tests.tasks.hybrid_calibrator.test_compare import COMPARE, FIT, READ, block
from tests.tasks.hybrid_calibrator.test_data import SOURCE, Run
from tests.tasks.hybrid_calibrator.test_new_images import Seen, assert_as_pinned, report_images

KINDS = ("bbox", "segm")


@pytest.mark.slow
@pytest.mark.skipif(not (REAL / "coco100").exists(), reason="../shared/real/coco100 is absent")
def test_coco100_runs_from_importer_to_table(tmp_path: Path) -> None:
    run = Run(tmp_path)
    (run.data / "nonwindow").mkdir(parents=True)
    shutil.copy(REAL / "coco100" / "instances_val2014_100.json", run.data / "ground_truth.json")
    sources = {}
    for kind in KINDS:
        name = f"instances_val2014_fake{kind}100_results.json"
        shutil.copy(REAL / "coco100" / name, run.data / "nonwindow" / name)
        sources[kind] = {**SOURCE, "file": name}
    run.prepare(sources=sources, split={"by": "random", "tune": 0.3, "report": 0.3, "seed": 0})
    run.features()
    out = run.files["candidates"].parent
    inputs = run.of("candidates", "prepared", "features")
    fit.main(
        block(Fit, FIT, tmp_path), "nonwindow", **inputs,
        models=out / "models", predictions=out / "predictions.npz", fitted=out / "fitted.json",
    )  # fmt: skip
    compare.main(
        block(Compare, {**COMPARE, "detectors": ["bbox"]}, tmp_path),
        **{stem: {"nonwindow": out / name} for stem, name in READ.items()},
        results=tmp_path / "results", thresholds=tmp_path / "thresholds.json", page=tmp_path / "page.html",
    )  # fmt: skip
    table: Any = pd.read_csv(tmp_path / "results" / "table.csv").set_index("option")
    counted = table["tp"] + table["fn"]
    assert len(set(counted)) == 1  # every row is judged on the same ground truth
    assert {"raw_bbox", "raw_segm", "union", "union_nms", "boxes_fusion", "control", "A"} <= set(table.index)
    assert table.loc["control", "f1"] > 0.3
    assert ((table["precision"].dropna() >= 0) & (table["precision"].dropna() <= 1)).all()
    decision = json.loads((tmp_path / "results" / "decision.json").read_text())
    assert decision["action"] == "redesign"  # no classifier, so nothing to blend
    assert not {"B", "all_features", "structured"} & set(table.index)


@pytest.mark.slow
@pytest.mark.skipif(
    not (ROOT / FOLDER / "thresholds.json").exists(), reason="the default was not made here: make demo"
)
@pytest.mark.parametrize("variant", ["nonwindow", "window"])
def test_the_defaults_report_images_come_out_of_their_files_alone(tmp_path: Path, variant: str) -> None:
    option = json.loads((ROOT / FOLDER / "thresholds.json").read_text())["chosen"][variant]
    decider = Seen(loaded(payload(ROOT), "hybrid_calibrator", tmp_path / "export"))
    assert_as_pinned(ROOT, decider, variant, option, report_images(ROOT, variant, tmp_path / variant, seed=1))
