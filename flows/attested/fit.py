"""Does a bundle still fit this clone, and is it as it was made? What does not, named value by value."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.attested.bundle import (
    CELLS,
    COMMITTED,
    FILES,
    FORMAT,
    REPRODUCED_LOCK,
    STATEMENT,
    Bundle,
    BundleError,
    sha256,
)
from flows.attested.contents import CELL_COLUMNS, FILE_COLUMNS, LOCK, RESULTS, Reader, cell_verdict
from flows.attested.leaves import Difference, differences, table_cells, yaml_values
from flows.attested.signature import Signer, signer_of
from flows.pinned import data_folder
from flows.pinned.errors import GraphError
from flows.studies.folder import STUDIES, StudyError
from flows.studies.inside import inside
from flows.worktrees.worktree import WorktreeError, committed_file, run
from params.block import ParamsError

CODE = ("*.py", "*.j2", "requirements.lock")
ALIKE = ("identical", "equal within tolerance")
Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Fit:
    """Lines that say what is wrong with the bundle itself, and what of it this clone has otherwise. differing: where the
    run itself did not give what was committed, which is what the bundle attests."""

    statement: Mapping[str, Any]
    signer: Signer | None
    altered: list[str]
    moved: list[str]
    differing: list[str]
    cells: int
    entries: int

    @property
    def fits(self) -> bool:
        return not self.altered and not self.moved


def fit(root: Path, path: Path, bundle: Bundle, allowed: Path | None) -> Fit:
    """`root`: of the repository. Raises BundleError where the bundle cannot be understood."""
    statement = _statement(path, bundle)
    files, cells = _rows(path, bundle, FILES, FILE_COLUMNS), _rows(path, bundle, CELLS, CELL_COLUMNS)
    signer = None if bundle.signature is None else signer_of(bundle.manifest, bundle.signature, allowed)
    altered = [*_hashes(bundle), *_signed(statement, signer), *_at_odds(bundle, files, cells)]
    commit, folder = str(statement["commit"]), str(statement["folder"])

    def of_commit(name: str) -> bytes | None:
        return committed_file(root, commit, f"{folder}/{name}" if folder else name)

    def here(name: str) -> bytes | None:
        place = root / folder / name
        return place.read_bytes() if place.is_file() else None

    known = _has(root, commit)
    if known:
        altered += _told(_unlike(bundle, files, cells, of_commit), f"commit {commit[:12]}")
    moved = [
        *_commit(root, commit, known),
        *_told(_unlike(bundle, files, cells, here), "this clone"),
        *_data(root / folder),
    ]
    entries = len(yaml_values(bundle.files.get(f"committed/{LOCK}")))
    return Fit(statement, signer, altered, moved, _differing(files), len(cells), entries)


def _statement(path: Path, bundle: Bundle) -> dict[str, Any]:
    try:
        stated = json.loads(bundle.files[STATEMENT])
    except ValueError as error:
        raise BundleError(
            f"{path}: {STATEMENT} in it is no JSON ({error}); ask for the file again"
        ) from error
    kind = stated.get("format") if isinstance(stated, dict) else None
    if kind != FORMAT:
        raise BundleError(
            f"{path}: is of format {kind!r}, this version reads {FORMAT}; check it with the version that made it"
        )
    wanted = {"commit": str, "folder": str, "experiments": list, "holds": bool}
    if wrong := [name for name, kind in wanted.items() if not isinstance(stated.get(name), kind)]:
        raise BundleError(f"{path}: {STATEMENT} in it lacks {wrong[0]!r}; ask for the file again")
    folder = Path(stated["folder"])
    if folder.parts and (
        len(folder.parts) != 2 or folder.parts[0] != STUDIES or folder.parts[1] in ("..", ".")
    ):
        raise BundleError(
            f"{path}: {STATEMENT} in it names the folder {stated['folder']!r}, which is no study"
        )
    if not stated["commit"].isalnum():
        raise BundleError(f"{path}: {STATEMENT} in it names the commit {stated['commit']!r}, which is none")
    return dict(stated)


def _rows(path: Path, bundle: Bundle, name: str, columns: tuple[str, ...]) -> Rows:
    try:
        reader = csv.DictReader(io.StringIO(bundle.files[name].decode(), newline=""), strict=True)
        rows = list(reader)
    except (ValueError, csv.Error) as error:
        raise BundleError(f"{path}: {name} in it is no table ({error}); ask for the file again") from error
    if tuple(reader.fieldnames or ()) != columns:
        raise BundleError(
            f"{path}: {name} in it has not the columns {', '.join(columns)}; ask for the file again"
        )
    return [{column: row[column] or "" for column in columns} for row in rows]


def _hashes(bundle: Bundle) -> Iterator[str]:
    for name in bundle.altered:
        yield f"{name}: is not the file that the bundle was made with"


def _signed(statement: Mapping[str, Any], signer: Signer | None) -> Iterator[str]:
    said = statement.get("signed_by")
    if signer is None and said:
        yield f"the signature of {said} is gone"
    elif signer is not None and not signer.valid:
        yield "the signature is not of this bundle"
    elif signer is not None and signer.fingerprint != said:
        yield f"it is signed by {signer.fingerprint}, and says {said or 'nobody'}"


def _at_odds(bundle: Bundle, files: Rows, cells: Rows) -> Iterator[str]:
    """What a bundle cannot say in one breath: cells and outputs that differ, called the same."""
    for row in cells:
        means = cell_verdict(row["committed"], row["made again"])
        if row["verdict"] in ALIKE and means != row["verdict"]:
            yield (
                f"{row['file']}: {row['row']} {row['column']} is called {row['verdict']}, "
                f"with {row['committed']} committed and {row['made again']} made again"
            )
    before, after = (yaml_values(bundle.files.get(name)) for name in (f"committed/{LOCK}", REPRODUCED_LOCK))
    for row in files:
        if row["verdict"] == "identical" and not row["file"].startswith(RESULTS):
            for name in before:
                if f".outs.{row['file']}.md5" in name and before[name] != after.get(name):
                    yield f"{row['file']}: is called identical, and the two locks differ in {name}"


def _unlike(bundle: Bundle, files: Rows, cells: Rows, there: Reader) -> Iterator[Difference]:
    for name in COMMITTED:
        yield from differences(
            name, yaml_values(bundle.files.get(f"committed/{name}")), yaml_values(there(name))
        )
    by_file: dict[str, dict[str, str]] = {}
    for row in cells:
        by_file.setdefault(row["file"], {})[f"{row['row']} {row['column']}"] = row["committed"]
    for row in files:
        name, stated = row["file"], row["sha256"]
        if not name.startswith(RESULTS) or not stated:
            continue
        content = there(name)
        found = differences(name, by_file.get(name, {}), _cells(name, content or b""))
        yield from found
        if not found and (content is None or sha256(content) != stated):
            yield Difference(name, "its digest", stated, None if content is None else sha256(content))


def _cells(name: str, content: bytes) -> dict[str, str]:
    return {f"{row} {column}": value for (row, column), value in table_cells(name, content).items()}


def _told(found: Iterable[Difference], where: str) -> list[str]:
    return [each.told(where) for each in found]


def _has(root: Path, commit: str) -> bool:
    try:
        run(root, "find the commit", "git", "cat-file", "-e", f"{commit}^{{commit}}")
    except WorktreeError:
        return False
    return True


def _commit(root: Path, commit: str, known: bool) -> list[str]:
    """The code of this working copy against that of the commit."""
    if not known:
        return [f"commit {commit[:12]} is not in this clone: `git fetch` it, or clone anew"]
    changed = run(root, "compare the code", "git", "diff", "--name-only", commit, "--", *CODE).splitlines()
    return [f"{name}: is other code in this clone than in commit {commit[:12]}" for name in changed]


def _data(folder: Path) -> list[str]:
    """data/ against the data.dvc beside it, which is compared with the bundle's."""
    if not (folder / "data").exists():
        return []
    try:
        with inside(folder, refresh=False):
            return [each.what for each in data_folder.check(folder)]
    except (StudyError, GraphError, ParamsError) as error:
        return [f"data/ cannot be compared with data.dvc: {' '.join(str(error).split())}"]


def _differing(files: Rows) -> list[str]:
    return [
        f"{row['file']} {row['verdict']}: {row['detail']}" for row in files if row["verdict"] not in ALIKE
    ]
