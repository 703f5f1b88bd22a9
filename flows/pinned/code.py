"""Which of the repository's files a stage runs: its code deps in dvc.yaml, written by `make deps`, checked by a test.

A stage depends on the import closure of its command, module by module: deps on whole packages would train networks
again for an edited evaluator. A template (`.j2`) that a module names is code of that module.
"""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from flows.studies.folder import STUDIES, StudyError, study_names
from flows.studies.pipeline import refreshed

ROOT = Path(__file__).parents[2]
PACKAGES = ("flows", "tasks", "methods", "simulators", "storage", "params", "serving")
BESIDES = ("run_stage.py", "requirements.lock")  # what every stage runs, and what it runs on
NOTE = "# code: `make deps` writes what follows"
TEMPLATE = ".j2"
TAKEN = re.compile(r"""\{%-?\s*(?:import|from|include|extends)\s+["']([^"']+)["']""")  # by a template
COMMAND = re.compile(r"    cmd: python run_stage\.py (\w+)\.(\w+)")
STATED = re.compile(r"      - (data|artifacts|results)/")  # deps that people write


@cache
def names(path: Path) -> frozenset[str]:
    """Dotted names that `path` imports anywhere, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def imported(path: Path) -> set[Path]:
    """Modules of this repository among them."""
    candidates = (
        ROOT / (name.replace(".", "/") + ".py") for name in names(path) if name.split(".")[0] in PACKAGES
    )
    return {candidate for candidate in candidates if candidate.exists()}


def templates(path: Path) -> set[Path]:
    """Those that a module names by their path in the repository, or that a template takes from."""
    if path.suffix == TEMPLATE:
        return {ROOT / name for name in TAKEN.findall(path.read_text(encoding="utf-8"))}
    constants = (node.value for node in ast.walk(_tree(path)) if isinstance(node, ast.Constant))
    return {ROOT / each for each in constants if isinstance(each, str) and re.fullmatch(r"[\w/.]+\.j2", each)}


def closure(*starts: Path) -> list[str]:
    """All files reached from `starts`, themselves included, as sorted paths relative to the root."""
    reached: set[Path] = set()
    waiting = list(starts)
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting.extend(templates(path))
            waiting.extend(imported(path) if path.suffix == ".py" else ())
    return sorted(path.relative_to(ROOT).as_posix() for path in reached)


def code_dependencies(experiment: str, step: str) -> list[str]:
    """What `run_stage.py <experiment>.<step>` runs, and the lock of what it runs on."""
    launcher, lock = BESIDES
    return sorted([*closure(ROOT / launcher, ROOT / "tasks" / experiment / f"{step}.py"), lock])


def with_code_dependencies(pipeline: str) -> str:
    """The text of a dvc.yaml with the code deps of each stage as they have to be; all else stays as it is written."""
    return "".join(_rewritten(pipeline.splitlines(keepends=True)))


def _rewritten(lines: list[str]) -> Iterator[str]:
    step: tuple[str, str] | None = None
    in_deps = False
    for line in lines:
        if found := COMMAND.match(line):
            step = (found[1], found[2])
        if in_deps and line.startswith("      "):
            if STATED.match(line):
                yield line
            continue
        if in_deps and step:
            yield from _generated(*step)
        in_deps = line.rstrip() == "    deps:"
        yield line
    if in_deps and step:
        yield from _generated(*step)


def _generated(experiment: str, step: str) -> Iterator[str]:
    yield f"      {NOTE}\n"
    for path in code_dependencies(experiment, step):
        yield f"      - {path}\n"


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def main() -> int:
    path = ROOT / "dvc.yaml"
    before = path.read_text(encoding="utf-8")
    after = with_code_dependencies(before)
    if after != before:
        partial = path.with_name(f".{path.name}.partial")
        partial.write_text(after, encoding="utf-8")
        partial.replace(path)
    sys.stdout.write(f"dvc.yaml {'has its code deps anew' if after != before else 'had them all'}\n")
    return max((_of_a_study(name) for name in study_names(ROOT)), default=0)


def _of_a_study(name: str) -> int:
    """Its dvc.yaml follows from ours."""
    try:
        if refreshed(ROOT / STUDIES / name):
            sys.stdout.write(f"{STUDIES}/{name}/dvc.yaml was written anew\n")
    except StudyError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
