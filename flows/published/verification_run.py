"""Verification as a flow run: each stage a task run, and artifacts that say cell for cell what came out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect import State, flow
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows.published import artifacts
from flows.published.verdicts import FileVerdict, verdict_of
from flows.walk.flow_run import run_as_tasks
from flows.worktrees.verification import Witness, agreement, verify, verify_everything
from flows.worktrees.worktree import at, commit_of


class NotTheSame(RuntimeError):
    pass


def _run_name() -> str:
    asked = flow_run.parameters
    return f"verify {f'{study} at ' if (study := asked['study']) else ''}{at(asked['rev'])}"


@flow(name="verify", flow_run_name=_run_name)
def verification(
    rev: str = "HEAD",
    experiments: list[str] | None = None,
    quick: bool = False,
    study: str | None = None,
    studies: bool = False,
) -> State[Any]:
    """Make the tables of a commit again in a clean worktree, and say cell for cell whether they came out the same.

    Args:
        rev: The commit, branch or tag to verify, as the worker's clone knows it.
        experiments: The experiments to make again; empty for all whose results the commit holds.
        quick: Run nothing; only ask whether dvc.lock agrees with code and parameters.
        study: The study to make again; empty: the repository's own experiments.
        studies: Also make every study of the commit again.
    """
    commit = commit_of(Path.cwd(), rev)
    artifacts.record_version(commit)
    return _verified(commit, experiments or [], quick, study, studies)[1]


def verified_in_a_flow_run(
    commit: str, experiments: Sequence[str], study: str | None = None, studies: bool = False,
    witness: Witness | None = None,
) -> list[FileVerdict]:  # fmt: skip
    """A flow run of its own for a commit that was found already. Raises VerifyError."""
    found: list[FileVerdict] = []

    @flow(name=verification.name, flow_run_name=f"verify {commit[:12]}", version=commit)
    def planned() -> State[Any]:
        checked, state = _verified(commit, experiments, False, study, studies, witness)
        found.extend(checked)
        return state

    state: State[Any] = planned(return_state=True)
    if not found:
        state.result()  # raises what ended it
    return found


def _verified(
    commit: str, experiments: Sequence[str], quick: bool, study: str | None, studies: bool,
    witness: Witness | None = None,
) -> tuple[list[FileVerdict], State[Any]]:  # fmt: skip
    """Inside a flow run."""
    root, logger = Path.cwd(), get_run_logger()

    def check(name: str | None) -> list[FileVerdict]:
        if quick:
            return agreement(root, commit, name)
        return verify(root, commit, experiments, run_as_tasks, name, witness)

    checked = verify_everything(root, commit, check) if studies else check(study)
    for each in checked:
        if not each.holds:
            logger.error("%s %s: %s", each.name, each.verdict, each.detail)
        elif each.detail:
            logger.warning("%s %s: %s", each.name, each.verdict, each.detail)
    verdict = verdict_of(checked, commit, quick)
    logger.info(verdict)
    key = f"{f'{artifacts.STUDY}{study}--' if study else ''}verify{'-quick' if quick else ''}"
    artifacts.verification_artifacts(checked, verdict, commit, key)
    if all(each.holds for each in checked):
        return checked, Completed(message=verdict)
    return checked, Failed(message=verdict, data=NotTheSame(verdict))
