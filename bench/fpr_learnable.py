"""How often is a label called learnable that is not, and how often one that is? `python -m bench.fpr_learnable [draws]`

*AUROC* is the rule as it was: DeLong's interval lies above .5. *Oracle* is `oracle_recall`: the best threshold within a budget
of 2% catches more than chance would, and a tenth of the positives. Normal scores, 400 negatives; `gap`: in their standard
deviations. Recall inside the budget of the gap is in the second column: *chance* of no gap, and too little of .5, are no help.
"""

import sys

import numpy as np
import pandas as pd
from scipy.stats import norm

from bench.wald import wald_interval
from methods.budgets.learnability import Help, HelpRule, LabelRows, oracle_recall
from methods.statistics.streams import stream
from storage.files.markdown import markdown_table

RULE, NEGATIVES, SEED = HelpRule(0.02, 0.1, 0.95), 400, 1414
POSITIVES, GAPS = (2, 5, 10, 25, 100), (0.0, 0.5, 1.5, 2.5)


def row(positives: int, gap: float, draws: int) -> dict[str, str]:
    rng = stream(SEED, f"{positives} {gap}")
    positive = np.arange(NEGATIVES + positives) < positives
    before, found = np.zeros(draws), []
    for number in range(draws):
        scores = rng.normal(size=len(positive)) + gap * positive
        groups = np.arange(len(positive))
        before[number] = wald_interval(scores, positive, groups, RULE.level).low > 0.5
        found.append(oracle_recall(LabelRows(scores, positive, groups), RULE).kind)
    shares = {str(kind): f"{np.mean([each == kind for each in found]):.3f}" for kind in Help}
    return {
        "positives": str(positives), "recall at 2%": f"{norm.sf(norm.isf(RULE.max_fpr) - gap):.3f}",
        "AUROC: learnable": f"{before.mean():.3f}", **{f"oracle: {name}": share for name, share in shares.items()},
    }  # fmt: skip


def main(draws: int) -> None:
    sys.stdout.write(
        f"{draws} draws a row: a share of .05 is known to {np.sqrt(0.05 * 0.95 / draws):.3f}.\n\n"
    )
    rows = [row(positives, gap, draws) for gap in GAPS for positives in POSITIVES]
    sys.stdout.write(markdown_table(pd.DataFrame(rows)) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
