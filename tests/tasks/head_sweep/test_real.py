"""Real images with class boxes, from the files to heads; skipped where the set is absent."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import GroupShuffleSplit
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from params.block import read_block
from params.head_sweep import Compare, Embed, Plan, Prepare, Train
from storage.heads.embeddings import Embeddings, read_embeddings
from tasks.head_sweep import compare, embed, plan, prepare, train
from tests.clone import REAL
from tests.imports import ROOT

EXAMPLE = ROOT / "examples" / "own_crops.yaml"
CELLS = REAL / "bccd" / "BCCD"
REFERENCE = {
    "logistic regression": 0.925,
    "perceptron": 0.946,
}  # seen elsewhere, with other HOG and colour features

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CELLS.exists(), reason="../shared/real/bccd is absent"),
]


def macro_f1(truth: NDArray[Any], predicted: NDArray[Any], foreground: list[str]) -> float:
    return float(f1_score(truth, predicted, labels=foreground, average="macro", zero_division=0))


def group_interval(truth: Any, predicted: Any, groups: Any, foreground: list[str]) -> tuple[float, float]:
    """95% of the macro F1 over resampled groups."""
    random = np.random.default_rng(0)
    names, member = np.unique(groups, return_inverse=True)
    rows = [np.flatnonzero(member == place) for place in range(len(names))]
    draws = []
    for _ in range(300):
        drawn = np.concatenate([rows[place] for place in random.integers(len(names), size=len(names))])
        draws.append(macro_f1(truth[drawn], predicted[drawn], foreground))
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("cells")
    params = read_block(EXAMPLE, "head_sweep.prepare", Prepare)
    prepare.main(
        params, CELLS, folder / "rows.parquet", folder / "prepared.json", folder / "finished_runs.json"
    )
    return folder


@pytest.fixture(scope="module")
def cells(out: Path) -> Embeddings:
    path = out / "wide" / "embeddings.safetensors"
    embed.main(read_block(EXAMPLE, "head_sweep.embed", Embed), "wide", CELLS, out / "rows.parquet", path)
    return read_embeddings(path)


def test_the_sweep_runs_from_images_to_table(out: Path, tmp_path: Path) -> None:
    """The example's steps on its cheapest encoder: what it trains has to judge cells as well as the reference did."""
    grid = {
        "encoders": ["narrow"],
        "sizes": ["middle"],
        "smoothing": [0],
        "seeds": [1],
        "profiles": ["center_std"],
    }
    stated = read_block(EXAMPLE, "head_sweep.plan", Plan).model_dump()
    linear = {**grid, "sizes": ["linear"], "profiles": ["linear_center_std"]}
    asked = Plan.model_validate({**stated, "preset": "few", "presets": {"few": [grid, linear]}})
    made = tmp_path / "narrow"
    seen = made / "embeddings.safetensors"
    embed.main(read_block(EXAMPLE, "head_sweep.embed", Embed), "narrow", CELLS, out / "rows.parquet", seen)
    plan.main(asked, tmp_path / "plan.json")
    train.main(
        read_block(EXAMPLE, "head_sweep.train", Train), "narrow", tmp_path / "plan.json", seen, made / "runs.json",
        made / "heads.safetensors", made / "logits.npz",
    )  # fmt: skip
    judge = read_block(EXAMPLE, "head_sweep.compare", Compare)
    gathered = {
        name: {"narrow": made / f"{name}.{suffix}"}
        for name, suffix in (
            ("embeddings", "json"),
            ("runs", "json"),
            ("heads", "safetensors"),
            ("logits", "npz"),
        )
    }
    compare.main(
        judge.model_copy(update={"full": "center_std"}), tmp_path / "plan.json", **gathered,
        finished_runs=tmp_path / "finished_runs.json", results=tmp_path / "results", head=tmp_path / "head.safetensors",
        page=tmp_path / "page.html",
    )  # fmt: skip
    table: Any = pd.read_csv(tmp_path / "results" / "runs.csv").set_index("profile")
    print(table[["macro_f1_fg", "macro_f1_fg_low", "macro_f1_fg_high"]])  # noqa: T201 - shown by -rP
    assert table.loc["center_std", "macro_f1_fg_high"] >= REFERENCE["perceptron"]
    assert table.loc["linear_center_std", "macro_f1_fg_high"] >= REFERENCE["logistic regression"]


def test_every_box_is_a_row_but_those_without_area(out: Path) -> None:
    facts = json.loads((out / "prepared.json").read_text())["crops"]
    counts = {name: sum(splits.values()) for name, splits in facts["classes"].items()}
    background = counts.pop("__bg")
    assert counts["RBC"] + counts["WBC"] + counts["Platelets"] == 4155 + 372 + 361 - 2
    assert counts["WBC"] == 372
    assert facts["importer"]["dropped"]["Annotations: width or height is not above 0"] == 2
    assert 900 < background <= 3 * 364
    assert sum(split["groups"] for split in facts["splits"].values()) == 364


def test_the_test_images_are_those_of_group_shuffle_split(cells: Embeddings) -> None:
    groups = np.array(cells.groups)
    _, test = next(GroupShuffleSplit(n_splits=1, test_size=0.2, random_state=42).split(groups, groups=groups))
    assert set(groups[test]) == {
        g for g, part in zip(cells.groups, cells.split, strict=True) if part == "test"
    }
    assert cells.foreground == ["Platelets", "RBC", "WBC"]
    assert len(cells.classes) == 8


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", REFERENCE)
def test_simple_heads_reach_the_reference(cells: Embeddings, name: str) -> None:
    values = cells.values  # noqa: PD011 - no data frame
    values = values / np.linalg.norm(values, axis=1, keepdims=True)
    labels, split = np.array(cells.labels), np.array(cells.split)
    head: Any = LogisticRegression(max_iter=1000)
    if name == "perceptron":
        head = MLPClassifier((256,), early_stopping=True, random_state=0, max_iter=50)
    model = make_pipeline(StandardScaler(), head).fit(values[split != "test"], labels[split != "test"])
    test = split == "test"
    predicted = model.predict(values[test])
    score = macro_f1(labels[test], predicted, cells.foreground)
    low, high = group_interval(labels[test], predicted, np.array(cells.groups)[test], cells.foreground)
    print(f"{name}: macro F1 {score:.3f} [{low:.3f}, {high:.3f}]")  # noqa: T201 - shown by -rP
    assert high >= REFERENCE[name]
    assert low <= score <= high
