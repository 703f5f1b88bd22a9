"""Working in a study: its folder is the working directory, its dvc.yaml is what its params ask for, its cache the root's."""

from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

from flows.studies.folder import StudyError, experiment_of, repository, study_name
from flows.studies.pipeline import refreshed


@contextmanager
def inside(root: Path, refresh: bool = True) -> Iterator[Path]:
    """`root`: a study's folder, or the repository itself, where nothing has to be done. Raises StudyError.

    Without `refresh` dvc.yaml stays as it is: as a commit holds it.
    """
    if study_name(root) is not None:
        ready(root, refresh)
    with chdir(root):
        yield root


def ready(folder: Path, refresh: bool = True) -> None:
    from flows.pinned.study_repository import share  # noqa: PLC0415 - DVC takes a second to import

    experiment_of(folder)
    if not (folder / ".dvc" / "config").exists():
        raise StudyError(
            f"study {folder.name} is broken: it has no .dvc/config; bring it back from git, or remove it"
        )
    share(repository(folder), folder)
    if refresh:
        refreshed(folder)
