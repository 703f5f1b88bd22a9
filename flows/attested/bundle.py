"""The bundle that says what came out when a commit's tables were made again: a zip of files, whose hashes it holds.

It names no machine, no person and no path of either.
"""

import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FORMAT = 1
STATEMENT, FILES, CELLS, ENVIRONMENT = "attestation.json", "files.csv", "cells.csv", "environment.json"
CRATE, MANIFEST, SIGNATURE = "ro-crate-metadata.json", "manifest-sha256.txt", "manifest-sha256.txt.sig"
REPRODUCED_LOCK = "reproduced/dvc.lock"
COMMITTED = ("dvc.lock", "dvc.yaml", "params.yaml", "data.dvc")  # in `committed/`, as the commit has them
NEEDED = (STATEMENT, FILES, CELLS, ENVIRONMENT, CRATE, REPRODUCED_LOCK, MANIFEST)
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment a zip knows
LARGEST = 1 << 28  # bytes of one file in it

Files = Mapping[str, bytes]


class BundleError(RuntimeError):
    """One line: what is wrong with the bundle, or what is missing to make one, and what to do."""


@dataclass(frozen=True)
class Bundle:
    """files: by their paths in it, without manifest and signature."""

    files: Files
    manifest: bytes
    signature: bytes | None

    @property
    def altered(self) -> list[str]:
        """Files that are not what the manifest says, those that it does not name, and those that are gone."""
        stated = stated_hashes(self.manifest)
        return sorted(
            name for name in {*stated, *self.files} if stated.get(name) != sha256(self.files.get(name, b""))
        )


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def manifest_of(files: Files) -> bytes:
    """As `sha256sum --check` reads it."""
    return "".join(f"{sha256(files[name])}  {name}\n" for name in sorted(files)).encode()


def stated_hashes(manifest: bytes) -> dict[str, str]:
    lines = [line.split("  ", 1) for line in manifest.decode(errors="replace").splitlines()]
    return {line[1]: line[0] for line in lines if len(line) == 2}


def write_bundle(path: Path, bundle: Bundle) -> None:
    """The same bytes for the same content; whole or not at all."""
    content = {**bundle.files, MANIFEST: bundle.manifest}
    if bundle.signature is not None:
        content[SIGNATURE] = bundle.signature
    part = path.with_name(f"{path.name}.part")
    try:
        with zipfile.ZipFile(part, "w") as archive:
            for name in sorted(content):
                entry = zipfile.ZipInfo(name, EPOCH)
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, content[name], zipfile.ZIP_DEFLATED, 9)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise BundleError(f"{path}: cannot be written ({error.strerror}); name another file") from error


def read_bundle(path: Path) -> Bundle:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if large := [each.filename for each in entries if each.file_size > LARGEST]:
                raise BundleError(f"{path}: {large[0]} in it is larger than any bundle's; it is no bundle")
            content = {each.filename: archive.read(each) for each in entries if not each.is_dir()}
    except FileNotFoundError as error:
        raise BundleError(
            f"{path}: no such file; `python -m flows.verify --attest FILE` makes one"
        ) from error
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror})") from error
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, ValueError, NotImplementedError) as error:
        raise BundleError(
            f"{path}: is no bundle, or a part of one ({error}); ask for the file again"
        ) from error
    if missing := [name for name in NEEDED if name not in content]:
        raise BundleError(
            f"{path}: is no bundle of this kind, it has no {missing[0]}; ask for the file again"
        )
    manifest, signature = content.pop(MANIFEST), content.pop(SIGNATURE, None)
    return Bundle(content, manifest, signature)
