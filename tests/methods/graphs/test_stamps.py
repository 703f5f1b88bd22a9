"""The graph of stamp networks gives what training scored: preprocessing, float16 and order of bands included."""

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import expit

from methods.graphs.stamps import stamp_graph
from methods.lenses.batches import resident
from methods.lenses.network import StampNetwork, new_network
from methods.lenses.preprocessing import CHANNELS, Preprocessing
from methods.lenses.training import logits

SIZE = 63


def stamps(count: int) -> NDArray[np.float16]:
    rng = np.random.default_rng(4)
    light = 20 * np.exp(-np.hypot(*np.mgrid[-31:32, -31:32]) / 4)
    return np.asarray(light + rng.normal(0, 0.2, (count, 3, SIZE, SIZE)), np.float16)


def network_of(kind: Preprocessing, seed: int) -> StampNetwork:
    """With statistics of batches as a training leaves them."""
    network = new_network(CHANNELS[kind], 8, seed).to(memory_format=torch.channels_last)
    draws = torch.Generator().manual_seed(seed)
    for name, value in network.state_dict().items():
        if "running_var" in name or name == "spread":
            value.copy_(torch.rand(value.shape, generator=draws) + 0.5)
        if "running_mean" in name or name == "mean":
            value.copy_(0.1 * torch.randn(value.shape, generator=draws))
    return network


@pytest.mark.parametrize("kind", list(CHANNELS))
def test_scores_and_logits_are_those_of_the_networks(kind: Preprocessing) -> None:
    pixels = stamps(40)
    networks = [network_of(kind, seed) for seed in (1, 2)]
    seen = resident(pixels, np.zeros(len(pixels), bool), kind, "cpu")
    expected = np.stack([logits(each, seen) for each in networks], axis=1)
    model = stamp_graph([_arrays(each) for each in networks], kind, 3, SIZE)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    score, found, _ = session.run(["score", "logits", "noise"], {"stamps": pixels.astype(np.float32)})
    assert np.abs(found - expected).max() < 1e-4
    assert np.abs(score - expit(expected).mean(axis=1)).max() < 1e-5
    assert np.ptp(expected[:, 0]) > 0.01


def test_the_noise_of_a_band_without_one_is_0() -> None:
    pixels = stamps(3).astype(np.float32)
    pixels[1, 2] = 0
    model = stamp_graph([_arrays(network_of("residual", 1))], "residual", 3, SIZE)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (noise,) = session.run(["noise"], {"stamps": pixels})
    assert np.argwhere(noise == 0).tolist() == [[1, 2]]


def test_equal_networks_are_equal_bytes_that_name_nothing_of_the_machine() -> None:
    model, again = (stamp_graph([_arrays(network_of("both", 1))], "both", 3, SIZE) for _ in range(2))
    assert model == again
    assert not [word for word in (b"/home", b"/tmp", b".py", b"torch") if word in model]


def _arrays(network: StampNetwork) -> dict[str, NDArray[np.float32]]:
    return {name: value.numpy() for name, value in network.state_dict().items()}
