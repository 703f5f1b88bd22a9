"""Which column of a table of scores says which row carries a label: 0 and 1, or names, and which score is of which."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from storage.files.foreign import ForeignTable
from storage.files.formats import listed
from storage.files.inputs import InputError, shown
from tasks.intake.columns import Role, assigned, is_flag, is_name, is_share
from tasks.intake.rewriting import Rewriting, holds_lists

SCORE = Role(
    "score",
    ("score", "probability", "prob", "proba", "confidence", "prediction", "pred"),
    is_share,
    alone=True,
)
LABEL_WORDS = ("label", "labels", "target", "truth", "y", "class", "category", "istrue", "actual")
FLAG = Role("label", LABEL_WORDS, is_flag, needed=False, alone=True)
NAMED = Role("label", (*LABEL_WORDS, "tags", "status", "outcome", "verdict"), is_name, alone=True)
PAIR = Role("label", (), lambda table, name: _is_pair(table, name), needed=False, alone=True)
POSITIVE = "positive"
OURS = "label:"
OF_LABELS = ("score", "label", POSITIVE)  # what --map may say of them
CLEAN = {
    "ok", "n", "no", "none", "normal", "negative", "neg", "legit", "legitimate", "genuine", "ham", "clean", "benign", "good",
    "nein", "other", "nothing", "background", "healthy", "safe",
}  # fmt: skip
NOT = re.compile(r"(not|non|no)[ _-].+", re.IGNORECASE)


@dataclass(frozen=True)
class LabelledScores:
    """scores: label -> column. carried: the column of names, or label -> column of 0 and 1. rewriting: of a column that
    names what the score is not of, too."""

    labels: list[str]
    scores: Mapping[str, str]
    carried: str | Mapping[str, str]
    words: Mapping[str, str]
    rewriting: Rewriting | None = None

    @property
    def columns(self) -> dict[str, Any]:
        carried = self.carried if isinstance(self.carried, str) else dict(self.carried)
        return {"scores": dict(self.scores), "labels": carried}

    @property
    def used(self) -> list[str]:
        carried = [self.carried] if isinstance(self.carried, str) else list(self.carried.values())
        return [*self.scores.values(), *carried]


def labelled_scores(
    table: ForeignTable, others: Mapping[str, str], stated: Mapping[str, str]
) -> LabelledScores:
    """table: without the columns that are something else (others: ours -> theirs). Raises InputError."""
    label = label_column(table, stated)
    if not is_flag(table, label):
        return _named(table, label, others, stated)
    if POSITIVE in stated:
        raise InputError(
            table.path, f"--map {POSITIVE}: column {shown(label)} holds 0 and 1, nothing to choose"
        )
    score, name = _score(table, label, stated), label_name(label)
    return LabelledScores(
        [name], {name: score}, {name: label}, {"score": score, "label": carried_by(table, label)}
    )


def flags_of_labels(table: ForeignTable, stated: Mapping[str, str]) -> dict[str, str]:
    """Label -> its column of 0 and 1, of several that are told (a,b) or called label:<label>; {} where one column has all.
    Raises InputError."""
    told = stated.get("label", "")
    called = [name for name in table.names if name.startswith(OURS)] if not told else []
    columns = told.split(",") if "," in told and not table.has(told) else called
    table.require(columns, "those that --map label=a,b names")
    if odd := [name for name in columns if not is_flag(table, name)]:
        raise InputError(table.path, "expected 0 and 1 in a column of its own for each label", field=odd[0])
    return {label_name(name): name for name in columns}


def label_column(table: ForeignTable, stated: Mapping[str, str], several: bool = False) -> str:
    """The one that is called so, whatever it holds; else one of 0 and 1, of names by its own, of two names of which one says
    that there is nothing (yes beside no), of names."""
    told = {"label": stated["label"]} if "label" in stated else {}
    called = Role("label", LABEL_WORDS, lambda _, name: _plain(name) in LABEL_WORDS, needed=False)
    by_name = replace(NAMED, needed=False, alone=False)
    for role in (called, FLAG, by_name, PAIR, replace(NAMED, several=several)):
        if label := assigned(table, [role], told).get("label"):
            return label
    raise AssertionError("the last of them is needed")


def _named(
    table: ForeignTable, label: str, others: Mapping[str, str], stated: Mapping[str, str]
) -> LabelledScores:
    values = names_in(table, label)
    scored = {} if "score" in stated else _scored(table, values)
    wanted = [name for name in values if not is_clean(name)]
    if POSITIVE not in stated and len(wanted) > 1 and set(values) == set(scored):
        words = {"scores": listed(list(scored.values())), "label": label}
        return LabelledScores(values, scored, label, words)
    candidates = wanted if len(wanted) == 1 else list(scored) if len(scored) == 1 else []
    positive = stated.get(POSITIVE) or next(iter(candidates), None)
    if positive not in values:
        raise InputError(
            table.path, f"column {shown(label)} holds {listed(values)}: which of them is the score of? say it with --map "
            f"{POSITIVE}=<name>; several labels need a score each, in columns called as they are",
        )  # fmt: skip
    score = scored.get(positive) or _score(table, label, stated)
    words = {
        "score": score,
        "label": rows_of(table, label, positive),
    }
    if values == [positive]:
        return LabelledScores([positive], {positive: score}, label, words)
    kept = (*others.values(), score, label)
    rewriting = Rewriting({name: name for name in kept}, {label: positive})
    return LabelledScores([positive], {positive: score}, {positive: label}, words, rewriting)


def _score(table: ForeignTable, label: str, told: Mapping[str, str]) -> str:
    """Raises InputError for one that holds no numbers, here where file and column have their own names."""
    score = {"score": told["score"]} if "score" in told else {}
    found = assigned(without(table, {"label": label}), [SCORE], score)["score"]
    table.numbers(found)
    return found


def _scored(table: ForeignTable, values: Sequence[str]) -> dict[str, str]:
    """Label -> the column of its scores, which is called as it is: spam, score_spam, p_spam, ..."""
    shares = {_plain(name): name for name in table.names if is_share(table, name)}
    shapes = (
        "{}",
        "score{}",
        "{}score",
        "p{}",
        "prob{}",
        "{}prob",
        "proba{}",
        "probability{}",
        "{}probability",
    )
    found = {
        name: next((shares[form] for shape in shapes if (form := shape.format(_plain(name))) in shares), None)
        for name in values
    }
    return {name: column for name, column in found.items() if column is not None}


def positive_of(table: ForeignTable, column: str, stated: Mapping[str, str]) -> str | None:
    """The one label of a column of names whose others say that there is none: spam beside ham."""
    values = names_in(table, column)
    if POSITIVE in stated and stated[POSITIVE] not in values:
        raise InputError(
            table.path, f"--map {POSITIVE}={stated[POSITIVE]}: column {shown(column)} holds {listed(values)}"
        )
    wanted = [name for name in values if not is_clean(name)]
    return stated.get(POSITIVE) or (wanted[0] if len(wanted) == 1 < len(values) else None)


def rows_of(table: ForeignTable, column: str, positive: str) -> str:
    rows = int((table.text(column).str.strip() == positive).sum())
    rest = [name for name in names_in(table, column) if name != positive]
    return f"{column}, {rows:,} of {len(table.frame):,} rows are {positive}" + (
        f", the others {listed(rest)}" if rest else ""
    )


def names_in(table: ForeignTable, column: str) -> list[str]:
    """Of a cell: a, a|b, or a list."""
    cells = table.frame[column]
    if holds_lists(cells):
        return sorted({str(name) for cell in cells for name in cell})
    parts = {part.strip() for cell in table.text(column).unique() for part in re.split(r"[|\[\]',\"]+", cell)}
    return sorted(parts - {""})


def _is_pair(table: ForeignTable, name: str) -> bool:
    if holds_lists(table.frame[name]) or not is_name(table, name):
        return False
    values = names_in(table, name)
    return len(values) == 2 and sum(map(is_clean, values)) == 1


def is_clean(name: str) -> bool:
    return name.lower() in CLEAN or bool(NOT.fullmatch(name))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", name.lower())


def carried_by(table: ForeignTable, column: str) -> str:
    carried = int(table.text(column).str.strip().str.lower().isin(["1", "1.0", "true"]).sum())
    return f"{column}, {carried:,} of {len(table.frame):,} rows carry it"


def label_name(column: str) -> str:
    name = re.sub(r"^(is|has|label)[_ :]", "", column, flags=re.IGNORECASE)
    return "positive" if name.lower() in (*LABEL_WORDS, "") else name


def without(table: ForeignTable, roles: Mapping[str, str]) -> ForeignTable:
    kept = [name for name in table.names if name not in roles.values()]
    return ForeignTable(table.path, table.frame[kept], table.lines, table.form)
