"""What lanes have to share to be trained side by side, what a step of them costs, and the batch that it takes."""

from dataclasses import dataclass

from torch import Tensor

from methods.heads.specs import ArcFace, CenterLoss, HeadSpec, SupCon


@dataclass(frozen=True)
class Shape:
    """What lanes have to share to be trained side by side."""

    inputs: int
    hidden: int
    classes: int
    batch: int
    gelu: bool
    layer_norm: bool
    dropout: float
    arcface: ArcFace | None
    supcon: SupCon | None
    center: CenterLoss | None
    manifold_mixup: float

    @classmethod
    def of(cls, spec: HeadSpec, inputs: int, classes: int) -> "Shape":
        return cls(
            inputs, spec.hidden, classes, spec.batch, spec.gelu, spec.layer_norm, spec.dropout, spec.arcface,
            spec.supcon, spec.center, spec.manifold_mixup,
        )  # fmt: skip

    @property
    def features(self) -> int:
        return self.hidden or self.inputs

    @property
    def parameters(self) -> int:
        """Numbers that one head is trained in, those of its SupCon projection included."""
        trunk = self.hidden * (self.inputs + 1 + 2 * self.layer_norm) if self.hidden else 0
        last = self.features * self.classes + (0 if self.arcface else self.classes)
        return trunk + last + ((self.features + 1) * self.supcon.projection if self.supcon else 0)

    @property
    def step_flops(self) -> int:
        """Multiplications and additions of one step's matrix products, forward and backward, of one head."""
        first = 4 * self.inputs * self.hidden
        last = (6 if self.hidden else 4) * self.features * self.classes
        extra = 6 * self.features * self.supcon.projection if self.supcon else 0
        pairs = 6 * self.batch * self.supcon.projection if self.supcon else 0
        return self.batch * (first + last + extra + pairs)

    @property
    def row_flops(self) -> int:
        """Of one row's logits."""
        return 2 * (self.inputs * self.hidden + self.features * self.classes)


@dataclass(frozen=True)
class Batch:
    """One step's rows for all lanes. inputs (lanes, batch, inputs).

    goal (lanes, batch, classes) and mass (lanes, batch, 1): gradient of the loss in the logits is mass * softmax - goal.
    labels (lanes, batch), where rows have one class each. mask (lanes, batch, features) of dropout, or None.
    partner (lanes, batch) and keep (lanes, 1, 1): what manifold mixup mixes the features with, or None.
    """

    inputs: Tensor
    goal: Tensor
    mass: Tensor
    labels: Tensor
    mask: Tensor | None
    partner: Tensor | None
    keep: Tensor | None
