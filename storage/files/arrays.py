"""Named arrays in one npz: no pickle, the same bytes for the same values; and npz and npy of strangers, sizes checked
before anything is unpacked."""

import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from storage.files.atomic import complete
from storage.files.inputs import InputError, first_line, shown

EXPANSION, ALWAYS = (
    20,
    128 << 20,
)  # an unpacked member may have this many times its packed bytes, and these in any case
DAMAGED = "it is damaged or cut short: write it again"
LONGEST_HEADER = 10_000
Header = tuple[tuple[int, ...], bool, np.dtype[Any]]


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    unnamed: dict[str, Any] = dict(arrays)
    with complete(path) as partial, partial.open("wb") as file:
        np.savez(file, **unnamed)


def read_arrays(path: Path, wanted: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
    """All arrays; of those that are wanted the ones that are there, none else unpacked."""
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files if wanted is None or name in wanted}


def array_rows(path: Path, name: str) -> Iterator[NDArray[Any]]:
    """The rows of one array of an npz that `write_arrays` wrote, one in memory at a time."""
    with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
        np.lib.format.read_magic(file)
        (rows, *shape), _, dtype = np.lib.format.read_array_header_1_0(file)
        for _ in range(rows):
            yield np.frombuffer(file.read(math.prod(shape) * dtype.itemsize), dtype).reshape(shape)


def array_names(path: Path) -> list[str]:
    """What a stranger's npz holds, none of it unpacked."""
    with _archive(path) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]


def read_foreign_arrays(path: Path, wanted: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The arrays of a stranger's npz that are wanted and there; no other is unpacked.

    Raises InputError for a missing or damaged file, one that is no npz, arrays of Python objects, and members that
    say of themselves what cannot be.
    """
    arrays: dict[str, NDArray[Any]] = {}
    with _archive(path) as archive:
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        for name in wanted:
            if (member := members.get(name)) is None:
                continue
            if member.file_size > ALWAYS + EXPANSION * member.compress_size:
                raise InputError(
                    path, f"unpacks to {member.file_size / 2**20:,.0f} MB, more than {EXPANSION} times what it takes; "
                    "write it without compression (numpy.savez)", field=name,
                )  # fmt: skip
            try:
                with archive.open(member) as file:
                    arrays[name] = _array(path, file, member.file_size, name)
            except (
                zipfile.BadZipFile,
                zlib.error,
                EOFError,
                OSError,
                NotImplementedError,
                RuntimeError,
            ) as error:
                raise InputError(
                    path, f"cannot be unpacked ({first_line(error)}); {DAMAGED}", field=name
                ) from None
    return arrays


def read_foreign_array(path: Path, mapped: bool = False) -> NDArray[Any]:
    """A stranger's npy, in memory or mapped from the file. Raises InputError as `read_foreign_arrays` does."""
    _check_file(path)
    with path.open("rb") as file:
        shape, fortran, dtype = _header(path, file, path.stat().st_size, None)
        if not mapped:
            return _values(path, file, (shape, fortran, dtype), None)
        place = file.tell()
    if path.stat().st_size < place + math.prod(shape) * dtype.itemsize:
        raise InputError(path, f"ends within its values; {DAMAGED}")
    try:
        if not math.prod(shape):
            return np.zeros(shape, dtype)
        return np.memmap(path, dtype, "r", place, shape, "F" if fortran else "C")
    except (ValueError, TypeError, OverflowError) as error:  # more axes than numpy has, or longer ones
        raise _unreadable(path, error, None) from None


def _archive(path: Path) -> zipfile.ZipFile:
    _check_file(path)
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError) as error:
        raise InputError(path, f"not an npz file that can be read ({error}); {DAMAGED}") from None


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise InputError(path, "no such file; params.yaml names it")


def _array(path: Path, file: IO[bytes], size: int, name: str | None) -> NDArray[Any]:
    """One npy of `size` bytes, header and all."""
    return _values(path, file, _header(path, file, size, name), name)


def _header(path: Path, file: IO[bytes], size: int, name: str | None) -> Header:
    try:
        version = np.lib.format.read_magic(file)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, fortran, dtype = read(file, max_header_size=LONGEST_HEADER)
    except Exception as error:  # numpy evaluates the header as Python text, which fails in many ways
        raise _unreadable(path, error, name) from None
    if dtype.hasobject:
        raise InputError(
            path, "holds Python objects, which are never unpacked; save numbers, or text as a plain array of str",
            field=name,
        )  # fmt: skip
    if any(part < 0 for part in shape) or math.prod(shape) * max(dtype.itemsize, 1) > size:
        raise InputError(
            path, f"says that it is {shown(shape)} {dtype}, but is {size:,} bytes long; {DAMAGED}", field=name
        )
    return shape, fortran, dtype


def _values(path: Path, file: IO[bytes], header: Header, name: str | None) -> NDArray[Any]:
    shape, fortran, dtype = header
    count = math.prod(shape)
    data = file.read(count * dtype.itemsize)
    if len(data) != count * dtype.itemsize:
        raise InputError(path, f"ends within its values; {DAMAGED}", field=name)
    try:
        flat = np.frombuffer(data, dtype, count) if data else np.zeros(count, dtype)
        return flat.reshape(shape[::-1]).T.copy() if fortran else flat.reshape(shape).copy()
    except (ValueError, TypeError) as error:
        raise _unreadable(path, error, name) from None


def _unreadable(path: Path, error: Exception, name: str | None) -> InputError:
    return InputError(
        path, f"not a numpy array that can be read ({first_line(error)}); {DAMAGED}", field=name
    )
