"""What the default of fpr_thresholds shows, over seeds of its simulation: `python -m bench.fpr_seeds [seeds]`."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
CODE = ("methods", "params", "storage", "tasks", "simulators", "run_stage.py", "dvc.yaml")
STEPS = (
    "simulators.fpr_thresholds",
    *(f"fpr_thresholds.{step}" for step in ("prepare", "score", "tune", "compare")),
)
WATCHED = ("A_as_is", "B1_full_pool", "N2_forward_chained")


def run(seed: int, folder: Path) -> tuple[str, str, pd.DataFrame]:
    """(chosen, verdict, table) of one seed."""
    for name in CODE:
        (folder / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "run_stage.py", folder / "launcher.py")  # a link would put the repository on the path
    yaml = YAML()
    params = yaml.load(ROOT / "params.yaml")
    params["fpr_thresholds"]["simulate"]["seed"] = seed
    yaml.dump(params, folder / "params.yaml")
    for step in STEPS:
        subprocess.run(
            [sys.executable, "launcher.py", step], cwd=folder, check=True, stdout=subprocess.DEVNULL
        )
    results = folder / "results" / "fpr_thresholds"
    decision = json.loads((results / "decision.json").read_text())
    return decision["chosen"], decision["verdict"], pd.read_csv(results / "table.csv")


def main() -> None:
    seeds = range(1, 1 + int(sys.argv[1] if len(sys.argv) > 1 else 6))
    print(f"{'seed':>4}  {'chosen':20} {'verdict':14} " + "  ".join(f"{name:>28}" for name in WATCHED))
    print(f"{'':40} " + "  ".join(f"{'recall, FPR, broken labels':>28}" for _ in WATCHED))
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            chosen, verdict, table = run(seed, Path(folder))
        cells = []
        for name in WATCHED:
            rows = table[table["option"] == name].set_index("label")
            broken = int((rows["verdict"].drop(["micro", "macro"]) == "violates").sum())
            cells.append(f"{rows['recall']['micro']:.3f}, {rows['fpr']['micro']:.3f}, {broken}")
        print(
            f"{seed:>4}  {chosen:20} {verdict:14} " + "  ".join(f"{cell:>28}" for cell in cells), flush=True
        )


if __name__ == "__main__":
    main()
