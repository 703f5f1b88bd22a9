"""Pretrained vision transformers as encoders: what they expect of pixels, and three ways to one vector per crop."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from methods.images.crop_pixels import Transform, normalised

Pooling = Literal["cls", "patch_mean", "pooled"]
Triple = tuple[float, float, float]

IMAGENET: tuple[Triple, Triple] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
SATELLITE: tuple[Triple, Triple] = ((0.430, 0.411, 0.296), (0.213, 0.156, 0.143))
OPENAI: tuple[Triple, Triple] = (
    (0.48145466, 0.4578275, 0.40821073),
    (0.26862954, 0.26130258, 0.27577711),
)


@dataclass(frozen=True)
class Architecture:
    """size: side of the square in pixels; centre: share of the resized picture that a centre crop keeps; changes: to
    timm's own configuration."""

    size: int
    centre: float
    mean: Triple
    std: Triple
    changes: tuple[tuple[str, Any], ...] = ()

    def transform(self, fit: Literal["squash", "centre"], context: float) -> Transform:
        return Transform(self.size, context, fit, self.centre, "bicubic", self.mean, self.std)


ARCHITECTURES: dict[str, Architecture] = {
    **{
        f"vit_{size}_patch16_dinov3.{data}": Architecture(256, 1.0, *constants)
        for size in ("small", "base", "large", "7b")
        for data, constants in (("lvd1689m", IMAGENET), ("sat493m", SATELLITE))
        if data == "lvd1689m" or size in ("large", "7b")
    },
    "vit_base_patch32_clip_quickgelu_224.openai": Architecture(224, 0.9, *OPENAI),
    "vit_base_patch16_clip_quickgelu_224.openai": Architecture(224, 0.9, *OPENAI),
    "vit_large_patch14_clip_quickgelu_224.openai": Architecture(224, 1.0, *OPENAI),
}


class PretrainedEncoder:
    """model: one of timm's vision transformers, in evaluation mode on `device`."""

    def __init__(self, model: Any, transform: Transform, pooling: Pooling, device: str) -> None:
        self.model, self.transform, self.pooling, self.device = model, transform, pooling, device

    def embed(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(n, d) of crops (n, size, size, 3)."""
        with torch.inference_mode():
            batch = torch.from_numpy(normalised(pixels, self.transform)).to(self.device)
            return np.asarray(pooled(self.model, batch, self.pooling).float().cpu().numpy())


def pooled(model: Any, batch: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    """(n, d). cls: the class token after the last norm. patch_mean: the patches' mean, without the class token and
    DINOv3's registers, which hold no place. pooled: the model's own, for CLIP its projection."""
    tokens: torch.Tensor = model.forward_features(batch)
    match pooling:
        case "cls":
            return tokens[:, 0]
        case "patch_mean":
            return tokens[:, model.num_prefix_tokens :].mean(dim=1)
        case "pooled":
            vector: torch.Tensor = model.forward_head(tokens)
            return vector
