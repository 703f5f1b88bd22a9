"""Does a temperature fitted on dev make confidence honest on unseen groups, and what improves accuracy?"""

import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # Prefect reads its environment when it is imported
    from flows.walk import settings

    settings.apply(Path.cwd())

from prefect import flow

from flows.walk import flow_run


@flow
def speech_temperature(force: bool = False, jobs: flow_run.Jobs = None) -> dict[str, Any]:
    """Train three seeds, calibrate each on dev, compare what recalibration is worth on test, and publish the decision.

    Args:
        force: Run the stages even where nothing changed.
        jobs: How many stages run at once; empty for one on each core.
    """
    return flow_run.experiment("speech_temperature", force, jobs)


if __name__ == "__main__":
    sys.exit(flow_run.run_experiment(speech_temperature))
