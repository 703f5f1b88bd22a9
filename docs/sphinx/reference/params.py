"""The keys of params.yaml, a page an experiment: each with its words, its type and bounds, and what the default has."""

import ast
import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from docs.sphinx.reference.markdown import code, page, sentence, table
from docs.sphinx.reference.models import Model, Words, descriptions, is_tag, lead, models_in, words
from params.block import read_params
from params.report import Page
from params.resources import Resources
from params.runtime import Cpu

BOUNDS = {
    "minimum": "from {}",
    "exclusiveMinimum": "above {}",
    "maximum": "to {}",
    "exclusiveMaximum": "below {}",
}
PLAIN = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "boolean": "true or false",
    "null": "null",
}
LENGTHS = {"minItems": "at least {}", "maxItems": "at most {}", "minProperties": "at least {}"}
LONGEST = 40  # characters of a default that a cell shows
SHARED = {"runtime.cpu": Cpu, "runtime.resources": Resources, "report.page": Page}
Blocks = Mapping[str, Any]  # dotted key of params.yaml -> model, or a union of them


def experiments(root: Path) -> list[str]:
    return sorted(path.parent.name for path in (root / "tasks").glob("*/prepare.py"))


def blocks(root: Path, experiment: str) -> Blocks:
    """Of each step, in the order of params.yaml, and of the simulator."""
    steps = read_params(root / "params.yaml")[experiment]
    homes = {step: root / "tasks" / experiment / f"{step}.py" for step in steps}
    homes["simulate"] = root / "simulators" / f"{experiment}.py"
    return {f"{experiment}.{step}": declared(homes[step]) for step in steps}


def declared(module: Path) -> Any:
    """What the module's `main` declares for its first argument, as `run_stage.params_model`: from its text, for to import
    every step takes half a minute."""
    body = ast.parse(module.read_text(encoding="utf-8")).body
    (main,) = (node for node in body if isinstance(node, ast.FunctionDef) and node.name == "main")
    models = {
        each.name: getattr(import_module(node.module), each.name)
        for node in body
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("params.")
        for each in node.names
    }
    return eval(ast.unparse(main.args.args[0].annotation or main), models)


def params_pages(root: Path) -> dict[str, str]:
    """By the names of their files."""
    beside, values = descriptions(root), read_params(root / "params.yaml")
    pages = {
        f"params_{name}": params_page(f"Params: {name}", blocks(root, name), beside, values)
        for name in experiments(root)
    }
    return pages | {"params_shared": params_page("Params: runtime and report", SHARED, beside, values)}


def params_page(title: str, of: Blocks, beside: Words, values: Mapping[str, Any]) -> str:
    parts = [f"# {title}"]
    told: set[Model] = set()
    for key, annotation in of.items():
        value: Any = values
        for part in key.split("."):
            value = value[part]
        parts.append(f"## `{key}`")
        forms = models_in(annotation)
        if len(forms) == 1 and forms[0] is annotation:
            parts += section(forms[0], beside, value)
            told.add(forms[0])
        else:
            parts.append(f"It is {kind(TypeAdapter(annotation).json_schema())}.")
        for model in nested(forms):
            if model not in told:
                parts += [f"### {model.__name__}", *section(model, beside, None)]
                told.add(model)
    return page(*parts)


def nested(models: list[Model]) -> Iterator[Model]:
    for model in models:
        yield model
        yield from nested(
            list(dict.fromkeys(each for field in model.model_fields.values() for each in models_in(field)))
        )


def section(model: Model, beside: Words, value: Any) -> list[str]:
    """The model's own words and a row a key. value: what the default has of it, None: it may stand in many places."""
    said, schema = words(model, beside), model.model_json_schema()["properties"]
    rows = []
    for name in model.model_fields:
        row = [code(name), sentence(said.get(name, "")), kind(schema[name])]
        if value is not None:
            row.append(shown(value[name]))
        rows.append(row)
    first = f"Chosen by `{', '.join(tags)}`." if (tags := list(_tags(model))) else ""
    return [
        sentence(lead(model)) if lead(model) else "",
        first,
        table(["key", "what it says", "type", *["default"] * (value is not None)], rows),
    ]


def _tags(model: Model) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if is_tag(field):
            yield f"{name}: {kind(model.model_json_schema()['properties'][name]).strip('`')}"


def shown(value: Any) -> str:
    """Of the default study, where it fits a cell; what is larger stands in params.yaml."""
    if isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(each, dict | list) for each in value)
    ):
        return ""
    text = json.dumps(value, ensure_ascii=False).replace('"', "")
    return code(text) if len(text) <= LONGEST else ""


def kind(schema: Mapping[str, Any]) -> str:
    """A JSON schema as people write it: `whole number, from 1`."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2].rpartition("__")[2]
        return f"[{name}](#{name.lower()})"
    if "const" in schema:
        return code(str(schema["const"]))
    if "enum" in schema:
        return " or ".join(code(str(each)) for each in schema["enum"])
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(kind(each) for each in schema[several]))
    return ", ".join([_plain(schema), *bounds(schema)])


def _plain(schema: Mapping[str, Any]) -> str:
    name = schema.get("type")
    if name == "array":
        if "prefixItems" in schema:
            return f"[{', '.join(kind(each) for each in schema['prefixItems'])}]"
        return f"list of {kind(schema['items'])}" if schema.get("items") else "list"
    if name == "object":
        inner = schema.get("additionalProperties") or next(
            iter(schema.get("patternProperties", {}).values()), None
        )
        return f"name -> {kind(inner)}" if isinstance(inner, dict) else "names and values"
    return PLAIN.get(str(name), "any value")


def bounds(schema: Mapping[str, Any]) -> list[str]:
    name = schema.get("type")
    if "prefixItems" in schema:
        return []
    found = [text.format(schema[key]) for key, text in BOUNDS.items() if key in schema]
    found += [f"{text.format(schema[key])} of them" for key, text in LENGTHS.items() if key in schema]
    if "multipleOf" in schema:
        found.append(f"a multiple of {schema['multipleOf']}")
    if "pattern" in schema and name == "string":
        found.append(f"like `{schema['pattern']}`")
    return found
