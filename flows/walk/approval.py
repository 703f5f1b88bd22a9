"""A person's yes before something costly starts: the flow run pauses, and its page shows a form to fill in.

Inside a flow, before the stages that cost hours or money:

    granted = approval.require(
        "Train all five variants at full size?",
        facts="29,108 training stamps, about 6 GPU hours",
        points={"data": "The sample was looked at"},  # an experiment's checklist; may stay empty
        granted_by=granted_by,  # a parameter of the flow: `str | None = None`
    )

The run's state becomes *Paused*; **Resume** on its page opens the form with the question, the facts and the checklist.
A no, a point left unticked, or no answer in time raises `NotApproved` and with it fails the run, before anything has
started.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

from prefect.exceptions import FlowPauseTimeout
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from prefect.logging import get_run_logger
from prefect.settings import PREFECT_API_URL
from pydantic import Field, create_model

POLL = 5  # seconds


class NotApproved(RuntimeError):
    pass


class Approval(RunInput):
    """The form: what a person answers."""

    approved: bool = Field(
        default=False, description="Yes: what the question asks for starts at once. No: the run ends here."
    )
    approver: str = Field(min_length=1, description="Who answers; it stays in the log of the run.")
    note: str = Field(default="", description="Why, or under which condition; may stay empty.")


def form_of(points: Mapping[str, str]) -> type[Approval]:
    """The form with a tick for each point, above the signature."""
    ticks: dict[str, Any] = {
        name: (bool, Field(default=False, description=text)) for name, text in points.items()
    }
    checklist = create_model("Checklist", __base__=RunInput, **ticks)
    bases: Any = (Approval, checklist)  # the last one's fields come first
    return cast("type[Approval]", create_model(Approval.__name__, __base__=bases))


def require(
    question: str,
    facts: str,
    points: Mapping[str, str] = MappingProxyType({}),
    hours: float = 24,
    granted_by: str | None = None,
) -> Approval:
    """Inside a flow run: pause until a person has said yes. Raises `NotApproved`.

    `facts` is markdown: what it will cost, on which data, and what it is for. `points`: name -> what to tick, all of
    them, before a yes counts. `granted_by` names who has said yes, to each point too, beforehand, for runs that nobody
    watches: nothing is asked then.
    """
    logger = get_run_logger()
    if granted_by:
        logger.info("%s Granted beforehand by %s.", question, granted_by)
        return Approval(approved=True, approver=granted_by, note="granted beforehand")
    if not PREFECT_API_URL.value():
        raise NotApproved(
            f"{question} Nobody can answer a run without a server: start it from the page of `make ui`, "
            "or name who has granted it (granted_by)"
        )
    logger.info("%s Waiting up to %g hours for an answer: Resume on the page of this run.", question, hours)
    form = form_of(points).with_initial_data(description=f"**{question}**\n\n{facts}")
    try:
        answer = pause_flow_run(wait_for_input=form, timeout=round(hours * 3600), poll_interval=POLL)
    except FlowPauseTimeout as error:
        raise NotApproved(f"{question} Nobody answered within {hours:g} hours") from error
    if not answer.approved:
        raise NotApproved(f"{question} {answer.approver} said no. {answer.note}".rstrip())
    unticked = [name for name in points if not getattr(answer, name)]
    if unticked:
        raise NotApproved(
            f"{question} {answer.approver} left unticked: {', '.join(unticked)}. {answer.note}".rstrip()
        )
    logger.info("%s Approved by %s. %s", question, answer.approver, answer.note)
    return Approval(approved=True, approver=answer.approver, note=answer.note)
