"""Heads trained side by side against the usual ways to train one, the machine's sgemm peak, and ever more runs.

CPU-seconds per head-epoch (wall seconds on a GPU, where launches overlap); every figure is the least of several rounds
in which all peers take turns, so that a busy machine hits them alike. `python -m bench.heads [--device cuda]`.
"""

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.utils.data import DataLoader, TensorDataset

from bench.one_thread import restart_on_one_thread
from methods.heads.plan import plan
from methods.heads.rows import HeadData
from methods.heads.shapes import Shape
from methods.heads.specs import HeadSpec, from_recipe
from methods.heads.sweep import chunks, head_data
from methods.heads.training import train_lanes

SIZES = {  # rows, inputs, hidden, batch, lanes
    "large": (20_000, 1024, 512, 512, 4),
    "middle": (8_000, 384, 256, 64, 8),
    "small": (4_000, 384, 128, 16, 16),
}
CLASSES = 17
LADDER = (16, 64, 256)
RECIPES = ("bal-mix0p1", "bal-mix0p1-ls0p1", "nat-mix0p1-eff0p9999", "bal-mix0p1-center")
Floats = NDArray[np.float32]
Index = NDArray[np.int64]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.heads", description=__doc__)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--ladder", nargs="*", type=int, default=list(LADDER))
    chosen = parser.parse_args()
    restart_on_one_thread("bench.heads")
    torch.set_num_threads(1)
    unit = "wall" if chosen.device == "cuda" else "CPU"
    for name in chosen.sizes:
        head_epochs(name, chosen.device, chosen.rounds, unit)
    if chosen.ladder:
        ladder(chosen.ladder, chosen.device, unit)


