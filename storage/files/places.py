"""Files that a file names: they lie in its folder, or what pins the folder does not pin them."""

import re
from collections.abc import Iterable
from glob import escape
from pathlib import Path, PurePosixPath, PureWindowsPath

from storage.files.inputs import InputError, shown

CACHED = re.compile(
    r"/files/md5/[0-9a-f]{2}/[0-9a-f]{30}"
)  # DVC links data/ to its cache where it is told to


PARAMS = Path("params.yaml")


def declared(data: Path, name: str, field: str) -> Path:
    """`data / name`, a file or folder of a data folder that params.yaml names under `field`.

    Raises InputError for a name that leads out of the folder (absolute, `..`, a link), and for a link out of it of the
    same stem, as readers find rows and times beside a file; whether anything is there, the reader says.
    """
    place = _below(data, name, path=PARAMS, row=None, field=field)
    if not _stays(data, place):
        raise _leads_out(data, name, path=PARAMS, row=None, field=field)
    _refuse_links(data, place.parent.glob(f"{escape(place.stem)}.*"), field)
    return place


def listed(data: Path, name: str, field: str) -> Path:
    """`declared`, of a folder whose files are read as they are found there: none of them is a link out of `data`."""
    folder = declared(data, name, field)
    _refuse_links(data, folder.rglob("*"), field)
    return folder


def inside(folder: Path, name: str, *, path: Path, row: int | None = None, field: str | None = None) -> Path:
    """`folder / name`, a file. path, row, field: where the name stands.

    Raises InputError for a name that leads out of the folder (absolute, `..`, a link) and for a file that is missing.
    """
    place = _below(folder, name, path=path, row=row, field=field)
    try:
        target = place.resolve(strict=True)
    except (OSError, RuntimeError):
        raise InputError(
            path, f"there is no file {shown(name)} in {folder.name}/", row=row, field=field
        ) from None
    if not _stays(folder, target):
        raise _leads_out(folder, name, path=path, row=row, field=field)
    if not target.is_file():
        raise InputError(path, f"{shown(name)} is no file", row=row, field=field)
    return place


def _below(folder: Path, name: str, *, path: Path, row: int | None, field: str | None) -> Path:
    pure = PurePosixPath(name)
    if (
        not name
        or "\0" in name
        or pure.is_absolute()
        or ".." in pure.parts
        or PureWindowsPath(name).drive
        or "\\" in name
    ):
        slashes = "; write / for \\" if "\\" in name else ""
        raise InputError(
            path,
            f"expected the name of a file below {folder.name}/, got {shown(name)}{slashes}",
            row=row,
            field=field,
        )
    return folder / pure


def _refuse_links(data: Path, found: Iterable[Path], field: str) -> None:
    for place in sorted(each for each in found if each.is_symlink()):
        if not _stays(data, place):
            raise _leads_out(data, place.relative_to(data).as_posix(), path=PARAMS, row=None, field=field)


def _stays(folder: Path, place: Path) -> bool:
    """Wherever links lead; one that runs in circles leads nowhere."""
    try:
        target = place.resolve()
    except (OSError, RuntimeError):
        return False
    return target.is_relative_to(folder.resolve()) or bool(CACHED.search(target.as_posix()))


def _leads_out(folder: Path, name: str, *, path: Path, row: int | None, field: str | None) -> InputError:
    return InputError(
        path, f"{shown(name)} is a link that leads out of {folder.name}/, where nothing pins it; copy the file",
        row=row, field=field,
    )  # fmt: skip
