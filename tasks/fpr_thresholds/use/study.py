"""What a study of fpr_thresholds makes of somebody's file: scores of a model, or messages, and whether rows have times."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from storage.files.arrays import array_names
from storage.files.documents import read_json, read_text
from storage.files.foreign import ForeignTable
from storage.files.formats import listed
from storage.files.inputs import InputError, shown
from storage.messages.fields import EXAMPLE, row_times
from tasks.fpr_thresholds.use.study_labels import (
    OF_LABELS,
    carried_by,
    flags_of_labels,
    label_column,
    label_name,
    labelled_scores,
    names_in,
    positive_of,
    rows_of,
    without,
)
from tasks.intake.columns import (
    Role,
    assigned,
    form,
    has_commas,
    is_flag,
    is_name,
    is_near,
    is_prose,
    is_share,
    is_time,
    is_unique,
    may_be_time,
    span,
    table_or_npz,
    unread,
)
from tasks.intake.proposal import Proposal
from tasks.intake.rewriting import Rewriting

EXPERIMENT = "fpr_thresholds"
ID = Role("id", ("id", "rowid", "uuid", "key", "transactionid", "messageid"), is_unique, needed=False)
TIME = Role(
    "collected_at",
    ("collectedat", "timestamp", "datetime", "time", "date", "createdat", "sentat", "created", "sent", "ts"),
    is_time, needed=False, alone=True,
)  # fmt: skip
TEXT = Role(
    "text", ("text", "message", "body", "content", "comment", "sms"), is_prose, needed=False, alone=True
)
SPLIT = Role("split", ("split", "fold", "subset", "part"), is_name, needed=False)
ROLES = {role.name: role for role in (ID, TIME, SPLIT, TEXT)}
OURS = ("score:", "label:")
NO_COLUMNS: dict[str, Any] = {"scores": None, "labels": None}
MARK = re.compile(r"__label__(\S+)")
SHOWN = 5  # labels whose columns are told
BY_TIME = {"by": "time", "calibration": 0.5, "holdout": 0.5}
AT_RANDOM = {"by": "random", "calibration": 0.5, "holdout": 0.5, "seed": 0}


def options(block: Mapping[str, Any]) -> dict[str, list[str]]:
    return {}


def proposal(files: Sequence[Path], stated: Mapping[str, str]) -> Proposal:
    """One file. Raises InputError."""
    if len(files) != 1:
        raise InputError(files[1], f"{EXPERIMENT} takes one file of scores or of messages, got {len(files)}")
    path = files[0]
    if path.suffix == ".npz":
        return _arrays(path, stated)
    if path.suffix == ".txt" and MARK.search(read_text(path)[:4096]):
        return _fasttext(path)
    table = table_or_npz(path, "scores=scores, labels=labels")
    if unknown := [role for role in stated if role not in (*ROLES, *OF_LABELS)]:
        raise InputError(
            path, f"--map knows no {shown(unknown[0])} here; there are {listed([*ROLES, *OF_LABELS], 9)}"
        )
    roles = assigned(
        table, list(ROLES.values()), {role: name for role, name in stated.items() if role not in OF_LABELS}
    )
    if "collected_at" in roles:
        row_times(table.renamed({"collected_at": roles["collected_at"]}), "drop")  # says what is no time
    if _are_messages(table, roles, stated):
        return _messages(table, roles, stated)
    return _scores(table, {name: column for name, column in roles.items() if name != "text"}, stated)


def _are_messages(table: ForeignTable, roles: Mapping[str, str], stated: Mapping[str, str]) -> bool:
    """Prose that nobody calls text is, beside numbers that may be scores, somebody's name or street."""
    if "text" not in roles or "score" in stated:
        return False
    called = "text" in stated or is_near(roles["text"], TEXT.words)
    return called or not any(is_share(table, name) for name in table.names)


