"""Mutations of XML: entities, elements, depth, encodings."""

import re
from pathlib import Path

import numpy as np

from tests.fuzz.json_lines import DEEP
from tests.fuzz.mutations import Change, Mutation, NotApplicable, brief, odd_text
from tests.fuzz.text_tables import byte_order_mark, encoding_changed


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _elements(text: str) -> list[re.Match[str]]:
    """Elements without others in them."""
    if not (found := list(re.finditer(r"<(\w+)>([^<]*)</\1>", text))):
        raise NotApplicable
    return found


def _with_doctype(text: str, doctype: str, random: np.random.Generator) -> str:
    element = (elements := _elements(text))[random.integers(len(elements))]
    body = text[: element.start(2)] + "&a;" + text[element.end(2) :]
    return doctype + re.sub(r"<\?xml.*?\?>", "", body)


def entities(path: Path, random: np.random.Generator) -> Change:
    laughs = "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("jihgfedcb", "ihgfedcba", strict=True)
    )
    kinds = {
        "billion laughs": f'<!DOCTYPE x [<!ENTITY j "{"ha" * 50}">{laughs}]>',
        "a long entity, often": f'<!DOCTYPE x [<!ENTITY b "{"x" * 100_000}"><!ENTITY a "{"&b;" * 5000}">]>',
        "an external entity": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
        "an external definition": '<!DOCTYPE x SYSTEM "file:///etc/hostname" [<!ENTITY a "1">]>',
        "an entity that is not defined": "",
        "an entity of itself": '<!DOCTYPE x [<!ENTITY a "&a;">]>',
    }
    what = str(random.choice(list(kinds)))
    path.write_text(_with_doctype(_text(path), kinds[what], random), encoding="utf-8")
    return Change(what, "damage")


def element_text(path: Path, random: np.random.Generator) -> Change:
    text = _text(path)
    element = (elements := _elements(text))[random.integers(len(elements))]
    value = odd_text(random)
    written = value if random.random() < 0.3 else value.replace("&", "&amp;").replace("<", "&lt;")
    path.write_bytes((text[: element.start(2)] + written + text[element.end(2) :]).encode())
    return Change(f"{element.group(1)} = {brief(value)}", "damage")


def element_removed(path: Path, random: np.random.Generator) -> Change:
    text = _text(path)
    element = (elements := _elements(text))[random.integers(len(elements))]
    path.write_text(text[: element.start()] + text[element.end() :], encoding="utf-8")
    return Change(f"no {element.group(1)}", "damage")


def element_twice(path: Path, random: np.random.Generator) -> Change:
    text = _text(path)
    element = (elements := _elements(text))[random.integers(len(elements))]
    path.write_text(text[: element.end()] + text[element.start() :], encoding="utf-8")
    return Change(f"{element.group(1)} twice", "damage")


def nested(path: Path, random: np.random.Generator) -> Change:
    text = _text(path)
    element = (elements := _elements(text))[random.integers(len(elements))]
    deep = "<a>" * DEEP + "</a>" * DEEP
    path.write_text(text[: element.start(2)] + deep + text[element.end(2) :], encoding="utf-8")
    return Change(f"{DEEP} elements in {element.group(1)}", "damage")


def comments(path: Path, _: np.random.Generator) -> Change:
    path.write_text(re.sub(r"(</\w+>)", r"\1<!-- a remark -->", _text(path).rstrip()), encoding="utf-8")
    return Change("comments", "same")


def spaces(path: Path, _: np.random.Generator) -> Change:
    path.write_text(re.sub(r">\s*<", ">\r\n\t <", _text(path)), encoding="utf-8", newline="")
    return Change("spaces between elements", "same")


def declared_encoding(path: Path, random: np.random.Generator) -> Change:
    body = re.sub(r"<\?xml.*?\?>", "", _text(path))
    encoding = str(random.choice(["utf-16", "latin-1", "ascii", "none-such", "utf-7", "utf-8"]))
    path.write_text(f'<?xml version="1.0" encoding="{encoding}"?>{body.lstrip()}', encoding="utf-8")
    return Change(f"declared as {encoding}", "damage")


XML: dict[str, Mutation] = {
    "entities": entities,
    "element text": element_text,
    "element text, once more": element_text,
    "element removed": element_removed,
    "element twice": element_twice,
    "nested": nested,
    "comments": comments,
    "spaces": spaces,
    "declared encoding": declared_encoding,
    "encoding": encoding_changed,
    "BOM": byte_order_mark,
}
