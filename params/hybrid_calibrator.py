"""The knobs of hybrid_calibrator: whether a blend of two experts accepts candidates better than one XGBoost model."""

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from params.block import Block
from params.ground_truth import CocoTruth, VocTruth, YoloTruth

Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(gt=0, lt=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]

# Names that are taken: fit's models bear the first ones, compare's rows the others and raw_<source>.
EXPERTS = ("structured", "without_embedding", "all", "logistic", "perceptron")
BASELINES = ("everything_raw", "everything_deduped", "union", "union_nms", "boxes_fusion")


# --- prepare ----------------------------------------------------------------------------------------------------


class SplitFile(Block):
    """A JSON file of image ids or file names under train, tune and report."""

    by: Literal["file"]
    file: str


class RandomImageSplit(Block):
    """Images at random; the rest trains."""

    by: Literal["random"]
    tune: Rate
    report: Rate
    seed: NonNegativeInt

    @model_validator(mode="after")
    def _leaves_images(self) -> Self:
        if self.tune + self.report >= 1:
            raise ValueError("tune and report shares leave no image to train on")
        return self


class DetectionSource(Block):
    """A COCO results file in the variant's folder.

    boxes: what its four numbers are, in pixels or in shares of the image; COCO's own are xywh (the upper left corner,
    width, height). scores: whether a row may lack one. categories: how the file numbers classes: as the ground truth does,
    by place in its list from 0 or from 1, or by the names stated here, from 0. A file that has `categories`
    of its own is mapped by their names. classifier: npz or safetensors with ids, embeddings, probabilities.
    """

    file: str
    boxes: Literal["xywh", "xyxy", "cxcywh", "xywh_shares", "xyxy_shares", "cxcywh_shares"]
    scores: Literal["required", "optional"]
    categories: Literal["ground_truth", "from_0", "from_1"] | list[str]
    classifier: str | None


class Prepare(Block):
    """Read, split, deduplicate, label.

    variants: those that the data has, each in its folder; the others are reported as not given.
    """

    variants: Annotated[list[Literal["nonwindow", "window"]], Field(min_length=1)]
    ground_truth: Annotated[CocoTruth | YoloTruth | VocTruth, Field(discriminator="format")]
    split: Annotated[SplitFile | RandomImageSplit, Field(discriminator="by")]
    sources: Annotated[dict[Name, DetectionSource], Field(min_length=1)]
    unknown: Literal["refuse", "drop"]
    dedupe_iou: Rate
    match_iou: Rate

    @model_validator(mode="after")
    def _all_or_no_classifier(self) -> Self:
        if len({source.classifier is None for source in self.sources.values()}) > 1:
            raise ValueError("classifier files are needed for every source, or null for every source")
        return self


# --- features ---------------------------------------------------------------------------------------------------


class Projection(Block):
    """Embeddings wider than `size` are projected to it by fixed random directions."""

    size: PositiveInt
    seed: NonNegativeInt


class Features(Block):
    """radius: of the neighbourhood, in image widths and heights; tail: the |z| from which a shape is unusual."""

    projection: Projection
    radius: PositiveFloat
    tail: PositiveFloat
    prompt_buckets: PositiveInt


# --- fit --------------------------------------------------------------------------------------------------------


class Trees(Block):
    """least_hessian and least_gain: min_child_weight and gamma, 1 and 0 in XGBoost itself."""

    depth: PositiveInt
    least_hessian: NonNegativeFloat
    least_gain: NonNegativeFloat


class Boosting(Block):
    """XGBoost, stopped after `patience` rounds without a better log-loss on other images, and by `rounds` anyway.

    Each model takes the one of the `trees` settings with the lowest out-of-fold log-loss on the train images.
    """

    trees: Annotated[list[Trees], Field(min_length=1)]
    learning_rate: PositiveFloat
    rounds: PositiveInt
    row_share: Annotated[float, Field(gt=0, le=1)]
    column_share: Annotated[float, Field(gt=0, le=1)]
    patience: PositiveInt
    bins: Annotated[int, Field(ge=2)]


class LogisticRegression(Block):
    """inverse_regularisation: scikit-learn's C, on standardised features."""

    inverse_regularisation: PositiveFloat
    tolerance: PositiveFloat
    iterations: PositiveInt


class MultilayerPerceptron(Block):
    """One hidden layer, stopped after `patience` epochs without a better log-loss on other images."""

    hidden: PositiveInt
    learning_rate: PositiveFloat
    weight_decay: NonNegativeFloat
    dropout: Annotated[float, Field(ge=0, lt=1)]
    batch: PositiveInt
    epochs: PositiveInt
    patience: PositiveInt


