"""A study on Dask workers, one of which dies in mid-stage: what comes out is what this machine makes."""

import json
import os
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.clone import Clone
from tests.flows.dask.cluster import cluster_of, wait_until
from tests.flows.study_clone import PYTHON, clone_with_origin, commit, made_study

pytest.importorskip("distributed", reason="the extra `dask`")
pytestmark = [pytest.mark.nightly, pytest.mark.slow, pytest.mark.timeout(2400)]
REPRODUCE = (PYTHON, "-m", "flows.reproduce", "--study", "fraud", "--no-prefect")
RESULTS = Path("studies/fraud/results/fpr_thresholds")


def on_dask(clone: Clone, address: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*REPRODUCE, "--runner", "dask", "--dask-address", address],
        cwd=clone.path,
        env=clone.environment | {"COLUMNS": "250"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_worker_killed_in_mid_stage_changes_nothing_of_what_comes_out(tmp_path: Path) -> None:
    clone = clone_with_origin(tmp_path)
    made_study(clone)
    refused = clone.try_(*REPRODUCE, "--runner", "dask", "--dask-address", "tcp://127.0.0.1:9")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "study fraud is in no commit that workers could clone: `git add studies/fraud" in refused.stderr
    commit(clone, "fraud")
    clone.run("git", "push", "--quiet", "origin", "HEAD")
    with cluster_of(2, tmp_path, os.environ) as cluster:
        run = on_dask(clone, cluster.address)
        wait_until(lambda: cluster.process_of("fpr_thresholds.score") is not None, "score on a worker", 600)
        process = cluster.process_of("fpr_thresholds.score")
        assert process
        cluster.worker_above(process.pid).kill()
        output = run.communicate(timeout=1200)[0]
    assert run.returncode == 0, output
    assert not psutil.pid_exists(process.pid), "the stage of the dead worker lives on"
    words = " ".join(output.split())
    assert words.count(" died) ") == 1, output
    decision = json.loads(clone.read(str(RESULTS / "decision.json")))
    assert decision["action"] in words.lower()
    commit(clone, "fraud")
    assert "nothing is stale: 4 stages are up to date" in clone.run(*REPRODUCE)
    clone.run(*REPRODUCE, "--force")  # on this machine
    assert clone.changed() == [], "dvc.lock and every table are those of the workers"
