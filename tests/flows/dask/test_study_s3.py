"""An S3 bucket as the repository's DVC remote serves its studies, too: keys in config.local, nothing set twice."""

import subprocess
from pathlib import Path

import pytest

from tests.clone import IDENTITY, Clone
from tests.flows.dask.bucket import running_store
from tests.flows.study_clone import PYTHON, clone_with_origin, commit, made_study

pytest.importorskip("dvc_s3", reason="the extra `s3`")
pytest.importorskip("moto", reason="what stands in for S3")
pytestmark = [pytest.mark.nightly, pytest.mark.slow, pytest.mark.timeout(2400)]
REPRODUCE = (PYTHON, "-m", "flows.reproduce", "--study", "fraud", "--no-prefect")


def test_a_study_is_pushed_pulled_and_refused_as_the_repository_is(tmp_path: Path) -> None:
    with running_store(tmp_path) as store:
        clone = clone_with_origin(tmp_path)
        clone.run("dvc", "remote", "modify", "store", "url", "s3://bucket/mine")
        clone.run("dvc", "remote", "modify", "store", "endpointurl", store.endpoint)
        clone.run("git", *IDENTITY, "commit", "--quiet", "--no-verify", "-am", "a bucket")
        clone.environment |= store.settings
        made_study(clone)

        refused = clone.try_(*REPRODUCE, "--push")
        assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 2)
        assert "the DVC remote 'store' (s3://" in refused.stderr
        assert "give it credentials that may read and write there" in refused.stderr
        for name, value in (("access_key_id", store.key), ("secret_access_key", store.secret)):
            clone.run("dvc", "remote", "modify", "--local", "store", name, value)
        said = clone.run(*REPRODUCE, "--push")
        assert said.startswith("nothing is stale: 4 stages are up to date\npushed to the DVC remote")
        commit(clone, "fraud")
        assert store.secret not in clone.run("git", "show", "HEAD")

        other = Clone(tmp_path / "other")
        subprocess.run(["git", "clone", "--quiet", str(clone.path), str(other.path)], check=True)
        other.environment |= store.settings
        missing = other.try_(*REPRODUCE)
        assert "data/ is missing\n  -> `make data STUDY=fraud` pulls it" in missing.stderr
        keyless = other.try_(*REPRODUCE, "--pull")
        assert "give it credentials" in keyless.stderr
        assert "Traceback" not in keyless.stderr
        other.environment |= store.credentials
        pulled = other.run(*REPRODUCE, "--pull")
        assert pulled.startswith("nothing is stale: 4 stages are up to date")
        assert other.changed() == []
        assert (other.path / "studies/fraud/artifacts/fpr_thresholds/adopted.json").exists()
