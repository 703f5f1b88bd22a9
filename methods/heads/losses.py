"""Losses of a head beyond weighted cross-entropy: ArcFace, supervised contrastive, and center loss, lane by lane.

Everything is batched over lanes (the first axis); no lane sees another, so gradients of the sum over lanes are each
lane's own.
"""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from methods.heads.specs import ArcFace, SupCon

EPSILON = 1e-7


def arcface_logits(features: Tensor, weights: Tensor, labels: Tensor | None, arcface: ArcFace) -> Tensor:
    """(lanes, rows, classes) scale * cos(theta), the margin added to the true class's angle where labels are given.

    features (lanes, rows, width), weights (lanes, width, classes), labels (lanes, rows). Where theta + margin would
    pass pi, the cosine is lowered by margin * sin(margin) instead, so that it stays monotone (Deng et al. 2019).
    """
    cosine = torch.bmm(normalize(features, dim=2), normalize(weights, dim=1))
    if labels is None:
        return arcface.scale * cosine
    margin = torch.tensor(arcface.margin, dtype=cosine.dtype)
    own = cosine.gather(2, labels[:, :, None])
    clamped = own.clamp(-1 + EPSILON, 1 - EPSILON)
    sine = (1 - clamped * clamped).sqrt()
    moved = torch.where(
        own > torch.cos(torch.pi - margin),
        clamped * torch.cos(margin) - sine * torch.sin(margin),
        own - margin * torch.sin(margin),
    )
    return arcface.scale * cosine.scatter(2, labels[:, :, None], moved)


def supcon_loss(projected: Tensor, labels: Tensor, supcon: SupCon) -> Tensor:
    """(lanes,) supervised contrastive loss of one view (Khosla et al. 2020, eq. 2).

    projected (lanes, rows, width) is normalised here. An anchor that is alone in its class has no positive and is
    left out of the mean; a batch without any positive has loss 0.
    """
    z = normalize(projected, dim=2)
    similarity = torch.bmm(z, z.transpose(1, 2)) / supcon.temperature
    rows = z.shape[1]
    itself = torch.eye(rows, dtype=torch.bool, device=z.device)
    log_share = torch.log_softmax(similarity.masked_fill(itself, float("-inf")), dim=2)
    alike = labels[:, :, None] == labels[:, None, :]
    positive = (alike & ~itself).to(z.dtype)
    positives = positive.sum(2)
    own = -(positive * log_share.masked_fill(itself, 0.0)).sum(2) / positives.clamp_min(1)
    weight = (positives > 0).to(z.dtype)
    if supcon.by_class:
        weight = weight / alike.to(z.dtype).sum(2)
    return (own * weight).sum(1) / weight.sum(1).clamp_min(torch.finfo(z.dtype).tiny)


def center_gradient(features: Tensor, labels: Tensor, centres: Tensor) -> Tensor:
    """(lanes, rows, width) gradient of the rows' mean |feature - centre|^2 / 2."""
    own = centres.gather(1, labels[:, :, None].expand(-1, -1, features.shape[2]))
    return (features - own) / features.shape[1]


def moved_centres(features: Tensor, labels: Tensor, centres: Tensor, rate: float) -> Tensor:
    """Each centre nearer to its rows by rate * sum (centre - feature) / (1 + rows) (Wen et al. 2016, eq. 4)."""
    member = torch.nn.functional.one_hot(labels, centres.shape[1]).to(features.dtype)
    count = torch.bmm(member.transpose(1, 2), torch.ones_like(features[:, :, :1]))
    pull = count * centres - torch.bmm(member.transpose(1, 2), features)
    return centres - rate * pull / (1 + count)
