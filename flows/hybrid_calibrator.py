"""Does a blend of a dense and a structured expert accept detection candidates better than one XGBoost model?"""

import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # Prefect reads its environment when it is imported
    from flows.walk import settings

    settings.apply(Path.cwd())

from prefect import flow

from flows.walk import flow_run


@flow
def hybrid_calibrator(force: bool = False, jobs: flow_run.Jobs = None) -> dict[str, Any]:
    """Blend two experts per variant, compare with XGBoost, raw detectors and their union, and publish the decision.

    Args:
        force: Run the stages even where nothing changed.
        jobs: How many stages run at once; empty for one on each core.
    """
    return flow_run.experiment("hybrid_calibrator", force, jobs)


if __name__ == "__main__":
    sys.exit(flow_run.run_experiment(hybrid_calibrator))
