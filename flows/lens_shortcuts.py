"""Can a lens finder be trained that does not live on shortcuts, and which training variant earns full training?"""

import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # Prefect reads its environment when it is imported
    from flows.walk import settings

    settings.apply(Path.cwd())

from prefect import flow

from flows.walk import flow_run


@flow
def lens_shortcuts(force: bool = False, jobs: flow_run.Jobs = None) -> dict[str, Any]:
    """Render, gate, train, walk the decision tree, compare the variants, and publish the decision.

    Args:
        force: Run the stages even where nothing changed.
        jobs: How many stages run at once; empty for one on each core.
    """
    return flow_run.experiment("lens_shortcuts", force, jobs)


if __name__ == "__main__":
    sys.exit(flow_run.run_experiment(lens_shortcuts))
