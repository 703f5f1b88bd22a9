"""Which experiments params.yaml asks for: a user's own file may hold the blocks of one alone."""

from pathlib import Path

from params.block import read_params

PARAMS = "params.yaml"


def left_out(root: Path) -> list[str]:
    """Experiments of `tasks/` that params.yaml says nothing of; none where there is no such file."""
    if not (root / PARAMS).exists():
        return []
    asked = read_params(root / PARAMS) or {}
    return sorted(
        path.parent.name for path in (root / "tasks").glob("*/__init__.py") if path.parent.name not in asked
    )


def asked_for(root: Path, stages: list[str]) -> list[str]:
    """The stages without those of experiments that are left out."""
    absent = tuple(f"{name}_" for name in left_out(root))
    return [stage for stage in stages if not stage.startswith(absent)] if absent else stages
