"""How much of a walk is done, as an artifact of its flow run that follows it."""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import copy_context
from typing import cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from flows.published.headline import decided
from flows.walk.durations import Course, TimeEstimate
from flows.walk.order import StageOutcome
from flows.walk.plan import WalkPlan
from tasks.report.templates import render

LISTED = 200


class ProgressPage:
    """What a walk has decided, how much of it is done, what runs, what waits: an artifact that follows the walk.

    A thread of its own sends it, so that the walk never waits for the API.
    """

    KEY = "stages-progress"
    PAUSE = 1.0  # seconds between updates at least: each costs a request
    PATIENCE = 5.0  # seconds before an API that did not answer is asked again

    def __init__(self, run: WalkPlan, estimate: TimeEstimate) -> None:
        self._run, self._course = run, Course(estimate)
        self._decided: list[str] = []
        self._failed: list[str] = []
        self._latest = (0.0, "")
        self._news, self._closed = threading.Event(), threading.Event()

    def settled(self, outcome: StageOutcome) -> None:
        self._course.settled(outcome)
        if not outcome.succeeded:
            self._failed.append(outcome.stage)
        if headline := decided(self._run.root, outcome):
            self._decided.append(headline)

    def moved(self, running: Collection[str], waiting: Mapping[str, str]) -> None:
        self._course.moved(running)
        done, stages = len(self._course.done), len(self._run.stages)
        text = render(
            "flows/published/progress.md.j2",
            done=done,
            stages=stages,
            left=self._course.time_left() if running else "",
            decided=self._decided,
            failed=self._failed,
            running=list(running),
            waiting=dict(list(waiting.items())[:LISTED]),
        )
        self._latest = (100 * done / stages, text)
        self._news.set()

    def send(self, unanswered: Callable[[], None]) -> None:
        """Until `close`. Where the API does not answer, `unanswered` is told once, and it is asked again later."""
        artifact: UUID | None = None
        while not (self._closed.is_set() and not self._news.is_set()):
            self._news.wait()
            self._news.clear()
            share, text = self._latest
            try:
                with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
                    if artifact is None:
                        artifact = cast(UUID, create_progress_artifact(share, key=self.KEY, description=text))
                    else:
                        update_progress_artifact(artifact, share, description=text)
            except Exception:  # whatever an API can answer or not: it costs the page, never the walk
                unanswered()
                unanswered = _nothing_more
                self._news.set()
                if self._closed.wait(self.PATIENCE):
                    return
            self._closed.wait(self.PAUSE)

    def close(self) -> None:
        self._closed.set()


def _nothing_more() -> None:
    pass


@contextmanager
def progress_page(
    run: WalkPlan, estimate: TimeEstimate, unanswered: Callable[[], None]
) -> Iterator[ProgressPage]:
    """Inside a flow run. An API that goes away costs the page, not the walk."""
    page = ProgressPage(run, estimate)
    sender = threading.Thread(
        target=copy_context().run, args=(page.send, unanswered), name="progress page", daemon=True
    )
    sender.start()
    try:
        yield page
    finally:
        page.close()
        sender.join(timeout=10)
