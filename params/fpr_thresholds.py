"""The knobs of fpr_thresholds: which calibration set and rule holds a false-positive budget on later data."""

from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from params.block import Block
from params.columns import LabelName, Labels, MessageColumns, ScoreColumns

Share = Annotated[float, Field(ge=0, le=1)]
Tolerance = Annotated[float, Field(ge=0, le=0.01)]
Rate = Annotated[float, Field(gt=0, lt=1)]
SplitModel = TypeVar("SplitModel", bound=Block)
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


# --- simulate ---------------------------------------------------------------------------------------------------


class Counts(Block):
    """Rows of one simulated set: `clean` rows, all rows, and how many carry each label."""

    rows: PositiveInt
    clean: NonNegativeInt
    labels: dict[Name, NonNegativeInt]


class CleanPool(Block):
    """A pool of clean rows, part of which the model was trained on, and labelled rows beside them."""

    clean: PositiveInt
    from_training: Share
    overlap_calibration: NonNegativeInt
    overlap_holdout: NonNegativeInt
    labelled: NonNegativeInt


class Simulate(Block):
    """Dated messages with drift, a nearly unlearnable label and a partly trained-on pool."""

    seed: NonNegativeInt
    train: Counts
    calibration: Counts
    holdout: Counts
    valid: Counts
    pools: dict[Name, CleanPool]
    hard_negatives: PositiveInt
    signal: dict[Name, Share]
    mutes: dict[Name, Share]
    hard_clean: Share
    drift: Share
    label_noise: Share


# --- prepare ----------------------------------------------------------------------------------------------------


class TimeSplit(Block):
    """The latest `holdout` share of rows reports, the `calibration` share before it tunes, the rest trains."""

    by: Literal["time"]
    calibration: Rate
    holdout: Rate

    @model_validator(mode="after")
    def _leaves_rows(self) -> Self:
        return _within_one(self, self.calibration + self.holdout)


class RowRandomSplit(Block):
    """For rows without an order: a random calibration share, a random holdout share, the rest trains."""

    by: Literal["random"]
    calibration: Rate
    holdout: Rate
    seed: NonNegativeInt

    @model_validator(mode="after")
    def _leaves_rows(self) -> Self:
        return _within_one(self, self.calibration + self.holdout)


class RowColumnSplit(Block):
    """The file's own `split` column: train, calib, holdout; any other value names a pool."""

    by: Literal["column"]


Split = Annotated[TimeSplit | RowRandomSplit | RowColumnSplit, Field(discriminator="by")]


# Of rows without a time: an error; left out and counted; older than all others; or lines stand in order of time.
Untimed = Literal["refuse", "drop", "oldest", "file_order"]


class Messages(Block):
    """Texts in JSONL, CSV, Parquet or fastText files: `messages` is split, each pool is a file of its own.

    near_copies: texts whose shingles overlap by at least this Jaccard index count as one, as equal texts do; null:
    equal texts alone.
    """

    kind: Literal["messages"]
    labels: Labels
    messages: str
    pools: dict[Name, str]
    columns: MessageColumns | None
    split: TimeSplit | RowRandomSplit = Field(discriminator="by")
    untimed: Untimed
    near_copies: Annotated[float, Field(ge=0.6, le=1)] | None


class Scores(Block):
    """Rows that a model of the user's has already scored: CSV, JSONL, Parquet or npz."""

    kind: Literal["scores"]
    labels: Labels | Literal["all"]
    scores: str
    columns: ScoreColumns | None
    split: Split
    untimed: Untimed
    clamp: Tolerance


Prepare = Annotated[Messages | Scores, Field(discriminator="kind")]


def _within_one(split: SplitModel, share: float) -> SplitModel:
    if share > 1 + 1e-9:
        raise ValueError("calibration and holdout shares exceed all rows")
    return split


# --- score ------------------------------------------------------------------------------------------------------


class Ngrams(Block):
    """Hashed word and character n-grams, one logistic regression per label.

    origins: how often the model is fitted along the time axis, one calibration slice apart, the last time on all
    of train; what it serves are the folds and the forward-chained scores.
    """

    kind: Literal["ngrams"]
    buckets: Annotated[int, Field(ge=256, le=2**22)]
    word_ngrams: PositiveInt
    char_ngrams: tuple[PositiveInt, PositiveInt]
    inverse_regularisation: PositiveFloat
    origins: PositiveInt


