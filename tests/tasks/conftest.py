"""Every page that a test of an experiment makes is made once more, with hostile names: it keeps its shape."""

from collections.abc import Iterator
from importlib import import_module
from itertools import count
from typing import Any

import pytest

from storage.files.markdown import finished, unmarked
from tasks.report import templates
from tasks.report.figures import printable
from tests.imports import ROOT
from tests.markdown import HOSTILE, shape

REPORTS = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "tasks").glob("*/comparison/**/report.py"))
]


def hostile(template: str, context: dict[str, Any], first: int) -> str:
    """The page where every text that an expression prints goes on with a hostile name."""
    numbers = count(first)

    def renamed(value: Any) -> Any:
        ours = not isinstance(value, str) or unmarked(value) != value or not value.strip("+-.0123456789[], ")
        return value if ours else value + HOSTILE[next(numbers) % len(HOSTILE)]

    environment = templates._environment().overlay(finalize=renamed)
    return finished(printable(environment.get_template(template).render(context)))


@pytest.fixture(autouse=True, scope="session")
def pages_stand_hostile_names() -> Iterator[None]:
    rounds = count()

    def render(template: str, **context: Any) -> str:
        page = templates.render(template, **context)
        assert shape(hostile(template, context, next(rounds))) == shape(page), template
        return page

    with pytest.MonkeyPatch.context() as patch:
        for name in REPORTS:
            patch.setattr(import_module(name), "render", render)
        yield
