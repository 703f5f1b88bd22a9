"""The commands: what `--help` says of each module of flows/, what make makes, what is deployed."""

import argparse
import inspect
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ruamel.yaml import YAML

from docs.sphinx.reference.markdown import code, page, sentence, table

WIDTH = "90"


class _Asked(Exception):
    """What a command would parse its arguments with."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.parser = parser


def modules(root: Path) -> list[str]:
    """Of flows/, those that a person runs."""
    return [
        path.stem
        for path in sorted((root / "flows").glob("*.py"))
        if '\nif __name__ == "__main__"' in path.read_text()
    ]


def parser_of(module: str) -> argparse.ArgumentParser | None:
    """None: the command takes no option."""

    def ask(self: argparse.ArgumentParser, *_: Any, **__: Any) -> Any:
        raise _Asked(self)

    main = getattr(import_module(f"flows.{module}"), "main", None)
    if main is None:
        return None
    with patch.object(argparse.ArgumentParser, "parse_args", ask):
        try:
            main([])
        except _Asked as asked:
            return asked.parser
    return None


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """It, and those of its verbs."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from parsers(each)


def unsaid(parser: argparse.ArgumentParser) -> list[str]:
    """Options and arguments without a help of their own."""
    return [
        f"{each.prog} {'/'.join(action.option_strings) or action.dest}"
        for each in parsers(parser)
        for action in each._actions
        if not action.help and not isinstance(action, argparse._SubParsersAction)
    ]


def commands_page(root: Path) -> str:
    parts = [
        "# Commands",
        "Run in the repository's folder, with `.venv/bin` on the PATH, or as `make` does it. `--help` says the same.",
    ]
    for module in modules(root):
        parts.append(f"## `python -m flows.{module}`")
        parser = parser_of(module)
        if parser is None:
            parts.append(sentence(question(module)))
            continue
        for each in parsers(parser):
            title = [] if each is parser else [f"### `{each.prog}`"]
            parts += [*title, f"```text\n{_help(each).strip()}\n```"]
    rows = ([code(f"make {name}"), sentence(text)] for name, text in made(root).items())
    return page(*parts, "## `make`", table(["command", "what it does"], rows))


def _help(parser: argparse.ArgumentParser) -> str:
    with patch.dict("os.environ", COLUMNS=WIDTH):
        return parser.format_help()


def question(module: str) -> str:
    return (inspect.getdoc(import_module(f"flows.{module}")) or "").splitlines()[0]


def made(root: Path) -> Mapping[str, str]:
    return dict(
        re.findall(r"^([a-z]+):.*?## (.*)$", (root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )


# --- deployments --------------------------------------------------------------------------------------------------


def deployments(root: Path) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = YAML(typ="safe").load(root / "prefect.yaml")["deployments"]
    return found


def deployments_page(root: Path) -> str:
    rows = [
        [
            code(each["name"]),
            each["description"],
            code(each["schedules"][0]["cron"]) if each["schedules"] else "by hand",
        ]
        for each in deployments(root)
    ]
    parts = [
        "# Deployments",
        "`make deploy` registers them, `make worker` runs them; [how to run it](../running.md) says what a run does. Times are UTC.",
        table(["deployment", "what it does", "when"], rows),
    ]
    of: dict[str, list[str]] = {}
    for each in deployments(root):
        of.setdefault(each["entrypoint"], []).append(each["name"])
    for entrypoint, names in of.items():
        fields = ([code(name), sentence(text)] for name, text in fields_of(entrypoint).items())
        parts += [f"## The form of {', '.join(map(code, names))}", table(["field", "what it says"], fields)]
    return page(*parts)


def fields_of(entrypoint: str) -> Mapping[str, str]:
    """Field of a deployment's form -> what the form says of it."""
    path, name = entrypoint.split(":")
    flow = getattr(import_module(path.removesuffix(".py").replace("/", ".")), name)
    properties = flow.parameters.properties
    return {field: properties[field].get("description", "") for field in properties}
