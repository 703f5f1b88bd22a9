"""Two roots: of a walk, which is the folder of a study or the repository itself, and of the code that its stages run."""

import re
from difflib import get_close_matches
from pathlib import Path

from params.block import ParamsError, read_params

STUDIES = "studies"
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST = 40
PARAMS = "params.yaml"
LAUNCHER = "run_stage.py"


class StudyError(RuntimeError):
    """A study cannot be made or used; one line says why and what to do."""


def repository(root: Path) -> Path:
    """Where Git, the code and the state of Prefect are."""
    around = root.parent.parent
    return around if root.parent.name == STUDIES and (around / LAUNCHER).exists() else root


def study_name(root: Path) -> str | None:
    """None: the root of the repository, with the default studies."""
    return None if repository(root) == root else root.name


def study_names(repository: Path) -> list[str]:
    """Also of those that are broken."""
    return sorted(path.name for path in (repository / STUDIES).glob("*/") if path.name[0] != ".")


def study_folder(repository: Path, name: str) -> Path:
    names = study_names(repository)
    if name not in names:
        near = get_close_matches(name, names) or names
        there = f"there are {', '.join(near[:5])}" if near else "there are none yet"
        raise StudyError(f"no study is called {name!r}; {there} (`python -m flows.study new`)")
    return repository / STUDIES / name


def new_folder(repository: Path, name: str) -> Path:
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        raise StudyError(
            f"{name!r} cannot be the name of a study: small letters and digits, single dashes between, a letter first, up to {LONGEST}"
        )
    folder = repository / STUDIES / name
    if folder.exists():
        raise StudyError(f"{STUDIES}/{name} is there already; take another name, or remove it first")
    return folder


def experiment_of(folder: Path) -> str:
    """The one whose block stands in the study's params.yaml."""
    try:
        stated = read_params(folder / PARAMS)
    except ParamsError as error:
        raise StudyError(f"study {folder.name} is broken: {' '.join(str(error).split())}") from error
    blocks = [name for name in stated if name != "runtime"] if isinstance(stated, dict) else []
    known = [name for name in blocks if (repository(folder) / "tasks" / str(name) / "prepare.py").exists()]
    if len(blocks) != 1 or blocks != known:
        raise StudyError(
            f"study {folder.name} is broken: its params.yaml has to hold runtime and the block of one experiment, "
            f"it holds {', '.join(map(str, blocks)) or 'no block'}"
        )
    return str(blocks[0])
