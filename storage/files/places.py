"""Files that a file names: they lie in its folder, or what pins the folder does not pin them."""

import re
from pathlib import Path, PurePosixPath, PureWindowsPath

from storage.files.inputs import InputError, shown

CACHED = re.compile(
    r"/files/md5/[0-9a-f]{2}/[0-9a-f]{30}"
)  # DVC links data/ to its cache where it is told to


def inside(folder: Path, name: str, *, path: Path, row: int | None = None, field: str | None = None) -> Path:
    """`folder / name`, a file. path, row, field: where the name stands.

    Raises InputError for a name that leads out of the folder (absolute, `..`, a link) and for a file that is missing.
    """
    pure = PurePosixPath(name)
    if (
        not name
        or "\0" in name
        or pure.is_absolute()
        or ".." in pure.parts
        or PureWindowsPath(name).drive
        or "\\" in name
    ):
        raise InputError(
            path, f"expected the name of a file below {folder.name}/, got {shown(name)}", row=row, field=field
        )
    place = folder / pure
    try:
        target = place.resolve(strict=True)
    except (OSError, RuntimeError):
        raise InputError(
            path, f"there is no file {shown(name)} in {folder.name}/", row=row, field=field
        ) from None
    if not target.is_relative_to(folder.resolve()) and not CACHED.search(target.as_posix()):
        raise InputError(
            path, f"{shown(name)} is a link that leads out of {folder.name}/, where nothing pins it; copy the file",
            row=row, field=field,
        )  # fmt: skip
    if not target.is_file():
        raise InputError(path, f"{shown(name)} is no file", row=row, field=field)
    return place
