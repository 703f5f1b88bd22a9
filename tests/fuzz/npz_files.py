"""Mutations of npz: members, their rows, and what the archive says of them."""

import io
import struct
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.fuzz.mutations import Change, Mutation, NotApplicable
from tests.fuzz.npy_files import npy_bytes, odd_cell, odd_dtype, odd_shape, with_header

Arrays = dict[str, NDArray[Any]]


def _members(path: Path) -> Arrays:
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _write_npz(path: Path, members: Arrays, compressed: bool = False) -> None:
    kind = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", kind) as file:
        for name, array in members.items():
            file.writestr(f"{name}.npy", npy_bytes(array))


def _member(members: Arrays, random: np.random.Generator) -> str:
    return str(random.choice(sorted(members)))


def _aligned(members: Arrays) -> list[str]:
    """Members of the commonest length: those that hold the rows."""
    lengths = Counter(len(array) for array in members.values() if array.ndim)
    if not lengths:
        raise NotApplicable
    most = lengths.most_common(1)[0][0]
    return [name for name, array in members.items() if array.ndim and len(array) == most]


def npz_rows_shuffled(path: Path, random: np.random.Generator) -> Change:
    members = _members(path)
    rows = _aligned(members)
    order = random.permutation(len(members[rows[0]]))
    _write_npz(path, {name: array[order] if name in rows else array for name, array in members.items()})
    return Change("rows in another order", "same")


def npz_rows_removed(path: Path, random: np.random.Generator) -> Change:
    members = _members(path)
    rows = _aligned(members)
    kept = random.random(len(members[rows[0]])) < 0.8
    _write_npz(path, {name: array[kept] if name in rows else array for name, array in members.items()})
    return Change(f"{int(kept.sum())} of {len(kept)} rows", "subset", 0)


def npz_one_member_shorter(path: Path, random: np.random.Generator) -> Change:
    members = _members(path)
    rows = _aligned(members)
    if len(rows) < 2:
        raise NotApplicable
    name = str(random.choice(rows))
    members[name] = [members[name][:-1], members[name][1:], np.concatenate([members[name]] * 2)][
        random.integers(3)
    ]
    _write_npz(path, members)
    return Change(f"{name} has {len(members[name])} rows", "refused")


def npz_members_moved(path: Path, random: np.random.Generator) -> Change:
    members = list(_members(path).items())
    order = random.permutation(len(members))
    _write_npz(path, dict(members[i] for i in order), compressed=bool(random.integers(2)))
    return Change("members in another order", "same")


def npz_fortran(path: Path, _: np.random.Generator) -> Change:
    _write_npz(path, {name: np.asfortranarray(array) for name, array in _members(path).items()})
    return Change("in Fortran order", "same")


def npz_big_endian(path: Path, _: np.random.Generator) -> Change:
    members = {
        name: array.astype(array.dtype.newbyteorder(">")) if array.dtype.kind in "fiu" else array
        for name, array in _members(path).items()
    }
    _write_npz(path, members)
    return Change("big-endian", "same")


def npz_extra(path: Path, random: np.random.Generator) -> Change:
    extra = [np.zeros(3), np.array([{}, None]), np.array("x"), np.zeros((0, 5)), np.zeros((100, 100))]
    _write_npz(path, {"my_remark": extra[random.integers(5)], **_members(path)})
    return Change("a member my_remark", "same")


def npz_missing(path: Path, random: np.random.Generator) -> Change:
    members = _members(path)
    del members[name := _member(members, random)]
    _write_npz(path, members)
    return Change(f"no member {name}", "damage")


def npz_renamed(path: Path, random: np.random.Generator) -> Change:
    members = _members(path)
    name, other = _member(members, random), _member(members, random)
    members[name], members[other] = members[other], members[name]
    _write_npz(path, members)
    return Change(f"{name} and {other} swapped", "damage")


def npz_cell(path: Path, random: np.random.Generator) -> Change:
    members = _members(path)
    rows, name = _aligned(members), _member(members, random)
    members[name], what = odd_cell(members[name], random)
    _write_npz(path, members)
    return Change(f"{name}{what}", "damage", 1 if name in rows else None)


def npz_dtype(path: Path, random: np.random.Generator) -> Change:
    members = _members(path)
    name = _member(members, random)
    members[name], what = odd_dtype(members[name], random)
    _write_npz(path, members)
    return Change(f"{name} {what}", "damage")


