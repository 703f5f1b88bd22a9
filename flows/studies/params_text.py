"""The params.yaml of a study: an example with its comments, or another study's, and what is set otherwise in it."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.representer import RoundTripRepresenter

from flows.studies.folder import StudyError

WIDTH, SHORT = 120, 100  # characters


class _Nulls(RoundTripRepresenter):
    """Writes `null`, where ruamel would leave a key without a value."""


_Nulls.add_representer(type(None), lambda to, _: to.represent_scalar("tag:yaml.org,2002:null", "null"))


def from_example(text: str, title: str) -> str:
    """Without the lines at its top that say where to copy it."""
    lines = text.splitlines(keepends=True)
    while lines and lines[0].startswith("#"):
        lines.pop(0)
    return f"# {title}\n{''.join(lines)}"


def block_alone(text: str, experiment: str, title: str) -> str:
    """What a study's params.yaml holds of a text with more: runtime and the one block, without what simulates its data."""
    yaml = _yaml()
    data = yaml.load(text)
    for name in [name for name in data if name not in ("runtime", experiment)]:
        del data[name]
    data[experiment].pop("simulate", None)
    data.ca.comment = None
    return f"# {title}\n{_dumped(yaml, data)}"


def with_settings(text: str, experiment: str, settings: Mapping[str, Any]) -> str:
    """Comments and order stay. settings: dotted keys under the experiment's block, numbers for places in lists."""
    yaml = _yaml()
    data = yaml.load(text)
    for key, value in settings.items():
        _set(data[experiment], experiment, key.split("."), value)
    return _dumped(yaml, data)


def _yaml() -> YAML:
    yaml = YAML()
    yaml.width = WIDTH
    yaml.Representer = _Nulls
    return yaml


def _dumped(yaml: YAML, data: Any) -> str:
    written = io.StringIO()
    yaml.dump(data, written)
    return written.getvalue()


def _set(block: Any, experiment: str, parts: Sequence[str], value: Any) -> None:
    *path, last = parts
    for part in path:
        block = block[_place(block, part, experiment, parts)]
    block[_place(block, last, experiment, parts)] = _in_short(value)


def _in_short(value: Any) -> Any:
    """Lists and maps of few values on one line, as the examples have them."""
    if isinstance(value, Mapping):
        made: Any = CommentedMap((name, _in_short(each)) for name, each in value.items())
    elif isinstance(value, list):
        made = CommentedSeq(_in_short(each) for each in value)
    else:
        return value
    if len(str(value)) < SHORT:
        made.fa.set_flow_style()
    return made


def _place(block: Any, part: str, experiment: str, parts: Sequence[str]) -> str | int:
    if isinstance(block, list) and part.isdecimal() and int(part) < len(block):
        return int(part)
    if isinstance(block, Mapping) and part in block:
        return part
    there = (
        ", ".join(map(str, block))
        if isinstance(block, Mapping)
        else f"0 to {len(block) - 1}"
        if isinstance(block, list)
        else "a value"
    )
    raise StudyError(f"{experiment} has no {'.'.join(parts)}: at {part!r} there is {there}")


def stated(pairs: Sequence[str], experiment: str) -> dict[str, Any]:
    """`key=value` as typed; values are YAML. The experiment's name before a key may be left out."""
    settings = {}
    for pair in pairs:
        key, sign, text = pair.partition("=")
        if not sign or not key:
            raise StudyError(f"expected key=value, got {pair!r}")
        try:
            settings[key.removeprefix(f"{experiment}.")] = YAML(typ="safe").load(text)
        except YAMLError:
            raise StudyError(f"{key}: {text!r} is no value of YAML") from None
    return settings
