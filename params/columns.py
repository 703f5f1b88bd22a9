"""What a user's labels may be called, and how the columns of a user's file are."""

from typing import Annotated

from pydantic import AfterValidator, Field

from params.block import Block

COLUMNS = (
    "id",
    "text",
    "label",
    "labels",
    "collected_at",
    "split",
    "pool",
    "position",
    "group",
    "excluded",
    "row",
    "text_group",
)
ROWS_OF_TABLES = ("micro", "macro", "clean", "rows", "option", "all labels")


def _free(name: str) -> str:
    if name.lower() in (*COLUMNS, *ROWS_OF_TABLES):
        raise ValueError(f"{name!r} is taken by a column or a row of the tables; name the label otherwise")
    return name


def _different(names: list[str]) -> list[str]:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"named twice: {twice}")
    return names


LabelName = Annotated[str, Field(pattern=r"^\w([\w .+&-]*[\w.+&-])?$", max_length=60), AfterValidator(_free)]
Labels = Annotated[list[LabelName], Field(min_length=1), AfterValidator(_different)]


class MessageColumns(Block):
    """Their names of the columns, null: ours. labels: the column of names (a|b, a list, or 0 and 1 of one label), or a
    column of 0 and 1 for each label."""

    id: str | None
    text: str | None
    collected_at: str | None
    labels: str | dict[LabelName, str] | None


class ScoreColumns(Block):
    """Their names of the columns (in an npz: of the arrays), null: ours. labels: as of messages. scores: the column of
    one label, or one for each."""

    id: str | None
    collected_at: str | None
    split: str | None
    scores: str | dict[LabelName, str] | None
    labels: str | dict[LabelName, str] | None
