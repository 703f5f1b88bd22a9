"""Read one declared block of params.yaml: frozen models, no defaults, one clear error."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError


class Block(BaseModel):
    """A block of params.yaml: every key is stated there, no other key is allowed."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ParamsError(ValueError):
    """params.yaml cannot be used as it stands; the message says where and why."""


def read_block(path: Path, key: str, model: Any) -> Any:
    """The block under the dotted `key` as a `model` (a Block, or a union of them told apart by a key).

    Raises ParamsError naming file, key and what was expected.
    """
    value = _at(path, key)
    try:
        return TypeAdapter(model).validate_python(value)
    except ValidationError as error:
        raise ParamsError("\n".join(_sentences(path, key, value, error))) from None


def read_params(path: Path) -> Any:
    """The whole file, unvalidated. YAML 1.2, as DVC reads it: 1e-3 is a number here."""
    try:
        return YAML(typ="safe").load(path)
    except FileNotFoundError:
        raise ParamsError(f"{path}: no such file; every entry point runs in the repository's root") from None
    except MarkedYAMLError as error:
        if "<<<<<<<" in path.read_text(encoding="utf-8"):
            raise ParamsError(f"{path}: a merge left its conflict marks; resolve them first") from None
        raise ParamsError(f"{path}: not valid YAML: {error}") from None


def _at(path: Path, key: str) -> Any:
    value = read_params(path)
    for depth, part in enumerate(parts := key.split(".")):
        if not isinstance(value, dict) or part not in value:
            raise ParamsError(f"{path}: no block {'.'.join(parts[: depth + 1])}; it has to be stated there")
        value = value[part]
    return value


def _sentences(path: Path, key: str, value: Any, error: ValidationError) -> list[str]:
    sentences = []
    for item in error.errors():
        got = "" if item["type"] == "missing" else f", got {item['input']!r}"
        message = f"{item['msg'][:1].lower()}{item['msg'][1:]}"
        sentences.append(f"{path}: {key}{_place(value, item['loc'])}: {message}{got}")
    return sentences


def _place(value: Any, loc: tuple[int | str, ...]) -> str:
    """The dotted place; pydantic also names the chosen member of a union, which is no key in the file."""
    place = ""
    for number, part in enumerate(loc):
        if isinstance(part, int):
            place, value = f"{place}[{part}]", value[part] if isinstance(value, list) else None
        elif (isinstance(value, dict) and part in value) or number == len(loc) - 1:
            place, value = f"{place}.{part}", value.get(part) if isinstance(value, dict) else None
    return place
