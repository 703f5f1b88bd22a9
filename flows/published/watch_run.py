"""Taking new batches as a flow run: its name and its end say the verdict, an artifact says the rest."""

import logging
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import State, flow
from prefect.client.orchestration import get_client
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows.published import artifacts
from flows.studies.folder import study_folder
from flows.studies.inside import inside
from flows.watching.watch import take_new_batches, watched_experiment
from flows.worktrees.worktree import commit_of
from tasks.watch.lines import headline, meaning, moved, overall, page
from tasks.watch.record import WatchState


class PromiseBroken(RuntimeError):
    pass


def _run_name() -> str:
    asked = flow_run.parameters
    return f"watch {asked['study'] or asked['experiment']}"


@flow(name="watch", flow_run_name=_run_name)
def watch(
    place: str, experiment: str | None = None, study: str | None = None, in_order: bool = False
) -> State[Any]:
    """Take the batches that are new in a folder into a watch, and say whether what was adopted still holds.

    The run fails where a promise is broken, and fails again at each later run until something else is adopted. The
    record lives in watch/ of the worker's clone, or of the study there; watch.dvc pins it.

    Args:
        place: The folder that batches come to, or a pattern such as inbox/*.csv; each file is taken once.
        experiment: The experiment that is watched; empty for that of the study.
        study: The study that is watched; empty: the repository's own experiment.
        in_order: Rows without times stand in the file as they came; otherwise they count in a random order.
    """
    repository, logger = Path.cwd(), get_run_logger()
    commit = commit_of(repository, "HEAD")
    artifacts.record_version(commit)
    root = study_folder(repository, study) if study else repository
    with inside(root, refresh=False):
        named = watched_experiment(root, experiment)
        state, taken = take_new_batches(root, named, place, None, in_order)
        logger.info("taken: %s", ", ".join(taken) or "nothing new")
        return _published(root, state, study or named, commit)


def _published(root: Path, state: WatchState, name: str, commit: str) -> State[Any]:
    said, sentence = overall(state), headline(state)
    key = f"{artifacts.slug_of(root, state.experiment)}-watch"
    artifacts.publish_markdown(page(state, name), key, f"{sentence}\n\ncommit `{commit[:12]}`")
    with get_client(sync_client=True) as client:
        client.update_flow_run(UUID(flow_run.id), name=f"{name} {said}")
    get_run_logger().info(meaning(state))
    for line in moved(state):
        get_run_logger().log(logging.INFO if said == "kept" else logging.WARNING, line)
    if said == "broken":
        return Failed(message=sentence, data=PromiseBroken(sentence))
    return Completed(message=sentence)
