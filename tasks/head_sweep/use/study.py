"""What a study of head_sweep makes of somebody's files: embeddings, one file an encoder, or a table of finished runs."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from storage.files.documents import read_json
from storage.files.foreign import ForeignTable, read_foreign_table
from storage.files.formats import listed
from storage.files.inputs import InputError
from tasks.head_sweep.use.study_embeddings import FAMILY, embeddings
from tasks.intake.columns import Role, assigned, form, is_name, is_number, unread
from tasks.intake.proposal import Proposal
from tasks.intake.rewriting import holds_lists

EXPERIMENT = "head_sweep"
TABLES = (".csv", ".tsv", ".jsonl", ".parquet", ".gz")
SCORE_WORDS = (
    "f1",
    "acc",
    "accuracy",
    "score",
    "auc",
    "auroc",
    "map",
    "loss",
    "error",
    "bleu",
    "miou",
    "metric",
)
PARTS = (
    "val",
    "valid",
    "validation",
    "dev",
    "eval",
    "test",
    "tst",
    "holdout",
)  # of which a score is, and no word more
CONTROLS = ("control", "baseline", "base", "default", "reference", "vanilla")
STATE = ("state", "status")
UNFINISHED = (
    "crashed",
    "failed",
    "killed",
    "preempted",
    "running",
    "pending",
    "timeout",
    "canceled",
    "cancelled",
)
SEED = Role("seed", ("seed", "randomseed", "run", "repeat", "replicate"), is_name, needed=False)
PROFILE = Role(
    "profile",
    ("profile", "recipe", "method", "name", "config", "variant", "model", "algorithm"),
    is_name,
    alone=True,
)
NO_ENCODER = "none"  # a matrix has one option at least; its stages leave a status


def options(block: Mapping[str, Any]) -> dict[str, list[str]]:
    """One run for each encoder that the params name."""
    embed = block["embed"]
    return {"encoder": list(embed["encoders"]) if embed else [NO_ENCODER]}


def proposal(files: Sequence[Path], stated: Mapping[str, str]) -> Proposal:
    """Raises InputError."""
    if len(files) == 1 and any(files[0].name.endswith(suffix) for suffix in TABLES):
        table = read_foreign_table(files[0])
        if not _holds_embeddings(table):
            return _runs(table, stated)
    return embeddings(files, stated)


def _holds_embeddings(table: ForeignTable) -> bool:
    numbered = [name for name in table.names if re.fullmatch(r".*\d", name) and is_number(table, name)]
    lists = any(holds_lists(table.frame[name]) for name in table.names)
    return len(numbered) >= FAMILY or lists or bool({"embedding", "embeddings"} & set(table.names))


# --- finished runs ------------------------------------------------------------------------------------------------


def _runs(table: ForeignTable, stated: Mapping[str, str]) -> Proposal:
    told = {role: column for role, column in stated.items() if role not in ("control", "cell")}
    scores = [name for name in table.names if _is_score(table, name)]
    roles = assigned(
        table, [SEED, PROFILE, _score("validation", scores, False), _score("test", scores, True)], told
    )
    cell = [name for name in stated.get("cell", "").split(",") if name] or [
        name
        for name in table.names
        if name not in (*roles.values(), *scores, *_states(table)) and is_name(table, name)
    ]
    table.require(cell, "those that --map cell=a,b names")
    profiles = list(dict.fromkeys(table.text(roles["profile"])))
    control = stated.get("control") or next((each for each in profiles if each.lower() in CONTROLS), None)
    if control not in profiles:
        raise InputError(
            table.path,
            f"which {roles['profile']} is the control? there are {listed(profiles)}: say it with --map control=...",
        )
    scale, better = _scale(table, roles["test"]), "lower" if _is_loss(roles["test"]) else "higher"
    name = f"runs{''.join(table.path.suffixes[-2:] if table.path.suffix == '.gz' else [table.path.suffix])}"
    columns = {
        "profile": roles["profile"], "cell": cell, "luck": [], "seed": roles.get("seed"),
        "validation": roles.get("validation"), "test": roles["test"],
    }  # fmt: skip
    settings = {"file": name, "columns": columns, "better": better, "scale": scale}
    return Proposal(
        "finished_runs",
        {name: table.path},
        {**{f"prepare.datasets.runs.{key}": value for key, value in settings.items()}, "compare.control": control},
        {
            "read as": form(table), **roles, "profiles": listed(profiles), "control": control,
            "compared within": listed(cell) or "nothing: all rows are of one cell",
            "scores": f"{better} is better, {scale}",
            "split": "the table's own: one score chooses, another reports"
            if "validation" in roles else "none: one score alone, so nothing is confirmed",
            "groups": "runs of one seed and cell are paired" if "seed" in roles else "none: no column of seeds was found",
            **_unfinished(table),
        },
        unread(table, [*roles.values(), *cell]),
    )  # fmt: skip


def _states(table: ForeignTable) -> list[str]:
    """Columns in which a tracker says how runs ended."""
    return [name for name in table.names if name.lower() in STATE and not is_number(table, name)]


def _unfinished(table: ForeignTable) -> dict[str, str]:
    ended = {name: table.text(name).str.strip().str.lower() for name in _states(table)}
    counts = {name: int(column.isin(UNFINISHED).sum()) for name, column in ended.items()}
    said = [f"{count} row(s), as {name} has it" for name, count in counts.items() if count]
    return {"unfinished": f"{'; '.join(said)}: those with scores count like others"} if said else {}


def _is_score(table: ForeignTable, name: str) -> bool:
    plain = re.sub(r"[^a-z0-9]+", "", name.lower())
    return is_number(table, name) and (plain in PARTS or any(word in plain for word in SCORE_WORDS))


def _score(part: str, scores: Sequence[str], needed: bool) -> Role:
    words = (f"{part}f1", f"{part}acc", part, part[:3], *(() if needed else ("dev", "eval")))
    return Role(part, words, lambda _, name: name in scores, needed, alone=needed)


def _is_loss(name: str) -> bool:
    return bool(re.search(r"loss|error|nll", name.lower()))


def _scale(table: ForeignTable, name: str) -> str:
    values = table.numbers(name)
    values = values[~np.isnan(values)]
    least, most = float(values.min(initial=1)), float(values.max(initial=0))
    return "raw" if least < 0 or most > 100 or _is_loss(name) else "share" if most <= 1 else "percent"


def facts(artifacts: Path) -> dict[str, str]:
    """What the first stage counted."""
    told = {}
    for prepared in read_json(artifacts / "prepared.json").values():
        if prepared["kind"] == "finished_runs":
            told["runs"] = f"{prepared['runs']:,} in {prepared['cells']} cells with {prepared['seeds']} seeds"
        else:
            told |= {
                part: f"{counts['foreground']:,} rows of {counts['groups']:,} groups"
                for part, counts in prepared["splits"].items()
            }
    return told
