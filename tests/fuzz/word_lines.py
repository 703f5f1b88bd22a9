"""Mutations of lines of words, as of YOLO and fastText."""

from pathlib import Path

import numpy as np

from tests.fuzz.mutations import Change, Mutation, NotApplicable, brief, odd_text, places_outside
from tests.fuzz.text_tables import byte_order_mark, encoding_changed


def _lines(path: Path) -> list[list[str]]:
    if not (lines := [line.split(" ") for line in path.read_text(encoding="utf-8").splitlines()]):
        raise NotApplicable
    return lines


def _write_words(path: Path, lines: list[list[str]], end: str = "\n") -> None:
    path.write_bytes("".join(" ".join(line) + end for line in lines).encode())


def word(path: Path, random: np.random.Generator) -> Change:
    lines = _lines(path)
    row = int(random.integers(len(lines)))
    lines[row][random.integers(len(lines[row]))] = value = odd_text(random)
    _write_words(path, lines)
    return Change(f"a word of line {row} = {brief(value)}", "damage", 3)


def words_more_or_less(path: Path, random: np.random.Generator) -> Change:
    lines = _lines(path)
    row = int(random.integers(len(lines)))
    lines[row] = [lines[row][:-1], [*lines[row], "0.5"], lines[row] * 3, lines[row][1:]][random.integers(4)]
    _write_words(path, lines)
    return Change(f"line {row} has {len(lines[row])} words", "damage", 2)


def words_removed(path: Path, random: np.random.Generator) -> Change:
    lines = _lines(path)
    del lines[random.integers(len(lines))]
    _write_words(path, lines)
    return Change("a line removed", "subset", 0)


def words_shuffled(path: Path, random: np.random.Generator) -> Change:
    lines = _lines(path)
    _write_words(path, [lines[i] for i in random.permutation(len(lines))])
    return Change("lines in another order", "same")


def words_end_otherwise(path: Path, _: np.random.Generator) -> Change:
    _write_words(path, _lines(path), "\r\n")
    return Change("lines end with CRLF", "same")


def words_twice(path: Path, random: np.random.Generator) -> Change:
    lines = _lines(path)
    lines.insert(0, lines[random.integers(len(lines))])
    _write_words(path, lines)
    return Change("a line twice", "damage")


def path_in_words(path: Path, random: np.random.Generator) -> Change:
    lines = _lines(path)
    row = int(random.integers(len(lines)))
    at = int(random.integers(len(lines[row])))
    lines[row][at] = places_outside(lines[row][at], path, random)
    _write_words(path, lines)
    return Change(f"line {row} = {brief(' '.join(lines[row]))}", "refused")


LINES: dict[str, Mutation] = {
    "rows shuffled": words_shuffled,
    "rows removed": words_removed,
    "row twice": words_twice,
    "word": word,
    "word, once more": word,
    "words more or less": words_more_or_less,
    "CRLF": words_end_otherwise,
    "BOM": byte_order_mark,
    "path outside": path_in_words,
    "encoding": encoding_changed,
}
