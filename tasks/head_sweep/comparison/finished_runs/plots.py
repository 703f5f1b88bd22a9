"""One picture: each profile's difference from the control, with its interval over seeds."""

from pathlib import Path

from matplotlib.figure import Figure

from storage.files.images import write_figure
from tasks.head_sweep.comparison.evaluation import PARTS
from tasks.head_sweep.comparison.finished_runs.decision import FinishedComparison
from tasks.head_sweep.comparison.plots import COLOURS, PALE
from tasks.head_sweep.comparison.tables import PREFIX

MARKS = {"test": ("o", 4.5, -0.12), "validation": ("D", 3.5, 0.18)}


def forest(path: Path, comparison: FinishedComparison) -> None:
    evaluation = comparison.evaluation
    factor = 1 if evaluation.sweep.scale == "raw" else 100
    rows = comparison.others[comparison.others["delta"].notna()].to_dict("records")
    figure = Figure(figsize=(7.6, 1.8 + 0.32 * max(len(rows), 1)), layout="constrained")
    ax = figure.subplots()
    for part in (each for each in PARTS if each in evaluation.parts):
        mark, size, shift = MARKS[part]
        for place, row in enumerate(rows):
            prefix = PREFIX[part]
            colour = COLOURS.get(row[f"{prefix}verdict"], PALE)
            span = [factor * row[f"{prefix}delta_{end}"] for end in ("low", "high")]
            ax.plot(span, [place + shift] * 2, color=colour, linewidth=1.4)
            ax.plot(factor * row[f"{prefix}delta"], place + shift, mark, color=colour, markersize=size,
                    markerfacecolor=colour if part == "test" else "white", label=part if place == 0 else None)  # fmt: skip
    ax.axvline(0, color="0.4", linewidth=0.8)
    ax.set_yticks(range(len(rows)), [f"{row['profile']} ({row['pairs']})" for row in rows], fontsize=8)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    unit = "score" if factor == 1 else "points"
    ax.set_xlabel(
        f"difference from {evaluation.control} in {unit}, above 0 is better (in brackets: pairs of runs)",
        fontsize=8,
    )
    ax.set_title(f"Finished runs: means and {evaluation.level:.0%} intervals over seeds", fontsize=9)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=8)
    if rows:
        ax.legend(frameon=False, fontsize=8)
    write_figure(path, figure)
