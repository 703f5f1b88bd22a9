"""A verification that leaves a bundle: what it has to keep while it runs, and what is written when it has ended."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flows.attested.bundle import Bundle, BundleError, manifest_of, write_bundle
from flows.attested.contents import LOCK, RESULTS, contents, subject
from flows.attested.crate import require_library, with_metadata
from flows.attested.signature import require_key, sign
from flows.published.verdicts import FileVerdict
from flows.studies.folder import STUDIES
from flows.worktrees.worktree import committed_file


@dataclass
class Attestation:
    """Of a verification that is yet to run. again: what it left, by path in the folder; `witness` fills it."""

    path: Path
    key: Path | None
    signer: str | None
    again: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def planned(cls, path: Path, key: Path | None) -> "Attestation":
        """Raises BundleError for what would stand in its way at the end."""
        require_library()
        if path.is_dir() or not path.parent.is_dir():
            raise BundleError(
                f"{path}: a bundle is a file in a folder that is there; name one, as in proof.zip"
            )
        return cls(path, key, None if key is None else require_key(key))

    def witness(self, folder: Path) -> None:
        found = [path for path in (folder / RESULTS).rglob("*") if path.is_file()]
        self.again = {
            path.relative_to(folder).as_posix(): path.read_bytes() for path in (folder / LOCK, *found)
        }

    def write(
        self,
        root: Path,
        commit: str,
        study: str | None,
        experiments: Sequence[str],
        checked: Sequence[FileVerdict],
    ) -> Bundle:
        of = subject(root, commit, f"{STUDIES}/{study}" if study else "", experiments)
        files = with_metadata(
            contents(
                of, lambda name: committed_file(root, commit, of.path(name)), self.again, checked, self.signer
            ),
            of,
        )
        manifest = manifest_of(files)
        bundle = Bundle(files, manifest, None if self.key is None else sign(manifest, self.key))
        write_bundle(self.path, bundle)
        return bundle
