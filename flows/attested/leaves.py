"""Documents and tables as named values, so that what differs in them can be named."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from flows.published.cells import named_cells
from flows.published.verdicts import READERS

Values = Mapping[str, str]


@dataclass(frozen=True)
class Difference:
    """Of one value: what the bundle says, and what stands there now; None: it is not there."""

    file: str
    name: str
    stated: str | None
    there: str | None

    def told(self, where: str) -> str:
        """One line; where: what it was held against."""
        stated, there = ("nothing" if each is None else each for each in (self.stated, self.there))
        return f"{self.file}: {self.name} is {stated} in the bundle and {there} in {where}"


def differences(file: str, stated: Values, there: Values) -> list[Difference]:
    return [
        Difference(file, name, stated.get(name), there.get(name))
        for name in dict.fromkeys([*stated, *there])
        if stated.get(name) != there.get(name)
    ]


@lru_cache(maxsize=32)  # a bundle is held against its commit and against the clone
def yaml_values(content: bytes | None) -> Values:
    """Of a YAML document, by their dotted names; what has a path goes by it. No document has none; what cannot be read is
    one value."""
    if content is None:
        return {}
    try:
        return dict(_leaves(yaml_document(content), ""))
    except (YAMLError, ValueError) as error:
        return {"": f"unreadable ({str(error).splitlines()[0]})"}


def yaml_document(content: bytes) -> Any:
    return YAML(typ="safe").load(io.BytesIO(content))


def _leaves(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        items = [(str(key), inner) for key, inner in value.items()]
    elif isinstance(value, list):
        items = [
            (str(each["path"]) if isinstance(each, dict) and "path" in each else str(number), each)
            for number, each in enumerate(value)
        ]
    else:
        yield name, str(value)
        return
    if not items:
        yield name, "{}" if isinstance(value, dict) else "[]"
    for key, inner in items:
        yield from _leaves(inner, f"{name}.{key}" if name else key)


def table_cells(file: str, content: bytes) -> dict[tuple[str, str], str]:
    """(row, column) -> value as text, of a table or a JSON document; of other files none."""
    read = READERS.get(PurePosixPath(file).suffix)
    if read is None:
        return {}
    try:
        rows = read(content.decode())
    except ValueError:
        return {}
    return {
        (row, column): "" if value is None else str(value)
        for (row, column), value in named_cells(rows).items()
        if str(value) != row
    }
