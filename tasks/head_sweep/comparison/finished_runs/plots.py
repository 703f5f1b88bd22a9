"""One picture: each profile's difference from the control, with its interval over seeds."""

from pathlib import Path

from tasks.head_sweep.comparison.evaluation import PARTS
from tasks.head_sweep.comparison.finished_runs.decision import FinishedComparison
from tasks.head_sweep.comparison.plots import TOLD
from tasks.head_sweep.comparison.tables import PREFIX
from tasks.report.plots import INK, PLAIN, Roles, Style, blank, edge, panel, reach, rows, write

SHIFT = {"test": -0.14, "validation": 0.18}


def forest(path: Path, comparison: FinishedComparison) -> None:
    evaluation = comparison.evaluation
    factor = 1 if evaluation.sweep.scale == "raw" else 100
    order = comparison.others[comparison.others["delta"].notna()].to_dict("records")
    figure = blank(
        1.4 + 0.3 * max(len(order), 1), f"What each profile adds to {evaluation.control}",
        f"Means and {evaluation.level:.0%} intervals over seeds. Filled: test. Hollow: validation, where there is one, which "
        "chooses. Dark: told apart from no change; grey: not; orange: chosen. In brackets: pairs of runs.",
    )  # fmt: skip
    ax = figure.subplots()
    roles = Roles(comparison.choice.chosen, None)
    rows(
        ax,
        [f"{row['profile']} ({row['pairs']})" for row in order],
        [roles.style(row["profile"]) for row in order],
    )
    for part in (each for each in PARTS if each in evaluation.parts):
        prefix = PREFIX[part]
        for place, row in enumerate(order):
            told = row[f"{prefix}verdict"] in TOLD
            own = roles.style(row["profile"])
            style = own if own.said else Style(INK, "o", 5, 1.6, 4) if told else PLAIN
            low, high = (factor * row[f"{prefix}delta_{end}"] for end in ("low", "high"))
            at, value = place + SHIFT[part], factor * row[f"{prefix}delta"]
            reach(ax, at, value, (low, high), style)
            if part != "test":
                ax.plot(value, at, style.marker, color=style.colour, markersize=style.size,
                        markerfacecolor="white", zorder=style.order)  # fmt: skip
    edge(ax, 0, f"{evaluation.control}, the control")
    panel(ax, "", f"{'score' if factor == 1 else 'points'}: right is better", edged=True)
    write(path, figure)
