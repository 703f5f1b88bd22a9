"""What a model of params says of its keys: their words, and their types and bounds as people write them."""

import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from ruamel.yaml import YAML

Model = type[BaseModel]
Words = Mapping[str, Mapping[str, Any]]
ANY = "every block"


def descriptions(root: Path) -> Words:
    """What stands beside the models: module -> model -> key -> words."""
    found: Words = YAML(typ="safe").load(root / "params" / "descriptions.yaml")
    return found


def lead(model: Model) -> str:
    """What stands in the docstring before the first key."""
    return _docstring(model)[0]


def words(model: Model, beside: Words) -> dict[str, str]:
    """Of each key what the docstring says as `name: ...` or `one, other: ...`, or what is said beside the models; else
    what the models that it holds say of themselves. A key that is missing here is described nowhere."""
    own = beside.get(module_of(model), {}).get(model.__name__, {})
    stated = {**beside.get(ANY, {}), **own, **_docstring(model)[1]}
    found = {}
    for name, field in model.model_fields.items():
        if is_tag(field):
            found[name] = "says that the block is of this form"
        elif text := stated.get(name) or _of_models(field):
            found[name] = text
    return found


def stated_twice(model: Model, beside: Words) -> set[str]:
    own = beside.get(module_of(model), {}).get(model.__name__, {})
    return set(own) & set(_docstring(model)[1])


def module_of(model: Model) -> str:
    return model.__module__.rpartition(".")[2]


def _of_models(field: FieldInfo) -> str:
    return " Or: ".join(text for each in models_in(field) if (text := lead(each)))


def _docstring(model: Model) -> tuple[str, dict[str, str]]:
    stated = vars(model).get("__doc__") or ""
    text = " ".join(inspect.cleandoc(stated).split())
    name = "|".join(map(re.escape, sorted(model.model_fields, key=len, reverse=True)))
    marks = list(re.finditer(rf"(?:^|(?<=[.;:)] ))((?:{name})(?:(?:, | and )(?:{name}))*): ", text))
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    keys = {
        key: text[mark.end() : end].strip().rstrip(";.")
        for mark, end in zip(marks, ends, strict=False)  # without a mark there is one end, and no key
        for key in re.split(", | and ", mark[1])
    }
    return text[: marks[0].start() if marks else len(text)].strip(), keys


def is_tag(field: FieldInfo) -> bool:
    """One value alone, which says which of several models a block is."""
    return get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1


def models_in(annotation: Any) -> list[Model]:
    """The models that stand in a type, however deep in lists, maps and unions, each once."""
    annotation = annotation.annotation if isinstance(annotation, FieldInfo) else annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return list(dict.fromkeys(each for inner in get_args(annotation) for each in models_in(inner)))
