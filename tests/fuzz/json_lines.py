"""Mutations of JSON lines, and the odd values of JSON."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.mutations import Change, Mutation, NotApplicable, brief, odd_text, places_outside
from tests.fuzz.text_tables import byte_order_mark, encoding_changed

DEEP = 200_000
RAW = {  # JSON that no Python value is written as
    "deep lists": "[" * DEEP + "]" * DEEP,
    "deep objects": '{"a":' * DEEP + "1" + "}" * DEEP,
    "a huge integer": "9" * 6000,
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "1e999": "1e999",
    "a lone surrogate": '"\\ud800"',
    "a lone surrogate in a pair": '"a\\udc00\\ud800b"',
    "a NUL": '"\\u0000"',
    "a duplicate key": '{"id": 1, "id": 2}',
}
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**63), 1.5, -0.0, 1e308, 1e20, "", "1", "0.5", [], [[]], {},
    [None], [1, 2, 3, 4, 5], ["a", 1], {"counts": "x", "size": [1, 1]}, {"a": {"b": []}}, [1e308] * 4, ["a"] * 1000,
)  # fmt: skip
HERE = "@@here@@"


def odd_value(random: np.random.Generator) -> Any:
    return odd_text(random) if random.random() < 0.4 else VALUES[random.integers(len(VALUES))]


def swapped(holder: Any, key: Any, text: Any, random: np.random.Generator) -> tuple[str, str]:
    """The document with an odd value at the place, and what that is."""
    before = holder[key]
    if random.random() < 0.3:
        holder[key] = HERE
        what = str(random.choice(list(RAW)))
        changed = json.dumps(text).replace(f'"{HERE}"', RAW[what])
    else:
        holder[key] = odd = odd_value(random)
        what, changed = brief(odd), json.dumps(text)
    holder[key] = before
    return changed, what


def _records(path: Path) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if not records:
        raise NotApplicable
    return records


def _write_lines(path: Path, lines: list[Any], end: str = "\n") -> None:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_bytes("".join(text + end for text in texts).encode())


def _record(records: list[dict[str, Any]], random: np.random.Generator) -> tuple[int, str]:
    row = int(random.integers(len(records)))
    return row, str(random.choice(list(records[row])))


def lines_shuffled(path: Path, random: np.random.Generator) -> Change:
    records = _records(path)
    _write_lines(path, [records[i] for i in random.permutation(len(records))])
    return Change("lines in another order", "same")


def keys_moved(path: Path, random: np.random.Generator) -> Change:
    moved = []
    for record in _records(path):
        items = list(record.items())
        moved.append(dict(items[i] for i in random.permutation(len(items))))
    _write_lines(path, moved)
    return Change("keys in another order", "same")


def unused_key(path: Path, random: np.random.Generator) -> Change:
    _write_lines(path, [{**record, "my_remark": odd_text(random)} for record in _records(path)])
    return Change("a key my_remark of odd texts", "same")


def lines_end_otherwise(path: Path, _: np.random.Generator) -> Change:
    _write_lines(path, list(_records(path)), end="\r\n")
    return Change("lines end with CRLF", "same")


def lines_removed(path: Path, random: np.random.Generator) -> Change:
    records = _records(path)
    kept = [record for record in records if random.random() < 0.7]
    _write_lines(path, kept)
    return Change(f"{len(kept)} of {len(records)} lines", "subset", 0)


def value_in_a_line(path: Path, random: np.random.Generator) -> Change:
    lines: list[Any] = list(_records(path))
    row, key = _record(lines, random)
    lines[row], what = swapped(lines[row], key, lines[row], random)
    _write_lines(path, lines)
    return Change(f"line {row}, {key} = {what}", "damage", 1)


def key_dropped(path: Path, random: np.random.Generator) -> Change:
    records = _records(path)
    row, key = _record(records, random)
    del records[row][key]
    _write_lines(path, list(records))
    return Change(f"line {row} without {key}", "damage", 1)


def key_dropped_everywhere(path: Path, random: np.random.Generator) -> Change:
    records = _records(path)
    _, key = _record(records, random)
    _write_lines(path, [{name: record[name] for name in record if name != key} for record in records])
    return Change(f"no line has {key}", "damage")


def value_of_another_line(path: Path, random: np.random.Generator) -> Change:
    records = _records(path)
    row, key = _record(records, random)
    records[row][key] = records[random.integers(len(records))].get(key)
    _write_lines(path, list(records))
    return Change(f"line {row}, {key} = that of another line", "damage", 1)


def odd_line(path: Path, random: np.random.Generator) -> Change:
    lines: list[Any] = list(_records(path))
    row = int(random.integers(len(lines) + 1))
    odd = str(
        random.choice(["", "   ", "null", "[]", "1", '"x"', "{", "{}", "not json", "\x00", *RAW.values()])
    )
    lines.insert(row, odd)
    _write_lines(path, lines)
    return Change(f"a line {brief(odd)} at {row}", "damage", 1)


def line_twice(path: Path, random: np.random.Generator) -> Change:
    lines: list[Any] = list(_records(path))
    lines.insert(int(random.integers(len(lines))), lines[random.integers(len(lines))])
    _write_lines(path, lines)
    return Change("a line twice", "damage", 2)


def path_in_a_line(path: Path, random: np.random.Generator) -> Change:
    records = _records(path)
    row, key = _record(records, random)
    records[row][key] = places_outside(str(records[row][key]), path, random)
    _write_lines(path, list(records))
    return Change(f"line {row}, {key} = {records[row][key]}", "refused")


JSONL: dict[str, Mutation] = {
    "rows shuffled": lines_shuffled,
    "keys moved": keys_moved,
    "unused column": unused_key,
    "CRLF": lines_end_otherwise,
    "BOM": byte_order_mark,
    "rows removed": lines_removed,
    "value": value_in_a_line,
    "value, once more": value_in_a_line,
    "value, and again": value_in_a_line,
    "key dropped": key_dropped,
    "column dropped": key_dropped_everywhere,
    "value of another line": value_of_another_line,
    "odd line": odd_line,
    "row twice": line_twice,
    "path outside": path_in_a_line,
    "encoding": encoding_changed,
}
