"""A flow run that waits for a person, against one real server."""

import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]

Asked = Callable[..., tuple[UUID, Callable[[], Any]]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Start a flow that asks; its id once it is paused, and a way to wait for its final state."""
    from prefect import flow  # noqa: PLC0415 - after the server's settings
    from prefect.client.orchestration import get_client  # noqa: PLC0415
    from prefect.runtime import flow_run  # noqa: PLC0415

    from flows.walk import approval  # noqa: PLC0415

    monkeypatch.setattr(approval, "POLL", 0.2)
    found: list[UUID] = []

    @flow
    def costly(hours: float, granted_by: str | None) -> str:
        found.append(UUID(flow_run.id))
        return approval.require(
            "Train at full size?", "about 6 GPU hours", hours=hours, granted_by=granted_by
        ).approver

    def start(hours: float = 1, granted_by: str | None = None) -> tuple[UUID, Callable[[], Any]]:
        states: list[Any] = []
        thread = threading.Thread(
            target=lambda: states.append(costly(hours, granted_by, return_state=True)), daemon=True
        )
        thread.start()
        deadline = time.monotonic() + 60
        while thread.is_alive():
            assert time.monotonic() < deadline, "the run never paused"
            if found:
                with get_client(sync_client=True) as client:
                    state = client.read_flow_run(found[0]).state
                if state and state.is_paused() and state.state_details.run_input_keyset:
                    break
            time.sleep(0.1)

        def final() -> Any:
            thread.join(60)
            return states[0]

        return found[0], final

    return start


def resume(run: UUID, **answer: Any) -> None:
    from prefect.client.orchestration import get_client  # noqa: PLC0415

    with get_client(sync_client=True) as client:
        result = client.resume_flow_run(run, run_input=answer)
    assert result.status.value == "ACCEPT", result


def form_of(run: UUID) -> tuple[dict[str, Any], str]:
    """The schema and the text that the page shows."""
    import json  # noqa: PLC0415

    from prefect.client.orchestration import get_client  # noqa: PLC0415

    with get_client(sync_client=True) as client:
        keys = client.read_flow_run(run).state.state_details.run_input_keyset  # type: ignore[union-attr]
        assert keys
        deadline = time.monotonic() + 30
        while True:  # the form is saved a moment after the state
            values = [
                client.request("GET", "/flow_runs/{id}/input/{key}", path_params={"id": run, "key": key})
                for key in (keys["schema"], keys["description"])
            ]
            if all(each.status_code == 200 for each in values) or time.monotonic() > deadline:
                break
            time.sleep(0.1)
    return json.loads(values[0].text), json.loads(values[1].text)


def test_a_yes_lets_the_run_go_on_and_the_form_says_what_is_asked(asked: Asked) -> None:
    run, final = asked()
    schema, text = form_of(run)
    assert set(schema["properties"]) == {"approved", "approver", "note"}
    assert all(field["description"] for field in schema["properties"].values())
    assert "Train at full size?" in text
    assert "6 GPU hours" in text
    resume(run, approved=True, approver="anna", note="tonight")
    assert final().result() == "anna"


def test_a_no_fails_the_run_and_names_who_said_it(asked: Asked) -> None:
    run, final = asked()
    form_of(run)
    resume(run, approved=False, approver="anna", note="too dear")
    state = final()
    assert state.is_failed()
    assert "anna said no. too dear" in state.message


def test_an_answer_without_a_name_is_refused(asked: Asked) -> None:
    run, final = asked()
    form_of(run)
    with pytest.raises(AssertionError):
        resume(run, approved=True, approver="")
    resume(run, approved=True, approver="anna")
    assert final().is_completed()


def test_no_answer_in_time_is_a_no(asked: Asked, caplog: pytest.LogCaptureFixture) -> None:
    assert asked(hours=1 / 3600)[1]().is_failed()
    assert "Nobody answered within" in caplog.text  # the state's own message is the server's


def test_what_was_granted_beforehand_is_not_asked(asked: Asked) -> None:
    assert asked(granted_by="ben")[1]().result() == "ben"


def test_without_a_server_nobody_is_waited_for(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.walk import approval  # noqa: PLC0415

    class NoServer:
        def value(self) -> None:
            return None

    monkeypatch.setattr(approval, "PREFECT_API_URL", NoServer())
    state = asked()[1]()
    assert state.is_failed()
    assert "Nobody can answer a run without a server" in state.message
