"""Why a stage ran, as a user would say it: first run, outputs not here, data, params or code changed. `dvc status` has each file."""

import re
from collections.abc import Iterable, Sequence

NAMED = 2
PARAMETER = re.compile(r"parameter (.+) changed")
FILE = re.compile(r"(dependency|output) (.+?) (changed|missing|is new|is not in the cache|\S+)")
CODE = (".py", ".j2", ".lock", ".json")
ABSENT = ("missing", "is not in the cache")


def because(reasons: Sequence[str]) -> str:
    """reasons: as `flows.pinned.graph` has them. What is none of these kinds is said as it is."""
    params = [found[1] for each in reasons if (found := PARAMETER.fullmatch(each))]
    files = [found.groups() for each in reasons if (found := FILE.fullmatch(each))]
    others = [each for each in reasons if not PARAMETER.fullmatch(each) and not FILE.fullmatch(each)]
    outputs = [(path, state) for kind, path, state in files if kind == "output"]
    inputs = [path for kind, path, _ in files if kind == "dependency"]
    code = [path for path in inputs if path.endswith(CODE) and not _made(path)]
    absent = bool(outputs) and all(state in ABSENT for _, state in outputs)
    said = [
        "first run" if "never ran" in others else "",
        "its outputs are not here" if absent and not (params or inputs) else "",
        *_named("params changed", params),
        *_named("input changed", [path for path in inputs if path not in code]),
        *_named("code changed", code),
        *_named("output missing", [] if absent else [path for path, state in outputs if state in ABSENT]),
        *_named("output changed", [path for path, state in outputs if state not in ABSENT]),
        *(each for each in others if each != "never ran"),
    ]
    return "; ".join(filter(None, said))


def _made(path: str) -> bool:
    return path.split("/")[0] in ("data", "artifacts", "results")


def _named(what: str, names: Iterable[str]) -> list[str]:
    shown = list(names)
    more = f" and {len(shown) - NAMED} more" if len(shown) > NAMED else ""
    return [f"{what}: {', '.join(shown[:NAMED])}{more}"] if shown else []
