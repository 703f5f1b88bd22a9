"""Studies, an experiment on data of yours each: `python -m flows.study new | check | list | copy | schedule | remove`."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from flows.studies import commands
from flows.walk import settings
from flows.walk.command import guarded


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m flows.study", description=__doc__)
    verbs = top.add_subparsers(dest="verb", required=True)
    new = verbs.add_parser(
        "new", help="make a study of files of yours, or of an example that simulates its data"
    )
    new.add_argument("name", help="small letters, digits, dashes")
    source = new.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", nargs="+", type=Path, metavar="FILE", help="files, or a folder of stamps")
    source.add_argument("--example", metavar="NAME", help="examples/NAME.yaml, whose data is simulated")
    new.add_argument("--experiment", help="what to ask of the files")
    new.add_argument(
        "--map", nargs="+", default=[], metavar="OURS=THEIRS", help="which column is what; else guessed"
    )
    check = verbs.add_parser("check", help="does it hold together, and what would run?")
    check.add_argument("name", help="of the study")
    verbs.add_parser("list", help="all studies: verdict, freshness, size")
    copy = verbs.add_parser("copy", help="another study of the same data, with other parameters")
    copy.add_argument("source", help="the study whose data it takes")
    copy.add_argument("name", help="of the new one: small letters, digits, dashes")
    for each in (new, copy):
        each.add_argument(
            "--set",
            nargs="+",
            default=[],
            dest="settings",
            metavar="KEY=VALUE",
            help="a value in its params.yaml",
        )
    schedule = verbs.add_parser("schedule", help="a deployment that brings it up to date on time")
    schedule.add_argument("name", help="of the study")
    when = schedule.add_mutually_exclusive_group(required=True)
    when.add_argument("--cron", help="'0 4 * * 1' is Monday at 4:00")
    when.add_argument("--interval", metavar="EVERY", help="30m, 6h, 1d")
    schedule.add_argument("--timezone", default="UTC", help="of --cron, such as Europe/Berlin (default: UTC)")
    remove = verbs.add_parser("remove", help="the folder, its deployment and its artifacts")
    remove.add_argument("name", help="of the study")
    remove.add_argument("--yes", action="store_true", help="without asking, also where git lacks it")
    return top


def main(arguments: list[str] | None = None) -> int:
    asked = parser().parse_args(arguments)
    root = Path.cwd()
    settings.apply(root)
    console = Console(highlight=False, soft_wrap=True)
    return guarded(lambda: commands.VERBS[asked.verb](root, asked, console))


if __name__ == "__main__":
    sys.exit(main())
