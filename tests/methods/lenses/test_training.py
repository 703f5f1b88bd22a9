"""The network, its schedule, its batches, and that a run cut off and resumed leaves the same bytes."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torchvision.models import resnet18

from methods.lenses.batches import Resident, augmented, channel_statistics, masked, resident
from methods.lenses.masking import Phase
from methods.lenses.network import StampNetwork, new_network
from methods.lenses.preprocessing import preprocess
from methods.lenses.schedules import Schedule, learning_rate
from methods.lenses.training import LensModel, LensTraining, log_loss, logits, restored, train
from methods.training_place import Arrays, Place

TRAINING = LensTraining(8, "one_cycle", 0.01, 1e-4, 4, 16, None, False)
PHASES = (Phase(0, 7, 0.7), Phase(0.5, 3, 0.3))


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def data(rows: int = 72, seed: int = 0) -> Resident:
    """Positives are brighter on a ring."""
    rng = np.random.default_rng(seed)
    stamps, positive = rng.normal(size=(rows, 3, 63, 63)), np.arange(rows) % 2 == 0
    stamps[positive, :, 20:43, 45] += 1
    return resident(stamps.astype(np.float16), positive, "raw", "cpu")


def validation(rows: Resident) -> Callable[[StampNetwork, int], tuple[float, dict[str, float]]]:
    def validate(network: StampNetwork, epoch: int) -> tuple[float, dict[str, float]]:
        loss = log_loss(logits(network, rows), rows.labels.numpy() > 0)
        return -loss, {"val_loss": loss}

    return validate


def run(
    training: LensTraining = TRAINING, phases: tuple[Phase, ...] = PHASES, place: Place | None = None
) -> LensModel:
    return train(data(), phases, training, 3, validation(data(40, 1)), place)


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_at_width_64_it_is_torchvisions_resnet18() -> None:
    theirs, ours = resnet18(num_classes=1).eval(), StampNetwork(3, 64).eval()
    missing = ours.load_state_dict(theirs.state_dict(), strict=False)
    assert set(missing.missing_keys) == {"mean", "spread"}
    assert not missing.unexpected_keys
    stamps = torch.randn(2, 3, 63, 63)
    with torch.inference_mode():
        torch.testing.assert_close(ours(stamps), theirs(stamps)[:, 0])


@pytest.mark.parametrize(("channels", "width"), [(3, 16), (6, 16), (6, 8)])
def test_any_channels_and_width_give_float32_logits(channels: int, width: int) -> None:
    found = StampNetwork(channels, width)(torch.randn(2, channels, 63, 63, dtype=torch.float16))
    assert found.shape == (2,)
    assert found.dtype == torch.float32


def test_a_seed_has_its_weights_whatever_was_drawn_before() -> None:
    first = new_network(3, 8, 1).state_dict()
    torch.rand(5)
    assert same(first, new_network(3, 8, 1).state_dict())
    assert not same(first, new_network(3, 8, 2).state_dict())


@pytest.mark.parametrize("steps", [7, 40, 380])
def test_one_cycle_is_torchs(steps: int) -> None:
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=1)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=steps)
    for step in range(steps):
        group = optimizer.param_groups[0]
        rate, beta = learning_rate("one_cycle", step, steps, 3e-3)
        assert rate == pytest.approx(group["lr"], rel=1e-9)
        assert beta == pytest.approx(group["betas"][0], rel=1e-9)
        optimizer.step()
        if step < steps - 1:
            theirs.step()


def test_cosine_falls_from_the_peak_and_steps_have_to_exist() -> None:
    rates = [learning_rate("cosine", step, 100, 1e-4)[0] for step in range(100)]
    assert rates[0] == 1e-4
    assert rates == sorted(rates, reverse=True)
    assert rates[50] == pytest.approx(5e-5)
    names: tuple[Schedule, ...] = ("cosine", "one_cycle")
    for schedule in names:
        with pytest.raises(ValueError, match="expected a step"):
            learning_rate(schedule, 100, 100, 1e-4)


def test_residents_are_the_preprocessed_stamps_as_float16() -> None:
    stamps = np.random.default_rng(0).normal(size=(5, 3, 63, 63)).astype(np.float16)
    found = resident(stamps, np.ones(5, bool), "both", "cpu")
    assert found.pixels.dtype == torch.float16
    np.testing.assert_array_equal(found.pixels.numpy(), preprocess(stamps, "both").astype(np.float16))


def test_channel_statistics_standardise() -> None:
    some = data()
    mean, spread = channel_statistics(some)
    x = (some.pixels.float() - mean) / spread
    assert x.mean(dim=(0, 2, 3)).abs().max() < 1e-4
    assert (x.std(dim=(0, 2, 3)) - 1).abs().max() < 1e-3


def test_flips_and_turns_reach_all_eight_poses_evenly_and_belong_to_index_and_epoch() -> None:
    one = torch.arange(9.0).reshape(1, 1, 3, 3)
    poses = {
        tuple(torch.rot90(each, k, (-2, -1)).flatten().tolist())
        for each in (one, one.flip(-1))
        for k in range(4)
    }
    index = np.arange(2000)
    made = augmented(one.repeat(2000, 1, 1, 1), index, 5, 0).reshape(2000, -1)
    found, counts = np.unique(made.numpy(), axis=0, return_counts=True)
    assert {tuple(row) for row in found.tolist()} == poses
    assert counts.min() > 180
    again = augmented(one.repeat(3, 1, 1, 1), np.array([1999, 0, 7]), 5, 0).reshape(3, -1)
    assert torch.equal(again, made[[1999, 0, 7]])
    assert not torch.equal(augmented(one.repeat(2000, 1, 1, 1), index, 5, 1).reshape(2000, -1), made)


def test_masks_hide_the_core_of_the_images_they_are_drawn_for() -> None:
    images = torch.ones(3, 2, 63, 63)
    found = masked(images.clone(), np.array([0.0, 5.0, 7.0]))
    assert torch.equal(found[0], images[0])
    assert (found[1:] == 0).sum(dim=(1, 2, 3)).tolist() == [2 * 69, 2 * 145]
    assert found[1, 0, 31, 36] == 1 != found[1, 0, 31, 35]


def test_the_same_bytes_twice_and_after_every_interruption() -> None:
    kept: list[Arrays] = []
    whole = run(place=Place(keep=kept.append))
    again = run()
    assert same(whole.last, again.last)
    assert whole.progress == again.progress
    assert [Place(each).progress["epoch"] for each in kept] == [1, 2, 3, 4]
    for stopped in kept:
        after = [stopped]
        resumed = run(place=Place(stopped, after.append))
        assert same(resumed.last, whole.last)
        assert same(resumed.best, whole.best)
        assert resumed.progress == whole.progress
        assert all(np.array_equal(after[-1][name], value) for name, value in kept[-1].items())


def test_it_learns_and_keeps_the_best_epoch() -> None:
    found = run(phases=(), training=replace(TRAINING, epochs=10, learning_rate=0.001))
    values = [-record["val_loss"] for record in found.progress.records]
    assert found.progress.best_epoch == 1 + int(np.argmax(values))
    assert max(values) > values[0]
    best = restored(3, 8, found.best, "cpu")
    some = data(40, 1)
    assert -log_loss(logits(best, some), some.labels.numpy() > 0) == pytest.approx(max(values), abs=1e-6)


def test_patience_ends_it() -> None:
    def worse(network: StampNetwork, epoch: int) -> tuple[float, dict[str, float]]:
        return float(-epoch), {}

    found = train(data(), (), replace(TRAINING, epochs=9, patience=2), 1, worse)
    assert (found.progress.epoch, found.progress.best_epoch) == (3, 1)


def test_variants_of_a_seed_start_alike_and_differ_by_their_masks() -> None:
    bare, hidden = run(phases=()), run()
    assert not same(bare.last, hidden.last)
    rates = [record["learning_rate"] for record in bare.progress.records]
    assert rates == [record["learning_rate"] for record in hidden.progress.records]


def test_amp_changes_nothing_on_a_processor() -> None:
    assert same(run().last, run(replace(TRAINING, amp=True)).last)


def test_logits_are_float32_also_under_autocast() -> None:
    network, stamps = new_network(3, 16, 1).eval(), torch.randn(256, 3, 63, 63)
    with torch.inference_mode():
        whole = network(stamps)
        with torch.autocast("cpu", torch.bfloat16):
            assert network.conv1(stamps).dtype == torch.bfloat16  # the stages are computed in it
            half, features = network(stamps), network.features(stamps)
    assert half.dtype == features.dtype == torch.float32
    assert len(half.unique()) == len(half)
    assert (half != half.bfloat16().float()).float().mean() > 0.9
    assert torch.allclose(half, whole, rtol=0, atol=0.05 * float(whole.std()) + 0.05)


def test_too_few_stamps_are_refused() -> None:
    with pytest.raises(ValueError, match="72 stamps make no two batches of 40"):
        run(replace(TRAINING, batch=40))


def test_log_loss_is_stable_and_right() -> None:
    positive = np.array([True, False, True, False])
    assert log_loss(np.zeros(4), positive) == pytest.approx(np.log(2))
    assert log_loss(np.array([800.0, -800, 800, -800]), positive) == 0
    assert log_loss(np.array([-800.0, 0, 0, 0]), positive) == pytest.approx((800 + 3 * np.log(2)) / 4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_the_stamps_stay_there_and_it_learns() -> None:
    some = data()
    moved = Resident(some.pixels.cuda(), some.labels.cuda())
    found = train(moved, PHASES, replace(TRAINING, amp=True), 3, lambda n, e: (float(e), {}))
    assert found.last["conv1.weight"].is_cuda
