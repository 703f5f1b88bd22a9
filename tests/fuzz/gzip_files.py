"""Mutations of what is compressed with gzip, inside and outside."""

import gzip
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tests.fuzz.mutations import Change, Mutation


def unpacked(mutation: Mutation, suffix: str) -> Mutation:
    """The mutation of what is inside."""

    def changed(path: Path, random: np.random.Generator) -> Change:
        inner = path.with_name(f"unpacked{suffix}")
        inner.write_bytes(gzip.decompress(path.read_bytes()))
        try:
            change = mutation(inner, random)
            path.write_bytes(gzip.compress(inner.read_bytes(), 1))
        finally:
            inner.unlink(missing_ok=True)
        return change

    return changed


def bomb(path: Path, _: np.random.Generator) -> Change:
    megabyte = gzip.compress(b"0" * (1 << 20), 9)
    path.write_bytes(path.read_bytes() + megabyte * 1000)
    return Change("a gigabyte of zeros behind it", "damage")


def in_two_members(path: Path, _: np.random.Generator) -> Change:
    text = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(text[: len(text) // 2]) + gzip.compress(text[len(text) // 2 :]))
    return Change("two gzip members", "same")


def packed_twice(path: Path, _: np.random.Generator) -> Change:
    path.write_bytes(gzip.compress(path.read_bytes()))
    return Change("compressed twice", "damage")


def not_packed(path: Path, _: np.random.Generator) -> Change:
    path.write_bytes(gzip.decompress(path.read_bytes()))
    return Change("not compressed", "damage", 0)


def zlib_instead(path: Path, _: np.random.Generator) -> Change:
    path.write_bytes(zlib.compress(gzip.decompress(path.read_bytes())))
    return Change("zlib instead of gzip", "damage", 0)


GZIP: dict[str, Mutation] = {
    "bomb": bomb,
    "two members": in_two_members,
    "packed twice": packed_twice,
    "not packed": not_packed,
    "zlib": zlib_instead,
}


def of_gzip(inner: Mapping[str, Mutation], suffix: str) -> dict[str, Mutation]:
    whole_files = ("gone", "not there")
    inside = {
        name: unpacked(each, suffix)
        for name, each in inner.items()
        if name not in whole_files and name != "path outside"
    }
    return {**inside, **GZIP}
