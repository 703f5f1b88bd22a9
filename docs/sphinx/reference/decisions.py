"""The words of decision.json: its keys, actions and grades, as tasks/report has them."""

from collections.abc import Mapping
from pathlib import Path

from ruamel.yaml import YAML

from docs.sphinx.reference.markdown import code, page, sentence, table
from docs.sphinx.reference.params import kind
from tasks.report.decision import Decision

HEADINGS = {"action": "Actions: what to do", "grade": "Grades: may I trust it", "key": "Keys"}


def decision_words(root: Path) -> Mapping[str, Mapping[str, str]]:
    found: Mapping[str, Mapping[str, str]] = YAML(typ="safe").load(root / "tasks" / "report" / "words.yaml")
    return found


def decision_page(root: Path) -> str:
    words = decision_words(root)
    parts = [
        "# decision.json",
        "One small vocabulary for all experiments; [how a decision reads](../decision.md) puts it to use.",
    ]
    for name in ("action", "grade"):
        rows = ([code(word), sentence(text)] for word, text in words[name].items())
        parts += [f"## {HEADINGS[name]}", table([name, "what it means"], rows)]
    types = Decision.model_json_schema()["properties"]
    rows = ([code(name), sentence(text), _type(types[name])] for name, text in words["key"].items())
    return page(*parts, f"## {HEADINGS['key']}", table(["key", "what it says", "type"], rows))


def _type(schema: Mapping[str, object]) -> str:
    """Without links: what a list holds stands in the words."""
    return "a word of the above" if "$ref" in schema else kind(schema).split(" of [")[0]
