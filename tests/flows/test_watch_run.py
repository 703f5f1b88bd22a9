"""A run of the watch as Prefect keeps it: one that holds, one that is open, one that breaks and so fails."""

from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest

from tests.watched import EXPERIMENT, batch, watched_root

pytestmark = pytest.mark.server


@pytest.mark.usefixtures("prefect_server")
def test_runs_say_open_kept_and_broken_and_only_the_last_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.artifacts import Artifact  # noqa: PLC0415
    from prefect.client.orchestration import get_client  # noqa: PLC0415

    from flows.published.watch_run import watch  # noqa: PLC0415

    root = watched_root(tmp_path / "root")
    monkeypatch.chdir(root)
    for name, rate, rows, said, todo in (
        ("week1", 0.01, 200, "open", "go on giving rows with labels"),
        ("week2", 0.001, 2000, "kept", "leave it as it is"),
        ("week3", 0.25, 400, "broken", "adopt something else"),
    ):
        batch(root / "in" / f"{name}.csv", rate, rows)
        state = watch(place="in", experiment=EXPERIMENT, return_state=True)
        assert state.is_failed() == (said == "broken")
        assert (state.message or "").startswith(f"{said}: ")
        with get_client(sync_client=True) as client:
            run = client.read_flow_run(UUID(str(state.state_details.flow_run_id)))
        assert run.name == f"{EXPERIMENT} {said}"
        page = cast(Any, Artifact.get("fpr-thresholds-watch"))
        assert page is not None
        assert f"{name}.csv" in str(page.data)
        assert f"**{said}: " in str(page.data)
        assert todo in str(page.data)
    assert "since row" in (state.message or "")
    again = watch(place="in", experiment=EXPERIMENT, return_state=True)  # nothing new: broken all the same
    assert again.is_failed()