def _scores(table: ForeignTable, roles: dict[str, str], stated: Mapping[str, str]) -> Proposal:
    _refuse_spreadsheets(table)
    ours = any(name.startswith(OURS) for name in table.names)
    carried = None if ours else labelled_scores(without(table, roles), roles, stated)
    split, why = _split(table, roles, BY_TIME, AT_RANDOM)
    path = table.path
    suffix = "".join(path.suffixes[-2:] if path.suffix == ".gz" else [path.suffix])
    place = f"scores{'.parquet' if carried and carried.rewriting else suffix}"
    used = [name for name in table.names if name.startswith(OURS)] if carried is None else carried.used
    times = ("id", "collected_at", "split")
    columns = {name: roles.get(name) for name in times} | (carried.columns if carried else NO_COLUMNS)
    return Proposal(
        "own_dated_scores",
        {place: path},
        {
            "prepare.labels": carried.labels if carried else "all",
            "prepare.scores": place,
            "prepare.columns": columns,
            "prepare.split": split,
            "prepare.untimed": "refuse" if split["by"] == "time" else "file_order",
        },
        {
            "read as": form(table),
            **_columns(table, roles),
            **(carried.words if carried else {}),
            "labels": listed(carried.labels) if carried else "all of the file",
            "split": why,
            "groups": "none: each row counts for itself",
        },
        unread(table, [*roles.values(), *used]),
        {place: carried.rewriting} if carried and carried.rewriting else {},
    )


def _refuse_spreadsheets(table: ForeignTable) -> None:
    """InputError where all that may be scores has decimal commas; times are told at once, as one spreadsheet writes both."""
    shares = [name for name in table.names if is_share(table, name)]
    commas = [name for name in table.names if has_commas(table, name)]
    if shares and {*shares} <= {*commas}:
        odd = _unread_times(table)
        times = f"; and in column(s) {listed(odd)} times in ISO 8601, {EXAMPLE}" if odd else ""
        raise InputError(
            table.path, f"column(s) {listed(commas)} have decimal commas: write points there{times}"
        )


def _messages(table: ForeignTable, roles: dict[str, str], stated: Mapping[str, str]) -> Proposal:
    rest, positive = without(table, roles), None
    flags = flags_of_labels(rest, stated)
    column = "" if flags else label_column(rest, stated, several=True)
    if not flags and is_flag(rest, column):
        flags = {label_name(column): column}
    if not flags:
        positive = positive_of(rest, column, stated)
    labels = list(flags) or ([positive] if positive else names_in(rest, column))
    used = list(flags.values()) or [column]
    named: str | dict[str, str] = flags or ({positive: column} if positive else column)
    split, why = _split(
        table, {k: v for k, v in roles.items() if k != "split"},
        {"by": "time", "calibration": 0.15, "holdout": 0.2},
        {"by": "random", "calibration": 0.15, "holdout": 0.2, "seed": 0},
    )  # fmt: skip
    suffix = "".join(table.path.suffixes[-2:] if table.path.suffix == ".gz" else [table.path.suffix])
    name = f"messages{'.parquet' if positive else suffix}"
    columns = {"labels": named} | {role: roles.get(role) for role in ("id", "text", "collected_at")}
    return Proposal(
        "own_messages",
        {name: table.path},
        {
            "prepare.labels": labels, "prepare.messages": name, "prepare.columns": columns,
            "prepare.split": split,
            "prepare.untimed": "refuse" if split["by"] == "time" else "file_order",
        },
        {
            "read as": form(table), **_columns(table, roles),
            "label": rows_of(rest, column, positive) if positive
            else "; ".join(_columns(table, {"label": name})["label"] for name in used[:SHOWN]),
            "labels": listed(labels), "split": why, "groups": "texts that are alike count as one",
        },
        unread(table, [*roles.values(), *used]),
        {name: Rewriting({each: each for each in (*roles.values(), column)}, {column: positive})} if positive else {},
    )  # fmt: skip


