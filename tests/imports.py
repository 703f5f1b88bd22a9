"""Which of the repository's files a module needs: what a DVC stage has to depend on."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("flows", "tasks", "methods", "simulators", "storage", "params")


@cache
def names(path: Path) -> frozenset[str]:
    """Dotted names that `path` imports anywhere, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def imported(path: Path) -> set[Path]:
    """Files of this repository among them."""
    candidates = (
        ROOT / (name.replace(".", "/") + ".py") for name in names(path) if name.split(".")[0] in PACKAGES
    )
    return {candidate for candidate in candidates if candidate.exists()}


def closure(*starts: Path) -> list[str]:
    """All files reached from `starts`, themselves included, as sorted paths relative to the root."""
    reached: set[Path] = set()
    waiting = list(starts)
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting.extend(imported(path))
    return sorted(path.relative_to(ROOT).as_posix() for path in reached)


def code_dependencies(experiment: str, step: str) -> list[str]:
    """What `run_stage.py <experiment>.<step>` runs, and the lock of what it runs on."""
    files = closure(ROOT / "run_stage.py", ROOT / "tasks" / experiment / f"{step}.py")
    return sorted([*files, "requirements.lock"])
