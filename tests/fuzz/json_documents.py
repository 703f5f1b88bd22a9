"""Mutations of JSON documents: any value of the tree, and lists of records."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.json_lines import RAW, odd_value, swapped
from tests.fuzz.mutations import Change, Mutation, NotApplicable, brief, places_outside
from tests.fuzz.text_tables import byte_order_mark, encoding_changed

Place = tuple[Any, Any]  # a list or an object, and the index or the key


def _document(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _places(value: Any) -> list[Place]:
    """Every value of the document."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [place for key in keys for place in ((value, key), *_places(value[key]))]


def _any_place(document: Any, random: np.random.Generator) -> Place:
    """Places that are named alike are one kind, and kinds come equally often: few rows beside many are met."""
    kinds: dict[str, list[Place]] = {}
    for holder, key in _places(document):
        kinds.setdefault(key if isinstance(key, str) else type(holder[key]).__name__, []).append(
            (holder, key)
        )
    if not kinds:
        raise NotApplicable
    places = kinds[str(random.choice(sorted(kinds)))]
    return places[random.integers(len(places))]


def _lists_of_records(document: Any) -> list[list[Any]]:
    values = [holder[key] for holder, key in _places(document)] + [document]
    return [value for value in values if isinstance(value, list) and value and isinstance(value[0], dict)]


def records_shuffled(path: Path, random: np.random.Generator) -> Change:
    document = _document(path)
    if not (lists := _lists_of_records(document)):
        raise NotApplicable
    for records in lists:
        records[:] = [records[i] for i in random.permutation(len(records))]
    path.write_text(json.dumps(document), encoding="utf-8")
    return Change(f"{len(lists)} list(s) of records in another order", "same")


def record_removed(path: Path, random: np.random.Generator) -> Change:
    document = _document(path)
    if not (lists := _lists_of_records(document)):
        raise NotApplicable
    records = lists[random.integers(len(lists))]
    del records[random.integers(len(records))]
    path.write_text(json.dumps(document), encoding="utf-8")
    return Change("a record removed", "subset", 0)


def record_twice(path: Path, random: np.random.Generator) -> Change:
    document = _document(path)
    if not (lists := _lists_of_records(document)):
        raise NotApplicable
    records = lists[random.integers(len(lists))]
    records.append(copy.deepcopy(records[random.integers(len(records))]))
    path.write_text(json.dumps(document), encoding="utf-8")
    return Change("a record twice", "damage")


def laid_out_otherwise(path: Path, _: np.random.Generator) -> Change:
    path.write_text(
        json.dumps(_document(path), indent=3, sort_keys=True, ensure_ascii=True), encoding="utf-8"
    )
    return Change("indented, keys sorted", "same")


def unused_in_a_document(path: Path, random: np.random.Generator) -> Change:
    document = _document(path)
    for records in _lists_of_records(document):
        for record in records:
            record["my_remark"] = odd_value(random)
    if isinstance(document, dict):
        document["my_remark"] = odd_value(random)
    path.write_text(json.dumps(document), encoding="utf-8")
    return Change("keys my_remark of odd values", "same")


def value_in_a_document(path: Path, random: np.random.Generator) -> Change:
    document = _document(path)
    holder, key = _any_place(document, random)
    changed, what = swapped(holder, key, document, random)
    path.write_text(changed, encoding="utf-8")
    return Change(f"{key} = {what}", "damage")


def dropped_from_a_document(path: Path, random: np.random.Generator) -> Change:
    document = _document(path)
    holder, key = _any_place(document, random)
    del holder[key]
    path.write_text(json.dumps(document), encoding="utf-8")
    return Change(f"{key} dropped", "damage")


def value_elsewhere(path: Path, random: np.random.Generator) -> Change:
    document = _document(path)
    (holder, key), (other, name) = _any_place(document, random), _any_place(document, random)
    holder[key] = copy.deepcopy(other[name])
    path.write_text(json.dumps(document), encoding="utf-8")
    return Change(f"{key} = what {name} is", "damage")


def other_document(path: Path, random: np.random.Generator) -> Change:
    texts = ["", "null", "[]", "{}", "1", '"x"', "[{}]", "[[]]", "{'a': 1}", "// x\n{}", *RAW.values()]
    text = texts[random.integers(len(texts))]
    path.write_text(text)
    return Change(f"the document {brief(text)}", "damage")


def path_in_a_document(path: Path, random: np.random.Generator) -> Change:
    document = _document(path)
    holder, key = _any_place(document, random)
    if not isinstance(holder[key], str):
        raise NotApplicable
    holder[key] = value = places_outside(holder[key], path, random)
    path.write_text(json.dumps(document), encoding="utf-8")
    return Change(f"{key} = {value}", "refused")


JSON: dict[str, Mutation] = {
    "rows shuffled": records_shuffled,
    "rows removed": record_removed,
    "row twice": record_twice,
    "laid out otherwise": laid_out_otherwise,
    "unused column": unused_in_a_document,
    "BOM": byte_order_mark,
    "value": value_in_a_document,
    "value, once more": value_in_a_document,
    "value, and again": value_in_a_document,
    "key dropped": dropped_from_a_document,
    "value elsewhere": value_elsewhere,
    "other document": other_document,
    "path outside": path_in_a_document,
    "encoding": encoding_changed,
}
