"""What a person reads of a bundle: when it was written, and when it was checked."""

from pathlib import Path

from flows.attested.bundle import Bundle
from flows.attested.fit import Fit
from flows.attested.signature import Signer

SHOWN = 100  # lines of a kind


def written(path: Path, bundle: Bundle, signer: str | None) -> str:
    size = sum(map(len, bundle.files.values()))
    by = f"signed by {signer}" if signer else "not signed (--sign KEY does)"
    return f"{path}: {len(bundle.files)} files, {size:,} bytes before packing, {by}"


def told(path: Path, found: Fit) -> list[str]:
    """The first line says whether to trust it."""
    of = found.statement
    lines = [_headline(path, found), _signature(found.signer)]
    what = f"{of['folder'] or 'the repository'}, {', '.join(of['experiments']) or 'all experiments'}"
    lines.append(
        f"It is of commit {of['commit'][:12]}: {what}; {found.cells:,} cells, {found.entries:,} entries of dvc.lock."
    )
    lines += _listed("The bundle was altered", found.altered)
    lines += _listed("This clone has otherwise", found.moved)
    lines += _listed("The run did not give again what was committed", found.differing)
    return lines


def _headline(path: Path, found: Fit) -> str:
    if found.altered:
        return f"Do not use {path}: {_count(found.altered)} in it are not as they were made."
    if found.moved:
        return f"{path} is as it was made, but {_count(found.moved)} in it no longer fit this clone."
    if not found.statement["holds"]:
        return f"{path} fits this clone, and says that its tables did not come out again."
    return f"{path} fits this clone, and says that its tables came out again."


def _signature(signer: Signer | None) -> str:
    if signer is None:
        return "It is not signed: anybody could have written it."
    if not signer.valid:
        return "Its signature does not belong to it."
    if signer.principal:
        return f"It is signed by {signer.principal} ({signer.fingerprint})."
    return f"It is signed by an unknown key ({signer.fingerprint}): ask its owner, or name --signers FILE."


def _count(lines: list[str]) -> str:
    return f"{len(lines)} things" if len(lines) != 1 else "1 thing"


def _listed(title: str, lines: list[str]) -> list[str]:
    if not lines:
        return []
    more = [f"  and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return [f"{title}:", *(f"  {line}" for line in lines[:SHOWN]), *more]
