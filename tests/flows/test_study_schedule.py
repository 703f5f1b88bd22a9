"""Schedules fire: a run appears by itself, makes the study in a worktree, and ends with its decision; a watch's, too."""

import sys
from pathlib import Path
from typing import Any

import pytest

from flows.walk import settings
from tests.clone import Clone, clone_working_tree
from tests.flows.real_server import (
    ENDED,
    Server,
    log_of,
    of_run,
    run_of,
    running_server,
    running_worker,
    wait_until,
)
from tests.flows.study_clone import commit, made_study, scores

pytestmark = [pytest.mark.slow, pytest.mark.server, pytest.mark.timeout(1800)]
STUDY = (sys.executable, "-m", "flows.study")
MONITOR = (sys.executable, "-m", "flows.monitor")


def watch_of(clone: Clone, server: Server) -> dict[str, Any]:
    """The first run of the watch over what the schedule made, once it is here too, of a batch that came."""
    clone.run(sys.executable, "-m", "flows.reproduce", "--study", "fraud", "--no-prefect")
    (clone.path.parent / "inbox").mkdir()
    scores(clone.path.parent / "inbox" / "june.csv", 400)
    when = ("--from", str(clone.path.parent / "inbox"), "--cron", "* * * * *")
    assert clone.run(*MONITOR, "--study", "fraud", *when).startswith("watch/study-fraud runs at '* * * * *'")
    found: list[dict[str, Any]] = []

    def ended() -> bool:
        runs = server.find("flow_runs", flows={"name": {"any_": ["watch"]}})
        found[:] = [each for each in runs if each["state_type"] in ENDED]
        return bool(found)

    wait_until(ended, "a run of the watch")
    return found[0]


def test_what_is_scheduled_runs_ends_with_the_decision_and_leaves_the_checkout_alone(tmp_path: Path) -> None:
    clone = clone_working_tree(tmp_path / "clone")
    made_study(clone)
    clone.environment |= settings.environment(tmp_path)
    refused = clone.try_(*STUDY, "schedule", "fraud", "--interval", "5s")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "study fraud is not committed as it is" in refused.stderr
    commit(clone, "fraud")
    (tmp_path / "server").mkdir()
    with running_server(tmp_path / "server") as server:
        clone.environment["PREFECT_API_URL"] = server.url
        said = clone.run(*STUDY, "schedule", "fraud", "--interval", "5s")
        assert said == "recalibrate/study-fraud runs every 5s, as soon as a worker is there: `make worker`\n"
        with running_worker(clone):
            run = run_of(server, "study-fraud")
            server.ask(
                "POST", f"deployments/{run['deployment_id']}/pause_deployment"
            )  # its late runs are deleted, too
            changed = clone.changed()
            made = (clone.path / "studies" / "fraud" / "results").exists()
            watched = watch_of(clone, server)
        assert run["state_name"] == "Completed", log_of(server, run)
        assert run["auto_scheduled"]
        head = clone.run("git", "rev-parse", "HEAD").strip()
        assert (run["flow_version"], run["name"]) == (head, f"fraud at HEAD ({head[:8]})")
        message = run["state"]["message"]
        assert (
            message
            == "fpr_thresholds: Collect more, to confirm N1_guaranteed for fraud. (cannot tell); stages: 3 run, 1 up to date"
        )
        keys = {each["key"] for each in server.find("artifacts", **of_run(run))}
        assert {"study-fraud--table", "study-fraud--decision", "study-fraud--report"} <= keys
        assert (changed, made) == ([], False)
        assert watched["auto_scheduled"]
        assert watched["name"] == f"fraud {watched['state']['message'].partition(':')[0]}"
        assert {each["key"] for each in server.find("artifacts", **of_run(watched))} >= {"study-fraud--watch"}
        assert "forgot 2 deployments and" in clone.run(*STUDY, "remove", "fraud", "--yes")
        assert server.find("deployments") == []
