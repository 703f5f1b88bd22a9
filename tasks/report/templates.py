"""Words for people stand in templates; here they meet their figures.

A template is named by its path in the repository, as in `render("tasks/head_sweep/comparison/report.md.j2", ...)`: a
module that names one depends on it (`flows.pinned.code`). A figure that a template asks for and is not given is an
error.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

from storage.files.markdown import bullets, finished, marked, table_rows, unmarked
from tasks.report import figures

ROOT = Path(__file__).parents[2]
ACTIONS = "tasks/report/decision.j2"  # every template has its macros: what a decision asks of a person
IN_EXPRESSIONS = {ord(char): marked(char) for char in "\n|`*[]<>&\\~$"}  # what no key or comparison has


@dataclass(frozen=True)
class Reason:
    """One claim of a decision: its kind names the macro that says it, its figures are what the macro is given."""

    kind: str
    figures: Mapping[str, Any] = field(default_factory=dict)


def render(template: str, **context: Any) -> str:
    """Markdown of the template; what the context brings is words, whatever characters it has."""
    return finished(figures.printable(_environment().get_template(template).render(context)))


def render_html(template: str, **context: Any) -> str:
    """HTML of the template; what the context brings is words, unless the template says that it is HTML."""
    made = _environment(html=True).get_template(template).render(context)
    return "\n".join(line.rstrip() for line in made.splitlines()) + "\n"


def sentences(template: str, reasons: Iterable[Reason]) -> list[str]:
    """Each reason by the macro of its kind, as plain text; white space is one blank."""
    macros = _environment().get_template(template).module
    return [" ".join(unmarked(str(getattr(macros, each.kind)(**each.figures))).split()) for each in reasons]


class OwnMarkdown(Extension):
    """What a template itself says is Markdown."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        for token in stream:
            if token.type == "data":
                yield token._replace(value=marked(token.value))
            elif token.type == "string":
                yield token._replace(value=token.value.translate(IN_EXPRESSIONS))
            else:
                yield token


@cache
def _environment(html: bool = False) -> Environment:
    made = Environment(
        loader=FileSystemLoader(ROOT),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=html,  # Markdown is escaped by `finished`
        extensions=[] if html else [OwnMarkdown],
    )
    formats = {
        name: each
        for name, each in vars(figures).items()
        if callable(each) and each.__module__ == figures.__name__ and not name.startswith("_")
    }
    made.filters |= {**formats, "bullets": bullets, "markdown_table": table_rows}
    made.globals |= formats
    if not html:
        made.globals["actions"] = made.get_template(ACTIONS).module
    return made
