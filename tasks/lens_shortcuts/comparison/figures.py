"""The tables of the page as people read them: cells with intervals, of several seeds the mean and its spread."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from methods.shortcuts.evaluation import Estimate
from methods.shortcuts.grades import Edges
from methods.shortcuts.seed_differences import SeedDifference
from params.lens_shortcuts import Compare
from storage.lenses.stamps import ARCS, LEAK, PLACEBO
from tasks.lens_shortcuts.comparison.choice import Decided, letter, letters
from tasks.lens_shortcuts.comparison.confirmation import Checked
from tasks.lens_shortcuts.comparison.evaluation import REPORT, TEST, Figures, Run, Seed, over_seeds
from tasks.lens_shortcuts.comparison.plots import GATES

NAMES = {
    "core": "core", "radial": "radial", "reliance": "reliance", "placebo": "placebo AUROC", "theta_E": "Einstein radii",
    "theta_E_least": "worst bin", "theta_E_spread": "spread", "auroc": "AUROC",
}  # fmt: skip
HIGHER = ("theta_E_least", "auroc")  # is better
PLAN = {
    "core": (0.60, 0.65), "radial": (0.55, 0.60), "reliance": (0.03, 0.05), "theta_E_least": (0.80, 0.70),
    "theta_E_spread": (0.15, 0.20),
}  # fmt: skip
OURS = {  # what the plan has no edges for: ours, and why
    "placebo": (0.55, 0.60, "ours: the radial gate's, for both ask what is ranked besides the arc"),
    "auroc": (
        0.90,
        0.90,
        "PASS the plan's; FAIL ours: the plan has one edge, and what lies below it does not meet it",
    ),
}


def variants(decided: Decided) -> pd.DataFrame:
    """Figures of the report half."""
    return _rows(decided, lambda run: {**_epoch(run), **_figures(run, REPORT)})


def tested_variants(decided: Decided, against: Mapping[str, SeedDifference]) -> pd.DataFrame:
    control = decided.baseline.name
    return _rows(
        decided,
        lambda run: {
            **_figures(run, TEST),
            "pairs won": cell(over_seeds(run.seeds, lambda seed: seed.test.win_rate)),
            f"against {control}": _difference(against[run.name]) if run.name in against else "",
        },
        mask=False,
    )


def grades(decided: Decided) -> pd.DataFrame:
    columns = ("core", "radial", "auroc", "placebo", "reliance", "theta_E", "theta_E_least", "theta_E_spread")

    def letters_of(run: Run) -> dict[str, str]:
        found = letters(run, decided)
        return {NAMES[name]: found[f"{name}_grade"] for name in columns}

    return _rows(decided, letters_of, mask=False)


def counts(decided: Decided) -> pd.DataFrame:
    """A row a mode and part: variants of a mode are judged on the same rows."""
    records = []
    for run in {run.mode: run for run in reversed(decided.trained)}.values():
        for part in (REPORT, TEST):
            figures = _of(run.seeds[0], part)
            records.append(
                {
                    "stamps": run.mode, "part": part, "positives": figures.positives, "negatives": figures.negatives,
                    f"positives from {run.recipe.reliance_theta_E:g} arcsec on": figures.far_positives,
                    "pairs": figures.win_rate.n,
                }
            )  # fmt: skip
    return pd.DataFrame(records[::-1]).sort_values(["stamps", "part"], kind="stable")


def checked(tested: Mapping[str, Checked]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "gate": NAMES[name], "on test": cell(each.found), **_sides(name, each.edges),
                "grade": letter(each.grade), "clear of FAIL": each.answer,
            }
            for name, each in tested.items()
        ]
    )  # fmt: skip


def edges(decided: Decided, params: Compare) -> pd.DataFrame:
    """The rule, and whose it is."""
    rows = [
        {"gate": NAMES[name], **_sides(name, each), "whose": _whose(name, each)}
        for name, each in vars(decided.rules).items()
    ]
    test = Edges(params.test_auroc, params.test_auroc)
    return pd.DataFrame([*rows, {"gate": "AUROC on test", **_sides("auroc", test), "whose": "as AUROC"}])


def _whose(name: str, found: Edges) -> str:
    if name in OURS and OURS[name][:2] == (found.passes, found.fails):
        return OURS[name][2]
    if name in PLAN and PLAN[name] == (found.passes, found.fails):
        return "the plan's"
    return "set in params.yaml"


def gates(found: pd.DataFrame) -> pd.DataFrame:
    rows = found[found["set"].isin([ARCS, PLACEBO])]
    return pd.DataFrame(
        [
            {
                "stamps": row["mode"], "set": row["set"], "split": row["split"], "gate": GATES[row["gate"]],
                **_classes(row), "AUC": auc(row), "sd over deals": _number(row["seed_sd"]), "finds": finds(row),
            }
            for row in rows.to_dict("records")
        ]
    )  # fmt: skip


def families(found: pd.DataFrame) -> str:
    """Which gates are judged together, and how many they are in each mode."""
    kinds = found["set"].where(~found["set"].str.startswith(LEAK), LEAK)
    names = {PLACEBO: "those on the placebo", ARCS: "those with arcs", LEAK: "those of planted leaks"}
    said = []
    for kind, name in names.items():
        sizes = found[kinds == kind].groupby("mode", sort=False)["family"].first()
        if len(sizes):
            said.append(f"{name} ({', '.join(f'{mode} {size}' for mode, size in sizes.items())})")
    return ", ".join(said)


def leaks(found: pd.DataFrame) -> pd.DataFrame:
    """A row a mode, split and gate, a column a leak."""
    rows = found[found["set"].str.startswith(LEAK)]
    return pd.DataFrame(
        [
            {
                "stamps": mode, "split": split, "gate": GATES[str(gate)], **_classes(of.iloc[0]),
                **{str(row["set"]).removeprefix(LEAK): auc(row) + ("*" if finds(row) == "yes" else "")
                   for row in of.to_dict("records")},
            }
            for (mode, split, gate), of in rows.groupby(["mode", "split", "gate"], sort=False)
        ]
    ).fillna("")  # fmt: skip


def curves(found: pd.DataFrame, far: float) -> pd.DataFrame:
    """A row a set of positives and a hidden radius, a column a variant."""
    names = {"all": "all radii", "large": f"from {far:g} arcsec on"}
    of = found[found["part"] == TEST]
    return pd.DataFrame(
        [
            {
                "positives": names[str(positives)], "n": _counted(rows),
                "hidden": "nothing" if radius == 0 else f"r < {radius:g}", **_by_variant(rows),
            }
            for (positives, radius), rows in of.groupby(["positives", "radius"], sort=False)
        ]
    ).fillna("")  # fmt: skip


def bins(found: pd.DataFrame) -> pd.DataFrame:
    """A row a bin, a column a variant."""
    of = found[found["part"] == TEST]
    last = of["high"].max()
    return pd.DataFrame(
        [
            {
                "Einstein radius": f"[{low:g}, {high:g}{']' if high == last else ')'}", "n": _counted(rows),
                **_by_variant(rows),
            }
            for (low, high), rows in of.groupby(["low", "high"], sort=False)
        ]
    ).fillna("")  # fmt: skip


# --- cells ------------------------------------------------------------------------------------------------------


def cell(found: Estimate) -> str:
    if found.value is None:
        return "undefined"
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def side(name: str, edge: float, fails: bool = False) -> str:
    """Where a gate passes, or fails."""
    return f"{'<' if (name in HIGHER) == fails else '>'} {edge:g}"


def auc(row: Any) -> str:
    if row["status"] != "ok":
        return f"undefined: {row['reason']}"
    return f"{row['auc']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def finds(row: Any) -> str:
    return {"True": "yes", "False": "no"}.get(str(row["finds"]), "undefined")


def _rows(decided: Decided, cells: Any, mask: bool = True) -> pd.DataFrame:
    """A row a variant; of one that was not trained, its state."""
    records = []
    for run in decided.runs:
        row: dict[str, Any] = {"variant": run.name}
        if mask:
            row |= {"stamps": run.mode, "mask": run.mask}
        if run.trained:
            row |= cells(run)
        elif mask:
            row["epoch"] = run.status["status"]
        else:
            continue
        records.append(row)
    return pd.DataFrame(records).fillna("")


def _epoch(run: Run) -> dict[str, str]:
    return {"epoch": "/".join(str(seed.best_epoch) for seed in run.seeds)}


def _figures(run: Run, part: str) -> dict[str, str]:
    def mean(name: str) -> Estimate:
        return over_seeds(run.seeds, lambda seed: getattr(_of(seed, part), name))

    return {
        "AUROC": cell(mean("auroc")) + _sd([_of(seed, part).auroc.value for seed in run.seeds]),
        "placebo": cell(mean("placebo")),
        f"reliance from {run.recipe.reliance_theta_E:g} arcsec": cell(mean("reliance")),
        "reliance, all radii": cell(mean("reliance_all")),
        "worst bin": cell(mean("least")),
        "spread": cell(mean("spread")),
    }


def _of(seed: Seed, part: str) -> Figures:
    return seed.report if part == REPORT else seed.test


def _difference(found: SeedDifference) -> str:
    return f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


def _sides(name: str, found: Edges) -> dict[str, str]:
    return {"PASS": side(name, found.passes), "FAIL": side(name, found.fails, fails=True)}


def _classes(row: Any) -> dict[str, int]:
    return {"positives": int(row["positives"]), "negatives": int(row["n"] - row["positives"])}


def _counted(rows: pd.DataFrame) -> str:
    return "/".join(map(str, dict.fromkeys(rows["positives_counted"])))


def _by_variant(rows: pd.DataFrame) -> dict[str, str]:
    return {
        str(variant): _over_seeds(of) or str(of["reason"].iloc[0])
        for variant, of in rows.groupby("variant", sort=False)
    }


def _over_seeds(rows: pd.DataFrame) -> str:
    """Mean over seeds of value and ends; empty where one has no figure."""
    if rows["auroc"].isna().any():
        return ""
    value, low, high = (rows[name].mean() for name in ("auroc", "auroc_low", "auroc_high"))
    return f"{value:.3f} [{low:.3f}, {high:.3f}]{_sd(rows['auroc'].tolist())}"


def _sd(values: Sequence[float | None]) -> str:
    """Of several seeds' figures."""
    known = [value for value in values if value is not None]
    return f" (sd {np.std(known, ddof=1):.3f})" if 1 < len(known) == len(values) else ""


def _number(value: Any) -> str:
    return "" if pd.isna(value) else f"{value:.3f}"
