"""The cells of the report's table and sentences: a mean with its spread, a range of seeds, an interval."""

from typing import Any

import pandas as pd


def compact(table: pd.DataFrame) -> pd.DataFrame:
    rows = table.to_dict("records")
    return pd.DataFrame(
        {
            "method": table["option"],
            "accuracy": [_spread(row, "accuracy") for row in rows],
            "balanced": [f"{row['balanced_accuracy']:.3f}" for row in rows],
            "recall A (groups)": [f"{row['recall_A']:.3f} ({row['groups_A']})" for row in rows],
            "recall B (groups)": [f"{row['recall_B']:.3f} ({row['groups_B']})" for row in rows],
            "AUC": [_spread(row, "auc") for row in rows],
            "NLL": [_spread(row, "nll") for row in rows],
            "Brier": [f"{row['brier']:.3f}" for row in rows],
            "ECE": [_spread(row, "ece") for row in rows],
            "null": [seed_range(row, "ece_null") for row in rows],
            "p": [p_value(row) for row in rows],
            "NLL - control": [f"{row['delta_nll']:+.3f}" for row in rows],
            "verdict": table["verdict"],
            "status": table["status"],
        }
    )


def _spread(row: dict[Any, Any], name: str) -> str:
    sd = row[f"{name}_sd"]
    return f"{row[name]:.3f}" if pd.isna(sd) else f"{row[name]:.3f} ± {sd:.3f}"


def seed_range(row: dict[Any, Any], name: str) -> str:
    """Of the seeds, the least and the most."""
    least, most = (f"{row[f'{name}_{end}']:.3f}" for end in ("least", "most"))
    return least if least == most else f"{least} to {most}"


def p_value(row: dict[Any, Any]) -> str:
    if pd.isna(row["ece_p_most"]):
        return "refused"
    return "< .001" if row["ece_p_most"] < 0.001 else seed_range(row, "ece_p")


def interval(row: dict[Any, Any], name: str) -> str:
    if pd.isna(row[f"{name}_low"]):
        return f"{row[name]:.3f} (no interval: too few groups)"
    return f"{row[name]:.3f} [{row[f'{name}_low']:.3f}, {row[f'{name}_high']:.3f}]"
