"""One run's recipe for a head on cached embeddings, with an id that says all of it and parses back."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal

Sampler = Literal["balanced", "natural"]

PATTERN = re.compile(r"(?P<encoder>.+)__(?P<size>linear|h\d+)b(?P<batch>\d+)__(?P<recipe>.+)__s(?P<seed>\d+)")
NUMBER = r"(\d+(?:p\d+)?(?:em?\d+)?)"
LANE_WIDTH = (
    16  # elements that a vector loop takes at once: batches are a multiple, so that no lane ends in a tail
)


@dataclass(frozen=True)
class ArcFace:
    """Deng et al. 2019: logits scale * cos(theta), the true class at theta + margin radians."""

    scale: float
    margin: float


@dataclass(frozen=True)
class SupCon:
    """Khosla et al. 2020, added to the loss `weight` times: a projection of so many dimensions, at a temperature.

    by_class: anchors weigh inversely to how often their class stands in the batch.
    """

    projection: int
    temperature: float
    weight: float
    by_class: bool


@dataclass(frozen=True)
class CenterLoss:
    """Wen et al. 2016: weight * |feature - centre of its class|^2 / 2; centres move at `rate`."""

    weight: float
    rate: float


@dataclass(frozen=True)
class Retraining:
    """cRT (Kang et al. 2020): the last layer anew on frozen features, so many epochs, by this sampler."""

    epochs: int
    sampler: Sampler


@dataclass(frozen=True)
class HeadSpec:
    """hidden: width of the one hidden layer, 0 for logistic regression. batch: a multiple of 16.

    sampler: balanced draws classes alike, natural takes every row once an epoch. mixup: alpha of the Beta that mixes
    pairs of rows, 0 for none. effective: beta of the class weights, None for none. adjust_train: tau of + tau log
    prior in training (negative: the inverted sign, kept for parity); adjust_infer: tau of - tau log prior at
    inference. noise, scale: spread of additive noise (in standard deviations of each feature) and of multiplicative
    channel scales (Li et al. 2021). manifold_mixup: alpha (Verma et al. 2019). hardmine: epochs after the best state
    in which hard rows weigh more. calibrated: a temperature, fitted on the validation rows. patience: epochs without a
    better validation loss that end the first phase, a share of the best epoch where that is more; epochs: its limit.
    """

    encoder: str
    hidden: int
    batch: int
    seed: int
    sampler: Sampler
    mixup: float
    smoothing: float = 0.0
    standardise: bool = False
    gelu: bool = False
    layer_norm: bool = False
    effective: float | None = None
    adjust_train: float = 0.0
    adjust_infer: float = 0.0
    arcface: ArcFace | None = None
    supcon: SupCon | None = None
    center: CenterLoss | None = None
    noise: float = 0.0
    scale: float = 0.0
    manifold_mixup: float = 0.0
    hardmine: int = 0
    retrain: Retraining | None = None
    calibrated: bool = False
    dropout: float = 0.1
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    epochs: int = 2000
    patience: int = 6

    def __post_init__(self) -> None:
        try:
            _check_sizes(self)
            _check_balance(self)
            _check_company(self)
        except ValueError as error:
            raise ValueError(f"{self.id}: {error}") from None

    @property
    def id(self) -> str:
        size = f"h{self.hidden}" if self.hidden else "linear"
        return f"{self.encoder}__{size}b{self.batch}__{self.recipe}__s{self.seed}"

    @property
    def recipe(self) -> str:
        """Every knob that differs from none, or from the common value of those that are never off."""
        return "-".join(token for token in (_token(name, getattr(self, name)) for name in KNOBS) if token)

    @property
    def trained(self) -> "HeadSpec":
        """The recipe of the first phase: what forks from it, and what only reads its logits, taken away."""
        return replace(self.state, hardmine=0, retrain=None)

    @property
    def state(self) -> "HeadSpec":
        """The recipe of the weights: temperature and adjustment at inference need no training of their own."""
        return replace(self, calibrated=False, adjust_infer=0.0)

    @property
    def answers(self) -> "HeadSpec":
        """The recipe of what it answers: a temperature moves no argmax, so runs alike in this are copies."""
        return replace(self, calibrated=False)

    @property
    def last_sampler(self) -> Sampler:
        """Of the phase that trains the last layer."""
        return self.retrain.sampler if self.retrain else self.sampler

    @classmethod
    def parse(cls, run_id: str) -> "HeadSpec":
        """The inverse of `id`. ValueError says which token is unknown."""
        match = PATTERN.fullmatch(run_id)
        if not match:
            raise ValueError(f"{run_id!r} is no <encoder>__<size>b<batch>__<recipe>__s<seed>")
        hidden = 0 if match["size"] == "linear" else int(match["size"][1:])
        return from_recipe(match["encoder"], hidden, int(match["batch"]), int(match["seed"]), match["recipe"])


def from_recipe(encoder: str, hidden: int, batch: int, seed: int, recipe: str) -> HeadSpec:
    """A spec from the tokens of a recipe, `bal-ls0p1-mix0p1-center`. ValueError for an unknown or repeated one."""
    values: dict[str, object] = {}
    for token in recipe.split("-"):
        name, value = _read(token)
        if name in values:
            raise ValueError(f"recipe {recipe!r} says {name} twice")
        values[name] = value
    for name in ("sampler", "mixup"):
        if name not in values:
            raise ValueError(
                f"recipe {recipe!r} does not say its {name} ({'bal or nat' if name == 'sampler' else 'mix0 for none'})"
            )
    return HeadSpec(encoder, hidden, batch, seed, **values)  # type: ignore[arg-type]


def _check_sizes(spec: HeadSpec) -> None:
    """ValueError for sizes that have no fixed bits."""
    if "__" in spec.encoder or not spec.encoder:
        raise ValueError("an encoder's name may not hold two underscores in a row: they part the id")
    if spec.batch < 1 or spec.batch % LANE_WIDTH:
        raise ValueError(
            f"batch {spec.batch} is no multiple of {LANE_WIDTH}, on which the same bits in every company rest"
        )
    if spec.hidden and spec.hidden < 8:
        raise ValueError("hidden is 0 (logistic regression) or at least 8")
    if not 0 <= spec.smoothing < 1 or not 0 <= spec.dropout < 1:
        raise ValueError("label smoothing and dropout lie in [0, 1)")


def _check_balance(spec: HeadSpec) -> None:
    """ValueError where one correction of the class frequencies would undo or repeat another."""
    if spec.effective is not None and spec.sampler == "balanced":
        raise ValueError("effective weights on a balanced stream balance twice; use nat")
    if spec.adjust_train and spec.sampler == "balanced":
        raise ValueError(
            "the prior of a balanced stream is uniform, so adjusting for it in training does nothing; use nat"
        )
    if spec.retrain and (spec.adjust_train or spec.effective is not None):
        raise ValueError(
            "cRT trains the last layer anew without weights or adjustment, which takes the effect of both away"
        )
    if spec.adjust_infer and (spec.last_sampler == "balanced" or spec.effective is not None):
        raise ValueError(
            "the stream that trains the last layer is balanced already (by bal, eff or cRT), so its prior corrects "
            "nothing at inference"
        )
    if spec.adjust_train and spec.effective is not None:
        raise ValueError("effective weights and an adjusted loss both rebalance; use one of them")


def _check_company(spec: HeadSpec) -> None:
    """ValueError where one knob would silently turn another off."""
    if spec.hardmine and spec.retrain:
        raise ValueError("hard mining and cRT are both second phases; use one of them")
    if (spec.arcface or spec.supcon or spec.center) and (spec.mixup or spec.manifold_mixup):
        raise ValueError(
            "ArcFace, SupCon and center loss need one class per row, which mixing takes away; say mix0"
        )
    if spec.manifold_mixup and spec.mixup:
        raise ValueError("manifold mixup mixes inputs as well; say mix0")
    if not spec.hidden and (
        spec.gelu or spec.layer_norm or spec.supcon or spec.center or spec.manifold_mixup or spec.retrain
    ):
        raise ValueError(
            "gelu, ln, SupCon, center loss, manifold mixup and cRT act on a hidden layer; a linear head has none"
        )
    if spec.arcface and spec.retrain:
        raise ValueError("cRT trains a plain last layer, which would throw the ArcFace one away")


# --- tokens -----------------------------------------------------------------------------------------------------


def _spell(value: float) -> str:
    text = repr(float(value)).removesuffix(".0")
    return text.replace(".", "p").replace("e-", "em").replace("e+", "e")


def _number(text: str) -> float:
    return float(text.replace("p", ".").replace("em", "e-"))


_PLAIN: Mapping[str, str] = {  # knob -> prefix of its number
    "smoothing": "ls", "mixup": "mix", "effective": "eff", "adjust_infer": "lainfer", "noise": "noise",
    "scale": "scale", "manifold_mixup": "mmix", "hardmine": "hard", "dropout": "drop", "learning_rate": "lr",
    "weight_decay": "wd", "epochs": "ep", "patience": "pat",
}  # fmt: skip
_FLAGS: Mapping[str, str] = {
    "standardise": "center",
    "gelu": "gelu",
    "layer_norm": "ln",
    "calibrated": "temp",
}
_WHOLE = ("hardmine", "epochs", "patience")
_SAMPLERS: Mapping[str, Sampler] = {"bal": "balanced", "nat": "natural"}
_DEFAULTS = {field.name: field.default for field in fields(HeadSpec)}
KNOBS = tuple(name for name in _DEFAULTS if name not in ("encoder", "hidden", "batch", "seed"))


def _token(name: str, value: object) -> str:
    if name == "sampler":
        return "bal" if value == "balanced" else "nat"
    if name not in ("mixup", "smoothing") and value == _DEFAULTS[name]:
        return ""
    if name in _FLAGS:
        return _FLAGS[name]
    if name == "adjust_train" and isinstance(value, float):
        return f"latrain{_spell(value)}" if value > 0 else f"lainverted{_spell(-value)}"
    if isinstance(value, ArcFace):
        return f"arc{_spell(value.scale)}m{_spell(value.margin)}"
    if isinstance(value, SupCon):
        kind = "c" if value.by_class else ""
        return f"sup{value.projection}t{_spell(value.temperature)}w{_spell(value.weight)}{kind}"
    if isinstance(value, CenterLoss):
        return f"cen{_spell(value.weight)}a{_spell(value.rate)}"
    if isinstance(value, Retraining):
        return f"crt{value.epochs}{'bal' if value.sampler == 'balanced' else 'nat'}"
    return f"{_PLAIN[name]}{_spell(float(value))}"  # type: ignore[arg-type]


def _read(token: str) -> tuple[str, object]:
    if token in _SAMPLERS:
        return "sampler", _SAMPLERS[token]
    for name, flag in _FLAGS.items():
        if token == flag:
            return name, True
    for name, prefix in _PLAIN.items():
        if match := re.fullmatch(prefix + NUMBER, token):
            value = _number(match[1])
            return name, int(value) if name in _WHOLE else value
    if match := re.fullmatch(f"la(train|inverted){NUMBER}", token):
        return "adjust_train", _number(match[2]) * (1 if match[1] == "train" else -1)
    if match := re.fullmatch(f"arc{NUMBER}m{NUMBER}", token):
        return "arcface", ArcFace(_number(match[1]), _number(match[2]))
    if match := re.fullmatch(rf"sup(\d+)t{NUMBER}w{NUMBER}(c?)", token):
        return "supcon", SupCon(int(match[1]), _number(match[2]), _number(match[3]), bool(match[4]))
    if match := re.fullmatch(f"cen{NUMBER}a{NUMBER}", token):
        return "center", CenterLoss(_number(match[1]), _number(match[2]))
    if match := re.fullmatch(r"crt(\d+)(bal|nat)", token):
        return "retrain", Retraining(int(match[1]), _SAMPLERS[match[2]])
    raise ValueError(f"{token!r} is no knob of a head; a token is one of {', '.join(_examples())}")


def _examples() -> list[str]:
    numbers = [f"{prefix}<number>" for prefix in _PLAIN.values()]
    return [
        "bal", "nat", *numbers, *_FLAGS.values(), "latrain<tau>", "lainverted<tau>", "arc<scale>m<margin>",
        "sup<projection>t<temperature>w<weight>[c]", "cen<weight>a<rate>", "crt<epochs>bal|nat",
    ]  # fmt: skip
