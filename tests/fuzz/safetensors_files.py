"""Mutations of safetensors: the header, its length, its offsets, and values."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.mutations import Change, Mutation, brief
from tests.fuzz.npy_files import ODD_NUMBERS


def _tensors(path: Path) -> tuple[dict[str, Any], bytes]:
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def _write_tensors(path: Path, header: Any, data: bytes, length: int | None = None) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)


def tensor_header(path: Path, random: np.random.Generator) -> Change:
    header, data = _tensors(path)
    name = str(random.choice([each for each in header if each != "__metadata__"]))
    size = len(data)
    edits: list[tuple[str, Any]] = [
        *(("dtype", each) for each in ("F64", "F16", "BF16", "I8", "BOOL", "U8", "F8_E4M3", "X", 1, None)),
        *(("shape", each) for each in ([-1], [10**12], [2**62, 4], [], [0], "x", [1.5], header[name]["shape"][::-1])),
        *(("data_offsets", each) for each in ([0, 10**15], [size, 0], [-8, 0], [0, 0], [1, 2], [0], None, "x")),
        ("data_offsets", [0, size]),
    ]  # fmt: skip
    key, value = edits[random.integers(len(edits))]
    header[name][key] = value
    _write_tensors(path, header, data)
    return Change(f"{name}: {key} = {brief(value)}", "damage")


def tensor_header_whole(path: Path, random: np.random.Generator) -> Change:
    header, data = _tensors(path)
    name = next(iter(header))
    texts: list[Any] = [
        b"", b"[]", b"null", b"{}", b"[" * 100_000, b"\xff\xfe", b"{" + b" " * 100_000 + b"}", b'{"a": 1}',
        {**header, "../x": header[name]}, {**header, "__metadata__": {"a": 1}}, {**header, "__metadata__": []},
    ]  # fmt: skip
    text = texts[random.integers(len(texts))]
    _write_tensors(path, text, data)
    return Change(f"header {brief(text)}", "damage")


def tensor_length(path: Path, random: np.random.Generator) -> Change:
    header, data = _tensors(path)
    length = int(random.choice([0, 1, 10**8, 10**9, 2**40, 2**63 - 1]))
    _write_tensors(path, header, data, length)
    return Change(f"header of {length} bytes", "damage")


def tensor_values(path: Path, random: np.random.Generator) -> Change:
    header, data = _tensors(path)
    content = bytearray(data)
    at = int(random.integers(len(content) // 4)) * 4
    value = float(ODD_NUMBERS[random.integers(5)])
    content[at : at + 4] = struct.pack("<f", value)
    _write_tensors(path, header, bytes(content))
    return Change(f"four bytes at {at} = {value}", "damage", 1)


def tensor_missing(path: Path, random: np.random.Generator) -> Change:
    header, data = _tensors(path)
    name = str(random.choice([each for each in header if each != "__metadata__"]))
    header["my_tensor"] = header.pop(name)
    _write_tensors(path, header, data)
    return Change(f"{name} is called my_tensor", "damage")


def tensor_extra(path: Path, _: np.random.Generator) -> Change:
    header, data = _tensors(path)
    header["my_remark"] = {"dtype": "F32", "shape": [2], "data_offsets": [len(data), len(data) + 8]}
    _write_tensors(path, header, data + bytes(8))
    return Change("a tensor my_remark", "same")


SAFETENSORS: dict[str, Mutation] = {
    "header": tensor_header,
    "header, once more": tensor_header,
    "whole header": tensor_header_whole,
    "length": tensor_length,
    "cell": tensor_values,
    "member missing": tensor_missing,
    "unused column": tensor_extra,
}
