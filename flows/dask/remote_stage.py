"""One stage on a machine that runs nothing else of the walk: inputs pulled, stage reproduced, outputs pushed.

`python -m flows.dask.remote_stage <stage> <reply.json> <folder> [--force]`, in a clone that a Dask worker made. Ends, and its stage
with it, when its standard input ends: the worker holds the other end.
"""

import argparse
import json
import os
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flows.dask import exchange
from flows.pinned import lock_file
from flows.pinned.errors import GraphError
from flows.pinned.stage import Stage
from flows.studies.inside import inside
from flows.walk import resources, settings
from flows.walk.order import StageOutcome
from flows.walk.plan import WalkPlan
from flows.walk.runners import local_processes


def reproduced(root: Path, name: str, force: bool) -> dict[str, Any]:
    """The outcome, and the stage's lines of dvc.lock where it succeeded."""
    try:
        exchange.pull_inputs(root, name)
        run = WalkPlan(
            root,
            {name: Stage(name, (), ("its upstreams are done",))},
            resources.needs(root / "params.yaml", [name]),
            force,
            jobs=1,
        )
        with local_processes(run) as here:
            outcome = here.reproduce(name)
        if outcome.succeeded:
            exchange.push_stage(root, name)
    except GraphError as error:
        outcome = StageOutcome(name, "failed", "", error=str(error))
    lines = lock_file.entry(root, name) if outcome.succeeded else ""
    return {"outcome": asdict(outcome), "lock": lines}


def _end_with_the_worker() -> None:
    sys.stdin.buffer.read()
    os._exit(1)  # the watchdog of the stage ends what the stage started


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m flows.dask.remote_stage", description=__doc__)
    parser.add_argument("stage")
    parser.add_argument("reply", type=Path, help="where the outcome goes")
    parser.add_argument("folder", type=Path, help="of the walk: a study's, or . for the repository itself")
    parser.add_argument("--force", action="store_true")
    asked = parser.parse_args()
    root = Path.cwd()
    settings.apply(root)
    threading.Thread(target=_end_with_the_worker, daemon=True).start()
    reply: Path = asked.reply
    with inside((root / asked.folder).resolve(), refresh=False) as folder:
        reply.write_text(json.dumps(reproduced(folder, asked.stage, asked.force)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
