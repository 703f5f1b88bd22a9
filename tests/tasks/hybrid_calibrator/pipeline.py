"""A study of simulated detectors, run from its files to thresholds: for tests of what is exported of it."""

import json
from pathlib import Path
from typing import Any

from params.block import read_block
from params.hybrid_calibrator import Features, Prepare
from params.simulated_detections import Simulate
from simulators import hybrid_calibrator as simulator
from tasks.hybrid_calibrator import features, prepare
from tests.imports import ROOT
from tests.tasks.hybrid_calibrator import test_compare as steps

FOLDER, DATA = Path("artifacts/hybrid_calibrator"), Path("data/hybrid_calibrator")
PREPARED = ("candidates", "raw", "ground_truth")
OPTIONS = ("control", "A", "stacked", "isotonic", "structured")
STATED: dict[str, Any] = {
    name: read_block(ROOT / "params.yaml", f"hybrid_calibrator.{name}", model).model_dump()
    for name, model in {"simulate": Simulate, "prepare": Prepare, "features": Features}.items()
}
SIZES: dict[str, Any] = {
    "images": {"train": 30, "tune": 24, "report": 24}, "embedding": 12, "empty_images": 0.15, "crowds": 0.3,
}  # fmt: skip


def run(root: Path, **changes: dict[str, Any]) -> Path:
    """changes: of the steps' params. Embeddings are projected."""
    narrow = {"projection": {"size": 8, "seed": 1}}
    wanted = {"simulate": SIZES, "features": narrow, **changes}
    params = {name: {**block, **wanted.get(name, {})} for name, block in STATED.items()}
    root.mkdir(parents=True, exist_ok=True)
    (root / "params.yaml").write_text(json.dumps({"hybrid_calibrator": params}))
    if not (root / DATA).exists():
        simulator.main(Simulate.model_validate(params["simulate"]), root / DATA)
    first, second = Prepare.model_validate(params["prepare"]), Features.model_validate(params["features"])
    for variant in first.variants:
        own = root / FOLDER / variant
        tables = {name: own / f"{name}.parquet" for name in PREPARED}
        prepare.main(first, variant, root / DATA, **tables, prepared=own / "prepared.json")
        features.main(
            second, variant, root / DATA, **tables, prepared=own / "prepared.json", features=own / "features"
        )
    learned = steps.Run(root / FOLDER, tuple(first.variants))
    learned.fit(options={name: steps.OPTIONS[name] for name in OPTIONS})
    adoption = {**steps.COMPARE["adoption"], "challengers": ["A"], "other_controls": ["structured"]}
    learned.compare(adoption=adoption, resamples=100)
    return root
