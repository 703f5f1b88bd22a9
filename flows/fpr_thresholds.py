"""Which calibration set, and which rule, holds a false-positive budget on later data?"""

import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # Prefect reads its environment when it is imported
    from flows.walk import settings

    settings.apply(Path.cwd())

from prefect import flow

from flows.walk import flow_run


@flow
def fpr_thresholds(force: bool = False, jobs: flow_run.Jobs = None) -> dict[str, Any]:
    """Tune per-label thresholds on ten calibration sets, compare them on the holdout, and publish the decision.

    Args:
        force: Run the stages even where nothing changed.
        jobs: How many stages run at once; empty for one on each core.
    """
    return flow_run.experiment("fpr_thresholds", force, jobs)


if __name__ == "__main__":
    sys.exit(flow_run.run_experiment(fpr_thresholds))