def npz_shape(path: Path, random: np.random.Generator) -> Change:
    members = _members(path)
    name = _member(members, random)
    members[name], what = odd_shape(members[name], random)
    _write_npz(path, members)
    return Change(f"{name} {what}", "damage")


def npz_header(path: Path, random: np.random.Generator) -> Change:
    members = _members(path)
    name = _member(members, random)
    content, what = with_header(npy_bytes(members[name]), random)
    with zipfile.ZipFile(path, "w") as file:
        for each, array in members.items():
            file.writestr(f"{each}.npy", content if each == name else npy_bytes(array))
    return Change(f"{name}: {what}", "damage")


def npz_bomb(path: Path, random: np.random.Generator) -> Change:
    """A member of a gigabyte in a megabyte, with a header that fits it."""
    members = _members(path)
    name = _member(members, random)
    del members[name]
    _write_npz(path, members)
    header = io.BytesIO()
    size = 1 << 30
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (size // 8,)}
    )
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = packer.compress(header.getvalue()) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    content = start + block * 1024 + packer.flush()
    _append_member(path, f"{name}.npy", content, len(header.getvalue()) + size)
    return Change(f"{name} is a gigabyte of zeros, compressed", "damage")


def _append_member(path: Path, name: str, packed: bytes, size: int) -> None:
    """A deflated member as it stands, and a checksum that nobody gets to."""
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(name, b"")
    content = bytearray(path.read_bytes())
    central = content.rfind(b"PK\x01\x02")
    local = struct.unpack("<L", content[central + 42 : central + 46])[0]
    start = local + 30 + len(name)
    sizes = struct.pack("<LL", len(packed), size)
    end = content.rfind(b"PK\x05\x06")
    where = struct.unpack("<L", content[end + 16 : end + 20])[0]
    content[local + 8 : local + 10] = content[central + 10 : central + 12] = b"\x08\x00"
    content[local + 18 : local + 26] = content[central + 20 : central + 28] = sizes
    content[end + 16 : end + 20] = struct.pack("<L", where + len(packed))
    path.write_bytes(bytes(content[:start]) + packed + bytes(content[start:]))


def npz_lies(path: Path, random: np.random.Generator) -> Change:
    """Of the sizes, offsets and names of its directory."""
    content = bytearray(path.read_bytes())
    central = content.find(b"PK\x01\x02")
    at, length = [(16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (42, 4), (10, 2), (8, 2), (46, 3)][
        random.integers(9)
    ]
    value = [b"\xff" * length, bytes(length), random.bytes(length)][random.integers(3)]
    content[central + at : central + at + length] = value
    path.write_bytes(content)
    return Change(f"directory bytes {at}.. = {value.hex()}", "damage")


def npz_member_twice(path: Path, random: np.random.Generator) -> Change:
    members = _members(path)
    name = _member(members, random)
    with zipfile.ZipFile(path, "a") as file:
        file.NameToInfo.clear()
        file.writestr(f"{name}.npy", npy_bytes(members[name][::-1] if members[name].ndim else members[name]))
    return Change(f"{name} twice", "damage")


def npz_text(path: Path, random: np.random.Generator) -> Change:
    members = _members(path)
    name = _member(members, random)
    with zipfile.ZipFile(path, "w") as file:
        for each, array in members.items():
            file.writestr(
                f"{each}.npy" if each != name else each, npy_bytes(array) if each != name else b"text"
            )
    return Change(f"{name} is no array", "damage")


NPZ: dict[str, Mutation] = {
    "rows shuffled": npz_rows_shuffled,
    "rows removed": npz_rows_removed,
    "one member shorter": npz_one_member_shorter,
    "members moved": npz_members_moved,
    "fortran": npz_fortran,
    "big-endian": npz_big_endian,
    "unused column": npz_extra,
    "member missing": npz_missing,
    "members swapped": npz_renamed,
    "cell": npz_cell,
    "cell, once more": npz_cell,
    "dtype": npz_dtype,
    "shape": npz_shape,
    "header": npz_header,
    "header, once more": npz_header,
    "bomb": npz_bomb,
    "lies": npz_lies,
    "member twice": npz_member_twice,
    "no array": npz_text,
}
