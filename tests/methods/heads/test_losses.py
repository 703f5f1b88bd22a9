"""ArcFace and SupCon against pytorch-metric-learning, center loss against its equations."""

import numpy as np
import pytest
import torch
from pytorch_metric_learning.losses import ArcFaceLoss, SupConLoss

from methods.heads.losses import arcface_logits, center_gradient, moved_centres, supcon_loss
from methods.heads.specs import ArcFace, SupCon

GENERATOR = torch.Generator().manual_seed(0)
PLAIN = SupCon(128, 0.07, 1.0, by_class=False)


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=GENERATOR)


@pytest.mark.parametrize("margin", [0.0, 0.2, 1.5, 3.0])  # 3 rad: most angles fall back
def test_arcface_is_that_of_metric_learning_whose_margin_is_in_degrees(margin: float) -> None:
    features, labels = normal(64, 12), torch.arange(64) % 7
    theirs = ArcFaceLoss(7, 12, margin=float(np.rad2deg(margin)), scale=30).double()
    features.requires_grad_()
    expected = theirs(features, labels)
    (slope,) = torch.autograd.grad(expected, features, retain_graph=True)
    ours = arcface_logits(features[None], theirs.W.detach()[None], labels[None], ArcFace(30.0, margin))[0]
    loss = torch.nn.functional.cross_entropy(ours, labels)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-9)
    assert torch.allclose(torch.autograd.grad(loss, features)[0], slope, atol=1e-9)


def test_arcface_without_labels_is_the_scaled_cosine() -> None:
    features, weights = normal(1, 5, 8), normal(1, 8, 3)
    cosine = torch.nn.functional.cosine_similarity(features[0][:, None], weights[0].T[None], dim=2)
    assert torch.allclose(arcface_logits(features, weights, None, ArcFace(30.0, 0.2))[0], 30 * cosine)


def test_arcface_stays_monotone_past_pi() -> None:
    angles = torch.linspace(0, np.pi, 200, dtype=torch.float64)
    features = torch.stack([angles.cos(), angles.sin()], dim=1)[None]
    weights = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]], dtype=torch.float64)
    own = arcface_logits(features, weights, torch.zeros(1, 200, dtype=torch.int64), ArcFace(1.0, 0.5))[
        0, :, 0
    ]
    assert (own.diff() < 0).all()


def test_supcon_is_that_of_metric_learning() -> None:
    projected, labels = normal(40, 16), torch.arange(40) % 6
    expected = SupConLoss(temperature=0.07)(projected, labels)
    assert supcon_loss(projected[None], labels[None], PLAIN).item() == pytest.approx(
        expected.item(), rel=1e-9
    )


def test_an_anchor_alone_in_its_class_is_left_out_of_the_mean() -> None:
    projected, labels = normal(9, 16), torch.tensor([0, 0, 1, 1, 1, 2, 3, 4, 4])
    expected = SupConLoss(temperature=0.07)(projected, labels)
    assert supcon_loss(projected[None], labels[None], PLAIN).item() == pytest.approx(
        expected.item(), rel=1e-9
    )


def test_a_batch_of_singletons_has_no_loss_and_no_gradient() -> None:
    projected = normal(1, 5, 16).requires_grad_()
    loss = supcon_loss(projected, torch.arange(5)[None], PLAIN)
    assert loss.item() == 0
    (slope,) = torch.autograd.grad(loss.sum(), projected)
    assert torch.equal(slope, torch.zeros_like(slope))


def test_by_class_supcon_counts_each_class_once() -> None:
    projected, labels = normal(8, 16), torch.tensor([0, 0, 0, 0, 0, 0, 1, 1])
    weighted = SupCon(128, 0.07, 1.0, by_class=True)
    z = torch.nn.functional.normalize(projected, dim=1)
    similarity = z @ z.T / 0.07
    similarity.fill_diagonal_(-torch.inf)
    share = torch.log_softmax(similarity, 1)
    per_row = [-share[i, (labels == labels[i]) & (torch.arange(8) != i)].mean() for i in range(8)]
    expected = (torch.stack(per_row[:6]).mean() + torch.stack(per_row[6:]).mean()) / 2
    assert supcon_loss(projected[None], labels[None], weighted).item() == pytest.approx(
        expected.item(), rel=1e-9
    )


def test_center_loss_pulls_features_to_centres_and_centres_to_features() -> None:
    features, labels, centres = normal(1, 10, 4), torch.arange(10)[None] % 3, normal(1, 5, 4)
    seen = features.clone().requires_grad_()
    loss = ((seen - centres[0][labels[0]]) ** 2).sum(2).mean() / 2
    assert torch.allclose(center_gradient(features, labels, centres), torch.autograd.grad(loss, seen)[0])
    moved = moved_centres(features, labels, centres, 0.5)
    for label in range(5):
        own = features[0][labels[0] == label]
        step = (centres[0, label] - own).sum(0) / (1 + len(own))
        assert torch.allclose(moved[0, label], centres[0, label] - 0.5 * step)
