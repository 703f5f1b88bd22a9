"""Mutations of every kind of file that a user may bring: `python -m tests.fuzz --only NAME --mutations 1000`."""

import argparse
import os
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "ARROW_IO_THREADS",
)
os.environ.update(dict.fromkeys(THREADS, "1"))  # before anything heavy is imported: workers are forked

from tests.fuzz.harness import Campaign, Importer, Outcome, fuzz  # noqa: E402

COLUMNS = f"{'importer':<40}{'mutations':>10}{'refused':>9}{'read':>7}{'findings':>10}{'slowest s':>11}{'peak MB':>9}{'CPU s':>8}"
DETAILS = 20  # kinds of finding of one importer that are told at length


def importers(only: list[str]) -> list[Importer]:
    """Of all modules, in which every importer has a name of its own; `only`: names, or parts of them."""
    modules = sorted((Path(__file__).parent / "importers").glob("[a-z]*.py"))
    of_one = [path for path in modules if only and all(name.startswith(path.stem) for name in only)]
    wanted = of_one or modules
    found = [each for path in wanted for each in import_module(f"tests.fuzz.importers.{path.stem}").IMPORTERS]
    twice = [name for name, count in Counter(each.name for each in found).items() if count > 1]
    assert not twice, f"two importers are called {twice}"
    return [each for each in found if not only or any(name in each.name for name in only)]


def lines(campaign: Campaign, seconds: float) -> list[str]:
    mutations = [outcome for outcome in campaign.outcomes if outcome.at >= 0]
    read = sum(
        not outcome.refused and outcome.kind not in ("traceback", "hang", "crash") for outcome in mutations
    )
    slowest, peak = (max(getattr(each, name) for each in campaign.outcomes) for name in ("seconds", "peak"))
    told = [
        f"{campaign.importer.name:<40}{len(mutations):>10}{sum(each.refused for each in mutations):>9}{read:>7}"
        f"{len(campaign.findings):>10}{slowest:>11.2f}{peak >> 20:>9}{seconds:>8.1f}"
    ]
    alike: dict[str, list[Outcome]] = {}
    for outcome in campaign.findings:
        place = (
            str(outcome.finding).rsplit(" (", 1)[-1]
            if outcome.kind == "traceback"
            else outcome.what.split(": ")[1:2]
        )
        alike.setdefault(f"{outcome.kind} {place}", []).append(outcome)
    for first, *others in list(alike.values())[:DETAILS]:
        more = f" (and {len(others)} more like it)" if others else ""
        told += [
            f"  {first.kind}: {first.what}{more}",
            f"    {first.finding}",
            f"    {campaign.command(first)}",
        ]
    if len(alike) > DETAILS:
        told.append(f"  and {len(alike) - DETAILS} other kinds of finding")
    return told


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--mutations", type=int, default=1000, help="of each importer")
    parser.add_argument("--only", nargs="+", default=[], help="importers with one of these in their names")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other mutations")
    parser.add_argument("--at", type=int, help="this one mutation alone")
    given = parser.parse_args()
    positions = range(given.mutations) if given.at is None else range(given.at, given.at + 1)
    if not (chosen := importers(given.only)):
        parser.error(f"no importer is called {given.only}")
    sys.stdout.write(COLUMNS + "\n")
    failed = False
    for importer in chosen:
        before = os.times()
        campaign = fuzz(importer, given.seed, positions)
        used = sum(os.times()[:4]) - sum(before[:4])
        failed |= bool(campaign.findings)
        told = lines(campaign, used)
        if given.at is not None:
            told += [f"  {each.what}: {'refused' if each.refused else 'read'}" for each in campaign.outcomes]
        sys.stdout.write("\n".join(told) + "\n")
        sys.stdout.flush()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