class FasttextTraining(Block):
    """fastText trained here, one-vs-all (extra `fasttext`); its scores may exceed [0, 1] by `clamp`.

    buckets: of hashed n-grams. The model's file has 4 * dim bytes for each, whatever it was trained on.
    """

    kind: Literal["fasttext"]
    buckets: Annotated[int, Field(ge=256, le=2**24)]
    word_ngrams: PositiveInt
    char_ngrams: tuple[PositiveInt, PositiveInt]
    dim: PositiveInt
    epoch: PositiveInt
    learning_rate: PositiveFloat
    clamp: Tolerance
    origins: PositiveInt


class FasttextFile(Block):
    """A fastText model the user brings: it is not fitted again, so it has no forward-chained scores."""

    kind: Literal["fasttext_file"]
    file: str
    clamp: Tolerance


class UserScores(Block):
    """The rows came with scores (prepare.kind: scores): there is no model here."""

    kind: Literal["given"]


class Score(Block):
    """The model that scores the rows."""

    model: Annotated[Ngrams | FasttextTraining | FasttextFile | UserScores, Field(discriminator="kind")]


# --- tune -------------------------------------------------------------------------------------------------------


class CalibrationSource(Block):
    """Rows of one pool that join a calibration set.

    rows: all, its clean rows, or per label the `top` clean rows by that label's score (mined).
    """

    pool: Name
    rows: Literal["all", "clean", "mined"]
    top: PositiveInt | None

    @model_validator(mode="after")
    def _top_belongs_to_mined(self) -> Self:
        if (self.rows == "mined") != (self.top is not None):
            raise ValueError("top is the number of mined rows: a number with rows: mined, null otherwise")
        return self


class Option(Block):
    """One recipe: which rows calibrate, at which target, by which rule."""

    name: Name
    sources: Annotated[list[CalibrationSource], Field(min_length=1)]
    target: Rate
    rule: Literal["empirical", "guaranteed", "any_label"]
    delta: Rate | None
    in_sample: Literal["refuse", "allow"]

    @model_validator(mode="after")
    def _delta_belongs_to_guarantees(self) -> Self:
        if (self.rule == "empirical") != (self.delta is None):
            raise ValueError("delta is the risk of a guarantee: null with rule empirical, a number otherwise")
        return self


class Folds(Block):
    """Rolling-origin folds, all of which end before the holdout."""

    count: Annotated[int, Field(ge=2)]


class Tune(Block):
    """The recipes; the first is the control and simpler ones stand before those that add to them. chain_from: a
    forward-chained row counts where the model that scores it was fitted on at least this share of the rows that the model
    in use was: one fitted on few is less sure, and its negatives promise too much."""

    options: Annotated[list[Option], Field(min_length=1)]
    folds: Folds
    chain_from: Annotated[float, Field(ge=0, le=1)]
    level: Rate

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [option.name for option in self.options]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"options named twice: {sorted(twice)}")
        return self


# --- compare ----------------------------------------------------------------------------------------------------


class Selection(Block):
    """The rule that decides, label by label: most fold recall among the options whose rows leave a risk of at most
    `max_risk` that the rate exceeds `max_fpr`, and whose pooled fold rate does not.

    least_recall: a label whose best threshold within the budget surely catches a smaller share has none that helps.
    risk_of: each label by itself; all labels together, of which each then has an equal part of `max_risk`; or the rate is
    that of clean rows on which any label fires, and one option with rule any_label is chosen or refused whole.
    """

    max_fpr: Rate
    least_recall: Rate
    max_risk: Rate
    risk_of: Literal["each_label", "all_labels", "any_label"]


class Advice(Block):
    """The choice under another condition: another budget, or one label that matters most."""

    name: str
    max_fpr: Rate
    label: LabelName | None


class Compare(Block):
    """Judge every option on the holdout; choose on the folds alone."""

    selection: Selection
    advice: list[Advice]
    level: Rate
    clean_share: Rate
    resamples: Annotated[int, Field(ge=100)]
    seed: NonNegativeInt
