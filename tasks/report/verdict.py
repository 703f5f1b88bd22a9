"""A decision in the words that every reader uses: pages, terminal and Prefect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.report.templates import ACTIONS, Reason, sentences


@dataclass(frozen=True)
class Verdict:
    """headline: what to do. reasons: the strongest first. requirements: what would change it."""

    headline: str
    grade: str
    action: str
    reasons: Sequence[str]
    better: Sequence[str]
    requirements: Sequence[str]


def verdict(decision: Mapping[str, Any]) -> Verdict:
    def said(kind: str, **figures: Any) -> str:
        return sentences(ACTIONS, [Reason(kind, figures)])[0]

    return Verdict(
        said("headline", decision=decision),
        said("grade", decision=decision),
        decision["action"],
        [sentence(each["text"]) for each in decision["reasons"]],
        [sentence(said("better", each=each)) for each in decision["better_than_chosen"]],
        [sentence(said("requirement", each=each)) for each in decision["would_change"]],
    )


def sentence(text: str) -> str:
    """A reason as a paragraph of its own; a name that opens it keeps its letters."""
    first, *_ = text.split(maxsplit=1) or [""]
    opened = text[:1].upper() + text[1:] if first.isalpha() and first.islower() else text
    return opened if opened.endswith((".", "!", "?")) else f"{opened}."
