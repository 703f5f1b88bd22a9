"""Mutations of npy: headers, sizes that they claim, types, shapes and cells."""

import ast
import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.fuzz.mutations import Change, Mutation, NotApplicable, brief, odd_text

ODD_NUMBERS = (np.nan, np.inf, -np.inf, -1.0, 0.0, 2.0, 1e300, -1e-300, 1e20, 2**31, 2**53 + 1)
DTYPES = ("<f4", ">f8", "<f2", "<i8", "<i4", "|u1", "|b1", "<c16", "<U8", "|S4", "<M8[s]", "<m8[s]")


def npy_bytes(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, allow_pickle=True)
    return stream.getvalue()


def with_header(content: bytes, random: np.random.Generator) -> tuple[bytes, str]:
    """The npy file with another header before the same data."""
    length = struct.unpack("<H", content[8:10])[0]
    header = ast.literal_eval(content[10 : 10 + length].decode("latin-1"))
    huge = (
        (10**6, 10**7),
        (2**62,),
        (2**40, 2**40),
        (-1,),
        (0,),
        (),
        (10**9,),
        (1,) * 100,
        (2**63,),
        (1.5,),
        "x",
    )
    edits: list[tuple[str, Any]] = [
        *(("shape", shape) for shape in huge),
        *(
            ("shape", header["shape"][:-1]),
            ("shape", header["shape"][::-1]),
            ("shape", (*header["shape"], 1)),
        ),
        *(
            ("descr", each)
            for each in ("|O", "<U100000000", "|V0", "|V2000000000", "x", "", 5, [("a", "<f8")])
        ),
        *(("descr", each) for each in DTYPES),
        ("fortran_order", not header["fortran_order"]),
        ("fortran_order", "no"),
        ("extra", 1),
    ]
    name, value = edits[random.integers(len(edits))]
    text = repr({**header, name: value})
    what = f"header {name} = {brief(value)}"
    if random.random() < 0.2:
        text, what = [
            ("{'descr': __import__('os').getcwd(), 'fortran_order': False, 'shape': (1,)}", "header with a call"),
            ("(" * 500 + ")" * 500, "header of brackets"),
            ("x" * 60_000, "a long header"),
            ("", "an empty header"),
            ("{'descr': '<f8', 'fortran_order': False, 'shape': (" + "9" * 5000 + ",)}", "an endless size"),
        ][random.integers(5)]  # fmt: skip
    version = b"\x01\x00" if random.random() < 0.9 else random.bytes(2)
    encoded = text.encode() + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(encoded)) + encoded + content[10 + length :], what


def odd_dtype(array: NDArray[Any], random: np.random.Generator) -> tuple[NDArray[Any], str]:
    """The array as another type, or the same array with other strides in the file."""
    dtype = str(random.choice([*DTYPES, "O"]))
    try:
        with np.errstate(all="ignore"):
            return array.astype(dtype), f"as {dtype}"
    except (ValueError, TypeError, UnicodeError):
        raise NotApplicable from None


def odd_cell(array: NDArray[Any], random: np.random.Generator) -> tuple[NDArray[Any], str]:
    if not array.size or array.ndim == 0:
        raise NotApplicable
    array, place = array.copy(), tuple(int(random.integers(n)) for n in array.shape)
    if array.dtype.kind in "US":
        value: Any = odd_text(random)[:5000]
        array = np.array(array.tolist(), object)
        array[place] = value
        array = array.astype(str)
    elif array.dtype.kind == "f":
        value = ODD_NUMBERS[random.integers(len(ODD_NUMBERS))]
        with np.errstate(over="ignore"):
            array[place] = value
    elif array.dtype.kind in "iu":
        value = int(random.choice([0, 1, np.iinfo(array.dtype).max, np.iinfo(array.dtype).min]))
        array[place] = value
    elif array.dtype.kind == "b":
        value = bool(~array[place])
        array[place] = value
    else:
        raise NotApplicable
    return array, f"{list(place)} = {brief(value)}"


def odd_shape(array: NDArray[Any], random: np.random.Generator) -> tuple[NDArray[Any], str]:
    shapes = [array[None], array[..., None], array[:0], array.reshape(-1), array.T, np.array(1), array[:1]]
    shape = shapes[random.integers(len(shapes))]
    return shape, f"of shape {shape.shape}"


def npy_header(path: Path, random: np.random.Generator) -> Change:
    content, what = with_header(path.read_bytes(), random)
    path.write_bytes(content)
    return Change(what, "damage")


def npy_cell(path: Path, random: np.random.Generator) -> Change:
    array, what = odd_cell(np.load(path), random)
    path.write_bytes(npy_bytes(array))
    return Change(what, "damage", 1)


def npy_dtype(path: Path, random: np.random.Generator) -> Change:
    array, what = odd_dtype(np.load(path), random)
    path.write_bytes(npy_bytes(array))
    return Change(what, "damage")


def npy_shape(path: Path, random: np.random.Generator) -> Change:
    array, what = odd_shape(np.load(path), random)
    path.write_bytes(npy_bytes(array))
    return Change(what, "damage")


def npy_fortran(path: Path, _: np.random.Generator) -> Change:
    path.write_bytes(npy_bytes(np.asfortranarray(np.load(path))))
    return Change("in Fortran order", "same")


def npy_big_endian(path: Path, _: np.random.Generator) -> Change:
    array = np.load(path)
    if array.dtype.kind not in "fiu":
        raise NotApplicable
    path.write_bytes(npy_bytes(array.astype(array.dtype.newbyteorder(">"))))
    return Change("big-endian", "same")


def npy_rows_removed(path: Path, _: np.random.Generator) -> Change:
    path.write_bytes(npy_bytes(np.load(path)[:-1]))
    return Change("one row less", "damage", 0)


NPY: dict[str, Mutation] = {
    "header": npy_header,
    "header, once more": npy_header,
    "cell": npy_cell,
    "dtype": npy_dtype,
    "shape": npy_shape,
    "fortran": npy_fortran,
    "big-endian": npy_big_endian,
    "one row less": npy_rows_removed,
}
