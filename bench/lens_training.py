"""Milliseconds a stamp: one training step of the stamp network at width 16 and 64, beside torchvision's own ResNet18.

    python -m bench.lens_training [stamps]

One thread, as stages run, unless a GPU is there: then the same code times it, with the plan's batch and bfloat16.
"""

import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torchvision.models import resnet18

from bench.one_thread import restart_on_one_thread
from methods.lenses.batches import Resident, augmented, resident
from methods.lenses.network import new_network
from methods.lenses.training import LensTraining, logits, restored, train

BATCH = 32
EPOCHS = 2


def made(count: int, device: str) -> Resident:
    stamps = np.random.default_rng(0).normal(size=(count, 3, 63, 63)).astype(np.float16)
    return resident(stamps, np.arange(count) % 2 == 0, "residual", device)


def seconds(run: Callable[[], object], device: str) -> float:
    """Processor time on a CPU (other processes may share it), wall time on a GPU."""
    clock = time.perf_counter if device == "cuda" else time.process_time
    start = clock()
    run()
    if device == "cuda":
        torch.cuda.synchronize()
    return clock() - start


def ours(data: Resident, width: int, batch: int, amp: bool) -> Callable[[], object]:
    settings = LensTraining(width, "one_cycle", 3e-3, 1e-4, EPOCHS, batch, None, amp)
    return lambda: train(data, (), settings, 1, lambda network, epoch: (float(epoch), {}))


def torchvisions(data: Resident, batch: int, channels_last: bool) -> Callable[[], object]:
    """The loop that one writes first: the same augmentation, steps and batches around resnet18."""
    network = resnet18(num_classes=1).to(data.pixels.device)
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)

    def run() -> None:
        network.train()
        for epoch in range(EPOCHS):
            order = np.random.default_rng(epoch).permutation(len(data))
            for start in range(0, len(order), batch):
                index = order[start : start + batch]
                images = augmented(data.batch(index), index, 1, epoch)
                images = images if channels_last else images.contiguous()
                target = data.labels[torch.from_numpy(index).to(data.labels.device)]
                loss = nn.functional.binary_cross_entropy_with_logits(network(images)[:, 0], target)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()

    return run


def main(count: int) -> None:
    restart_on_one_thread("bench.lens_training")
    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    batch, amp = (128, True) if device == "cuda" else (BATCH, False)
    data = made(count, device)
    print(f"{count} stamps, {device}, batch {batch}, {EPOCHS} epochs; milliseconds a stamp and epoch")
    runs: dict[str, Callable[[], object]] = {
        "ours, width 16, training": ours(data, 16, batch, amp),
        "ours, width 64, training": ours(data, 64, batch, amp),
        "torchvision (width 64), channels first": torchvisions(data, batch, channels_last=False),
        "torchvision (width 64), channels last": torchvisions(data, batch, channels_last=True),
    }
    for name, run in runs.items():
        if device == "cuda":
            run()  # the first run chooses kernels
        spent = 1000 * seconds(run, device) / (count * EPOCHS)
        note = f"; {spent * 29108 / 1000:.0f} s an epoch of the plan's 29,108" if "width 64" in name else ""
        print(f"  {name:40} {spent:7.3f}{note}")
    for width in (16, 64):
        network = restored(3, width, new_network(3, width, 1).state_dict(), device)
        spent = 1000 * seconds(lambda network=network: logits(network, data), device) / count  # type: ignore[misc]
        print(f"  {f'ours, width {width}, scoring':40} {spent:7.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1024)
