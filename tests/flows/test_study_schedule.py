"""A study's schedule fires: a run appears by itself, makes the study in a worktree, and ends with its decision."""

import sys
from pathlib import Path

import pytest

from flows.walk import settings
from tests.clone import clone_working_tree
from tests.flows.real_server import of_run, run_of, running_server, running_worker
from tests.flows.study_clone import commit, made_study

pytestmark = [pytest.mark.slow, pytest.mark.server, pytest.mark.timeout(1800)]
STUDY = (sys.executable, "-m", "flows.study")


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
            server.ask("PATCH", f"deployments/{run['deployment_id']}", paused=True)
        log = "\n".join(
            each["message"] for each in server.find("logs", logs={"flow_run_id": {"any_": [run["id"]]}})
        )
        assert run["state_name"] == "Completed", log
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
        assert clone.changed() == []
        assert not (clone.path / "studies" / "fraud" / "results").exists()
        assert "forgot 1 deployment and" in clone.run(*STUDY, "remove", "fraud")
        assert server.find("deployments") == []
