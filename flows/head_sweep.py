"""On cached image embeddings, which head recipe is best, and which differences are more than noise?"""

import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # Prefect reads its environment when it is imported
    from flows.walk import settings

    settings.apply(Path.cwd())

from prefect import flow

from flows.walk import flow_run


@flow
def head_sweep(force: bool = False, jobs: flow_run.Jobs = None) -> dict[str, Any]:
    """Embed, train the sweep's heads encoder by encoder, judge them against their own noise, and publish the decision.

    Args:
        force: Run the stages even where nothing changed.
        jobs: How many stages run at once; empty for one on each core.
    """
    return flow_run.experiment("head_sweep", force, jobs)


if __name__ == "__main__":
    sys.exit(flow_run.run_experiment(head_sweep))
