"""The knobs of speech_temperature: does a temperature fitted on dev make confidence honest on unseen groups."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from params.block import Block

OURS = (
    "clip",
    "group",
    "label",
    "path",
    "seed",
    "split",
    "clips",
    "groups",
    "accuracy",
    "confidence",
    "temperature",
)


def _own_names(conditions: list[str]) -> list[str]:
    if taken := [name for name in conditions if name in OURS or conditions.count(name) > 1]:
        raise ValueError(f"{taken[0]!r} is a column of its own; conditions are other columns, each once")
    return conditions


Share = Annotated[float, Field(ge=0, lt=1)]
Level = Annotated[float, Field(gt=0, lt=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
Labels = Annotated[list[Name], Field(min_length=2, max_length=2)]
Counts = PositiveInt | dict[Name, NonNegativeInt] | None
Conditions = Annotated[list[Name], AfterValidator(_own_names)]
Method = Literal["none", "temperature", "bias", "platt", "threshold", "isotonic", "vector"]


# --- simulate ---------------------------------------------------------------------------------------------------


class Simulate(Block):
    """Clips of synthetic speakers and of noises that are like them, in a carrier of noise.

    speakers and sounds: clips of each group. hard: how much the noises borrow from speech.
    """

    seed: NonNegativeInt
    speakers: Annotated[list[PositiveInt], Field(min_length=2)]
    sounds: Annotated[list[PositiveInt], Field(min_length=2)]
    seconds: PositiveFloat
    event_ms: Annotated[list[PositiveInt], Field(min_length=1)]
    snr_db: Annotated[list[float], Field(min_length=1)]
    hard: Annotated[float, Field(ge=0, le=1)]


# --- prepare ----------------------------------------------------------------------------------------------------


class ClipQuota(Block):
    """Clips and groups of one split: a number, a number per label, or null for any."""

    clips: Counts
    groups: Counts


class GroupSplit(Block):
    """Whole groups to splits with exactly these counts; the seed draws among those that exist."""

    by: Literal["groups"]
    seed: NonNegativeInt
    train: ClipQuota
    dev: ClipQuota
    test: ClipQuota


class ManifestSplit(Block):
    """The file's own `split` column: train, dev, test."""

    by: Literal["column"]


class RandomSplit(Block):
    """Whole groups at random, this share of them to dev and the others to test; rows where the file has no groups."""

    by: Literal["random"]
    dev: Annotated[float, Field(gt=0, lt=1)]
    seed: NonNegativeInt


class Carrier(Block):
    """Lay the loudest part of each recording into a carrier of noise: lengths and ratios in turn, clip by clip."""

    event_ms: Annotated[list[PositiveInt], Field(min_length=1)]
    snr_db: Annotated[list[float], Field(min_length=1)]
    seed: NonNegativeInt


class Audio(Block):
    """A manifest (clip, group, label, path, maybe split) beside the audio files it names.

    labels: the first is answer A, the second answer B. seconds: every clip is cut or repeated to this length,
    or, with embed, becomes a carrier of this length that holds a short event of the recording. conditions: columns that
    describe clips (with embed, event_ms and snr_db are made); each gets a table.
    """

    kind: Literal["audio"]
    manifest: str
    labels: Labels
    seconds: Annotated[float, Field(ge=0.1)]
    embed: Carrier | None
    conditions: Conditions
    split: Annotated[GroupSplit | ManifestSplit, Field(discriminator="by")]


class Logits(Block):
    """Logits that the user's own model gave, of two classes or more: a table or an npz (docs/data).

    labels: the classes, or all that the file names. holds: probabilities become their logarithms. temperature: what
    they were divided by; anything but 1 is refused. columns: our name -> the file's, where they differ. conditions:
    columns that describe rows; each gets a table. seeds: run in dvc.yaml's matrix -> seed in the file, null where the
    file has one; other runs are not given.
    """

    kind: Literal["logits"]
    logits: str
    labels: Annotated[list[str], Field(min_length=2)] | Literal["all"]
    holds: Literal["logits", "probabilities"]
    temperature: PositiveFloat
    columns: dict[Name, str] | None
    conditions: Conditions
    seeds: Annotated[dict[NonNegativeInt, int | str | None], Field(min_length=1)]
    split: Annotated[RandomSplit | ManifestSplit, Field(discriminator="by")]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for name, values in (("labels", self.labels), ("seeds", list(self.seeds.values()))):
            if values != "all" and len(set(values)) < len(values):
                raise ValueError(f"{name} name each of the file's once")
        return self


Prepare = Annotated[Audio | Logits, Field(discriminator="kind")]


# --- fit --------------------------------------------------------------------------------------------------------


class Acoustic(Block):
    """Log-mel frames and a small convolutional network, with a logistic regression beside it.

    shift and mask: the largest share of frames that a training clip is moved by, and of frames or bands blanked.
    """

    kind: Literal["acoustic"]
    mels: Annotated[int, Field(ge=8, le=128)]
    hop_ms: PositiveFloat
    channels: PositiveInt
    epochs: PositiveInt
    batch: PositiveInt
    learning_rate: PositiveFloat
    weight_decay: Annotated[float, Field(ge=0)]
    dropout: Share
    shift: Share
    mask: Share
    baseline_regularisation: PositiveFloat


class UserModel(Block):
    """The logits came with the data (prepare.kind: logits): there is no model here."""

    kind: Literal["given"]


class Qwen2Audio(Block):
    """A Qwen2-Audio model fine-tuned by LoRA on its two answers (extra `audio-llm`).

    model: a folder or the name of a model that is already in the local cache. carrier_ms: shorter clips are
    refused, a clip of 20 ms becomes no audio token at all.
    """

    kind: Literal["qwen2_audio"]
    model: str
    prompt: str
    answers: Annotated[list[str], Field(min_length=2, max_length=2)]
    rank: PositiveInt
    alpha: PositiveInt
    dropout: Share
    add_mlp_targets: bool
    four_bit: bool
    learning_rate: PositiveFloat
    epochs: PositiveInt
    batch: PositiveInt
    accumulation: PositiveInt


class Fit(Block):
    """The model that answers A or B; one seed is one run of this stage."""

    backend: Annotated[Acoustic | UserModel | Qwen2Audio, Field(discriminator="kind")]


# --- calibrate --------------------------------------------------------------------------------------------------


class Calibrate(Block):
    """What is fitted on dev; the first is the control, simpler methods stand before those that add to them. One is chosen
    by cross-fitted NLL over the groups of dev.

    alpha: how often a method may take the control's place where none is better.
    """

    methods: Annotated[list[Method], Field(min_length=2)]
    alpha: Level
    seed: NonNegativeInt

    @model_validator(mode="after")
    def _control_first(self) -> Self:
        if self.methods[0] != "none" or len(set(self.methods)) != len(self.methods):
            raise ValueError("methods name each method once and begin with none, the control")
        if "temperature" not in self.methods:
            raise ValueError("methods have to hold temperature: it is what is asked about")
        return self


# --- compare ----------------------------------------------------------------------------------------------------


class Compare(Block):
    """Judge every method on test. level: of the intervals; what they leave out is told apart."""

    level: Level
    bins: PositiveInt
    null_draws: Annotated[int, Field(ge=100)]
    seed: NonNegativeInt