def head_epochs(name: str, device: str, rounds: int, unit: str) -> None:
    rows, inputs, hidden, batch, lanes = SIZES[name]
    values, labels = world(rows, inputs)
    data = prepared(values, labels, device)  # as the peers' data are: at hand
    peers: dict[str, Callable[[], int]] = {
        "this project": lambda: ours(data, inputs, hidden, batch, lanes),
        "scikit-learn MLPClassifier": lambda: sklearn(values, labels, hidden, batch),
        "PyTorch, DataLoader": lambda: loader_loop(values, labels, hidden, batch, device),
        "PyTorch, in memory, fused AdamW": lambda: memory_loop(values, labels, hidden, batch, device),
        "torch.func.vmap": lambda: vmapped(values, labels, hidden, batch, lanes, device),
    }
    best = dict.fromkeys(peers, np.inf)
    peak = 0.0
    for _ in range(rounds):
        peak = max(peak, sgemm_peak(device))
        for peer, epoch in peers.items():
            started = clock(device)
            heads = epoch()
            best[peer] = min(best[peer], (clock(device) - started) / heads)
    shape = Shape.of(from_recipe("e", hidden, batch, 1, "bal-mix0"), inputs, CLASSES)
    reached = shape.step_flops * -(-rows // batch) / best["this project"]
    print(f"{name}: n={rows} d={inputs} h={hidden} B={batch}, {lanes} lanes, {rounds} rounds")
    for peer, seconds in best.items():
        print(
            f"  {peer:34} {seconds:.4f} {unit}-s per head-epoch, {seconds / best['this project']:.2f}x of ours"
        )
    print(
        f"  matrix products at {reached / 1e9:.0f} GFLOP/s, {reached / peak:.0%} of the sgemm peak {peak / 1e9:.0f}"
    )


def ladder(sizes: list[int], device: str, unit: str) -> None:
    """Cost per run as the sweep grows: middle heads of a smaller set, two epochs, through the compiler."""
    rows, inputs, hidden, batch, _ = 2_000, *SIZES["middle"][1:]
    values, labels = world(rows, inputs)
    data, costs = prepared(values, labels, device), []
    for runs in sizes:
        specs = [
            from_recipe("e", hidden, batch, seed, f"{recipe}-ep2")
            for seed in range(-(-runs // len(RECIPES)))
            for recipe in RECIPES
        ][:runs]
        started = clock(device)
        train(data, inputs, specs)
        costs.append((clock(device) - started) / runs)
        print(
            f"ladder: {runs:4} runs, {costs[-1]:.4f} {unit}-s per run, {costs[-1] / costs[0]:.2f}x of the first"
        )
    first = ["bal-mix0p1", "bal-mix0p1-center", "nat-mix0p1-eff0p9999", "bal-mix0p1-gelu-ln"]
    forked = ["bal-mix0p1-hard5", "bal-mix0p1-temp", "nat-mix0p1-center-gelu-ln-eff0p9999-hard5-temp"]
    planned = plan([from_recipe("e", hidden, batch, 1, recipe) for recipe in (*first, *forked)])
    whole = 50 * len(planned.runs) + 5 * 2
    shared = 50 * len(planned.trainings) + 5 * len(planned.forks)
    print(
        f"plan: 7 profiles of a cell take {shared} epochs of 50 and 5 instead of {whole}, {shared / whole:.0%}"
    )


def world(rows: int, inputs: int) -> tuple[Floats, Index]:
    """Blobs that overlap: denormal gradients of a solved task would be slow for reasons of their own."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, rows)
    centres = rng.normal(size=(CLASSES, inputs))
    return (centres[labels] + 3 * rng.normal(size=(rows, inputs))).astype(np.float32), labels


def ours(data: HeadData, inputs: int, hidden: int, batch: int, lanes: int) -> int:
    """One epoch with mixup, dropout, samplers and the pass over validation."""
    seeds = range(-(-lanes // len(RECIPES)))
    specs = [from_recipe("e", hidden, batch, seed, f"{recipe}-ep1") for seed in seeds for recipe in RECIPES][
        :lanes
    ]
    train(data, inputs, specs)
    return lanes


def prepared(values: Floats, labels: Index, device: str) -> HeadData:
    """All of `values` train; a tenth of them validates as well."""
    few = len(labels) // 10
    split = np.repeat(["train", "validation"], [len(labels), few])
    return head_data(np.concatenate([values, values[:few]]), np.concatenate([labels, labels[:few]]), split, CLASSES,
                     device=device)  # fmt: skip


def train(data: HeadData, inputs: int, specs: list[HeadSpec]) -> None:
    for chunk in chunks(plan(specs), inputs, CLASSES):
        train_lanes(chunk.trainings, chunk.forks, data)


def sklearn(values: Floats, labels: Index, hidden: int, batch: int) -> int:
    model = MLPClassifier((hidden,), batch_size=batch, max_iter=1, alpha=1e-4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(values, labels)
    return 1


def network(inputs: int, hidden: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Dropout(0.1), nn.Linear(hidden, CLASSES))


def loader_loop(values: Floats, labels: Index, hidden: int, batch: int, device: str) -> int:
    model = network(values.shape[1], hidden).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-4)
    data = TensorDataset(torch.from_numpy(values), torch.from_numpy(labels))
    for x, y in DataLoader(data, batch_size=batch, shuffle=True):
        optimizer.zero_grad()
        torch.autograd.backward(nn.functional.cross_entropy(model(x.to(device)), y.to(device)))
        optimizer.step()
    return 1


def memory_loop(values: Floats, labels: Index, hidden: int, batch: int, device: str) -> int:
    model = network(values.shape[1], hidden).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-4, fused=True)
    x, y = torch.from_numpy(values).to(device), torch.from_numpy(labels).to(device)
    for rows in torch.split(torch.randperm(len(y), device=device), batch):
        optimizer.zero_grad()
        torch.autograd.backward(nn.functional.cross_entropy(model(x[rows]), y[rows]))
        optimizer.step()
    return 1


def vmapped(values: Floats, labels: Index, hidden: int, batch: int, lanes: int, device: str) -> int:
    """Lanes on shared batches by torch.func, the fused optimizer over the stacked parameters."""
    models = [network(values.shape[1], hidden).to(device) for _ in range(lanes)]
    stacked, buffers = stack_module_state(models)
    leaves = {name: value.detach().clone().requires_grad_() for name, value in stacked.items()}
    optimizer = torch.optim.AdamW(list(leaves.values()), lr=1e-3, weight_decay=1e-4, fused=True)

    def loss(parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return nn.functional.cross_entropy(functional_call(models[0], (parameters, buffers), (x,)), y)

    slope = vmap(grad(loss), in_dims=(0, None, None), randomness="different")
    x, y = torch.from_numpy(values).to(device), torch.from_numpy(labels).to(device)
    for rows in torch.split(torch.randperm(len(y), device=device), batch):
        slopes = slope({name: value.detach() for name, value in leaves.items()}, x[rows], y[rows])
        for name, value in leaves.items():
            value.grad = slopes[name]
        optimizer.step()
    return lanes


def sgemm_peak(device: str) -> float:
    """FLOP/s of the best of a few square products."""
    best = 0.0
    for size in (512, 1024, 2048):
        one, other = torch.rand(size, size, device=device), torch.rand(size, size, device=device)
        out = one @ other
        for _ in range(5):
            started = clock(device)
            torch.mm(one, other, out=out)
            best = max(best, 2 * size**3 / (clock(device) - started))
    return best


def clock(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


if __name__ == "__main__":
    main()
