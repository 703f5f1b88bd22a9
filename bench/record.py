"""Run a bench and keep what it prints, for pages to be held against: `python -m bench.record power 500`."""

import argparse
import subprocess
import sys
from pathlib import Path

from storage.files.atomic import complete

RECORDS = Path(__file__).parent / "recorded"


def record(name: str, arguments: list[str], folder: Path = RECORDS, kept_as: str | None = None) -> Path:
    """name: of a bench, or a module's with its dots. Its standard output stands below a comment with the command. In a process
    of its own: some start themselves anew."""
    command, kept = ["-m", name if "." in name else f"bench.{name}", *arguments], []
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            kept.append(line)
    if process.returncode:
        sys.exit(process.returncode)
    path = folder / f"{kept_as or name.rpartition('.')[2]}.md"
    with complete(path) as partial:
        partial.write_text(
            f"<!-- python {' '.join(command)} -->\n\n{''.join(kept).strip()}\n", encoding="utf-8"
        )
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--as", dest="kept_as", help="the record's name, where a bench has several; the bench's own"
    )
    parser.add_argument("bench", help="a bench, or a module with its dots")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what the bench takes")
    options = parser.parse_args()
    print(record(options.bench, options.arguments, kept_as=options.kept_as), file=sys.stderr)
