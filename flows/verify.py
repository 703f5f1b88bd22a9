"""Make a commit's tables again in a clean worktree and compare them with what it holds: `python -m flows.verify`."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.attested.attestation import Attestation
from flows.attested.bundle import BundleError, read_bundle
from flows.attested.fit import fit
from flows.attested.told import told, written
from flows.published.verdicts import FileVerdict, verdict_of
from flows.studies import selection
from flows.studies.folder import StudyError
from flows.walk import settings
from flows.walk.in_threads import run_in_threads
from flows.worktrees.verification import VerifyError, agreement, verify, verify_everything
from flows.worktrees.worktree import WorktreeError, commit_of

COLOURS = {"identical": "green", "equal within tolerance": "cyan", "different": "red", "missing": "red"}


def summary(checked: Sequence[FileVerdict]) -> Table:
    table = Table("what", "verdict", "detail", box=None, header_style="bold", pad_edge=False)
    table.columns[0].overflow = "fold"  # a file's name is read whole
    for each in checked:
        table.add_row(each.name, f"[{COLOURS[each.verdict]}]{each.verdict}[/]", escape(each.detail))
    return table


def main(arguments: list[str] | None = None) -> int:
    root = Path.cwd()
    settings.apply(root)
    asked = _asked(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    width = None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "140"))
    console = Console(highlight=False, width=width)
    try:
        if asked.check:
            return _check(root, asked)
        proof = Attestation.planned(asked.attest, asked.sign) if asked.attest else None
        commit = commit_of(root, asked.rev)
        checked = _checked(root, commit, asked, proof)
        console.print(summary(checked))
        console.print(verdict_of(checked, commit, asked.quick))
        if proof is not None:
            bundle = proof.write(root, commit, asked.study, asked.experiments, checked)
            console.print(written(proof.path, bundle, proof.signer), markup=False, soft_wrap=True)
    except (VerifyError, WorktreeError, BundleError, StudyError) as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(str(error), markup=False)
        return 2
    return 0 if all(each.holds for each in checked) else 1


def _asked(arguments: list[str] | None) -> argparse.Namespace:
    options = argparse.ArgumentParser(prog="python -m flows.verify", description=__doc__)
    options.add_argument("experiments", nargs="*", help="experiments to make again; all if none is named")
    options.add_argument("--rev", default="HEAD", help="the commit to verify (default: HEAD)")
    options.add_argument("--quick", action="store_true", help="run nothing: do lock, code and params agree?")
    options.add_argument(
        "--no-prefect", dest="prefect", action="store_false", help="plain threads, no run history"
    )
    proof = options.add_argument_group("a bundle for a reviewer")
    proof.add_argument(
        "--attest", type=Path, metavar="FILE", help="write what came out, cell by cell, as an RO-Crate"
    )
    proof.add_argument("--sign", type=Path, metavar="KEY", help="sign it with this SSH key")
    proof.add_argument(
        "--check", type=Path, metavar="FILE", help="run nothing: does this bundle fit this clone?"
    )
    proof.add_argument(
        "--signers", type=Path, metavar="FILE", help="whose keys are known (ssh-keygen's ALLOWED SIGNERS)"
    )
    selection.add_options(options)
    asked = options.parse_args(arguments)
    if asked.experiments and (asked.study or asked.everything):
        options.error("experiments are the repository's own: name them, or --study NAME, or --all")
    if asked.attest and (asked.quick or asked.everything):
        options.error(
            "--attest is of tables made again, of the repository or of one --study: leave --quick and --all out"
        )
    if asked.sign and not asked.attest:
        options.error("--sign signs what --attest writes: name that file, too")
    return asked


def _check(root: Path, asked: argparse.Namespace) -> int:
    found = fit(root, asked.check, read_bundle(asked.check), asked.signers)
    for line in told(asked.check, found):
        Console(soft_wrap=True, highlight=False).print(line, markup=False)
    return 0 if found.fits else 1


def _checked(
    root: Path, commit: str, asked: argparse.Namespace, proof: Attestation | None
) -> list[FileVerdict]:
    witness = None if proof is None else proof.witness

    def check(study: str | None) -> list[FileVerdict]:
        if asked.quick:
            return agreement(root, commit, study)
        return verify(root, commit, asked.experiments, run_in_threads, study, witness)

    if asked.quick or not asked.prefect:
        return verify_everything(root, commit, check) if asked.everything else check(asked.study)
    # Prefect takes seconds to import: only where something will run.
    from flows.published.verification_run import verified_in_a_flow_run  # noqa: PLC0415

    return verified_in_a_flow_run(commit, asked.experiments, asked.study, asked.everything, witness)


if __name__ == "__main__":
    sys.exit(main())