class BoostingOption(Block):
    """One XGBoost model: on all features, without the classifier's embedding, or without the classifier (structured).

    selected: of these three the one with the lowest out-of-fold log-loss on the train images.
    """

    kind: Literal["boosted"]
    features: Literal["selected", "all", "without_embedding", "structured"]


class BlendOption(Block):
    """A dense expert and XGBoost on the structured features, blended by logistic regression."""

    kind: Literal["blended"]
    dense: Literal["logistic", "perceptron"]


class StackOption(Block):
    """XGBoost on the structured features and the dense expert's out-of-fold logit."""

    kind: Literal["stacked"]
    dense: Literal["logistic", "perceptron"]


class IsotonicOption(Block):
    """The control's probability, made monotone and calibrated class by class."""

    kind: Literal["isotonic"]


FitOption = Annotated[
    BoostingOption | BlendOption | StackOption | IsotonicOption, Field(discriminator="kind")
]


class Fit(Block):
    """What is fitted on the train images; the first option is the control, one XGBoost model."""

    options: Annotated[dict[Name, FitOption], Field(min_length=1)]
    folds: Annotated[int, Field(ge=3)]
    boosting: Boosting
    logistic: LogisticRegression
    perceptron: MultilayerPerceptron
    blender: LogisticRegression
    seed: NonNegativeInt

    @property
    def control(self) -> BoostingOption:
        option = next(iter(self.options.values()))
        assert isinstance(option, BoostingOption)
        return option

    @model_validator(mode="after")
    def _control_comes_first(self) -> Self:
        name, option = next(iter(self.options.items()))
        if option.kind != "boosted" or option.features not in ("selected", "all"):
            raise ValueError(
                f"the first option is the control: kind boosted, features selected or all; got {name}: {option}"
            )
        return self

    @model_validator(mode="after")
    def _names_are_free(self) -> Self:
        """A model file or a table row of another thing must not bear an option's name."""
        for name, option in self.options.items():
            own = option.kind == "boosted" and option.features == name  # writes that very model
            if (name.lower() in EXPERTS and not own) or name in BASELINES or name.startswith("raw_"):
                raise ValueError(
                    f"the option name {name!r} is taken: {', '.join(EXPERTS)} are models of the fit, raw_<source>, "
                    f"{', '.join(BASELINES)} rows of the comparison; rename it (a boosted option may bear the name "
                    "of its features)"
                )
        return self


# --- compare ----------------------------------------------------------------------------------------------------


class Acceptance(Block):
    """Per-class thresholds on the tune images.

    optimum: each class's own F1 within the constraints (per_class), or F1 of all classes pooled (micro, which
    knows no constraints). The constraints give way in turn: recall first, then false positives.
    """

    optimum: Literal["per_class", "micro"]
    max_fp_per_tp: NonNegativeFloat
    min_recall: Share


class AdoptionPolicy(Block):
    """The rule that decides, on tune images whose thresholds come from other tune images.

    The first challenger is adopted if the intervals of its F1 gains over the control and over each of the
    `other_controls` lie above 0 and its precision is at most `max_precision_drop` below the control's. A later one
    replaces the choice so far if it keeps that precision and its F1 gains over those, the choice and the first
    challenger lie above 0; or if it has `min_recall_gain` more recall than the choice and the other controls and
    no F1 that lies below theirs.
    other_controls: boosted options that might as well have been the control.
    variants: each variant its own choice, or one for all from their pooled counts where they disagree.
    min_images: from fewer tune images nothing is adopted, and fewer report images cannot tell.
    """

    challengers: list[Name]
    other_controls: list[Name]
    min_images: PositiveInt
    folds: Annotated[int, Field(ge=2)]
    max_precision_drop: Share
    min_recall_gain: Share
    variants: Literal["per_variant", "pooled"]

    @model_validator(mode="after")
    def _challenges_others(self) -> Self:
        if both := sorted({*self.challengers} & {*self.other_controls}):
            raise ValueError(f"{both} are challengers and other controls; an option cannot beat itself")
        return self


class Compare(Block):
    """Judge every row on the report images; choose on the tune images alone. The sources not named are SAM's.

    nms_ious: of a class's boxes that overlap so much the best stays; which of these, the tune images say row by row.
    """

    detectors: Annotated[list[Name], Field(min_length=1)]
    match_iou: Rate
    nms_ious: Annotated[list[Rate], Field(min_length=1)]
    support_iou: Rate
    union_iou: Rate
    fusion_iou: Rate
    thresholds: Acceptance
    adoption: AdoptionPolicy
    calibration_bins: Annotated[int, Field(ge=2)]
    level: Rate
    resamples: Annotated[int, Field(ge=100)]
    seed: NonNegativeInt