def _fasttext(path: Path) -> Proposal:
    labels = sorted(set(MARK.findall(read_text(path))))
    times = path.with_name(f"{path.stem}.times")
    timed = times.exists()
    split = {"by": "time", "calibration": 0.15, "holdout": 0.2}
    return Proposal(
        "own_messages",
        {"messages.txt": path, **({"messages.times": times} if timed else {})},
        {
            "prepare.labels": labels, "prepare.messages": "messages.txt", "prepare.columns": None,
            "prepare.split": split, "prepare.untimed": "refuse" if timed else "file_order",
        },
        {
            "read as": f"{path.name}: fastText lines", "labels": listed(labels),
            "split": "by time, the latest report" if timed else "by the order of the lines, which is taken for that of time",
        },
    )  # fmt: skip


def _arrays(path: Path, stated: Mapping[str, str]) -> Proposal:
    names = array_names(path)
    if unknown := [name for name in stated if name not in ("id", "score", "label", "collected_at", "split")]:
        raise InputError(
            path, f"--map knows no {unknown[0]} here; there are id, score, label, collected_at, split"
        )
    score = stated.get("score") or next(
        (each for each in ("scores", "score", "probabilities") if each in names), ""
    )
    label = stated.get("label") or next(
        (each for each in ("labels", "label", "y", "targets") if each in names), ""
    )
    for role, array in (("score", score), ("label", label)):
        if array not in names:
            raise InputError(
                path,
                f"which array is the {role}? there are {listed(names)}: say it with --map {role}=<array>",
            )
    timed = stated.get("collected_at") or ("collected_at" if "collected_at" in names else None)
    columns = {
        "id": stated.get("id"), "collected_at": timed, "split": stated.get("split"), "scores": score, "labels": label,
    }  # fmt: skip
    return Proposal(
        "own_dated_scores",
        {"scores.npz": path},
        {
            "prepare.labels": "all", "prepare.scores": "scores.npz", "prepare.columns": columns,
            "prepare.split": BY_TIME if timed else AT_RANDOM, "prepare.untimed": "refuse" if timed else "file_order",
        },
        {
            "read as": f"{path.name}: npz", "score": score, "label": label,
            "split": "by time: the later half reports" if timed else _WITHOUT_TIMES,
        },
        [name for name in names if name not in columns.values()],
    )  # fmt: skip


_WITHOUT_TIMES = "at random: rows have no times, so the decision will not speak of later data"
_UNREAD_TIMES = (
    "at random: times are read in ISO 8601 alone, so the decision will not speak of later data; for column {} "
    f"{EXAMPLE}"
)


def _split(
    table: ForeignTable, roles: Mapping[str, str], by_time: dict[str, Any], at_random: dict[str, Any]
) -> tuple[dict[str, Any], str]:
    if "split" in roles and {"calib", "holdout"} <= set(table.text(roles["split"])):
        return {"by": "column"}, f"the file's own, column {roles['split']}"
    if "collected_at" in roles:
        share = f"{by_time['holdout']:.0%}"
        return by_time, f"by time: the latest {share} report ({span(table, roles['collected_at'])})"
    odd = _unread_times(table)
    return at_random, _UNREAD_TIMES.format(listed(odd)) if odd else _WITHOUT_TIMES


def _unread_times(table: ForeignTable) -> list[str]:
    return [name for name in table.names if may_be_time(table, name, TIME.words)]


def _columns(table: ForeignTable, roles: Mapping[str, str]) -> dict[str, str]:
    return {
        role: f"{column}, {span(table, column)}"
        if role == "collected_at"
        else carried_by(table, column)
        if role == "label" and is_flag(table, column)
        else column
        for role, column in roles.items()
    }


def facts(artifacts: Path) -> dict[str, str]:
    """What the first stage counted."""
    prepared = read_json(artifacts / "prepared.json")
    labels = prepared["labels"]
    return {
        str(row["pool"]): f"{row['rows']:,} rows, "
        + ", ".join(f"{row[label]:,} {label}" for label in labels[:5])
        + (f" and {len(labels) - 5} more labels" if len(labels) > 5 else "")
        for row in prepared["rows"]
    }
