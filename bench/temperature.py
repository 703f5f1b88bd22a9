"""Temperature fit on 1e5 x 100 logits: this project against scikit-learn, torch LBFGS and probmetrics."""

import time
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.calibration import _TemperatureScaling

from bench.one_thread import restart_on_one_thread
from methods.calibration.temperature import fit_temperature

ROWS, CLASSES, TRUE_TEMPERATURE = 100_000, 100, 2.0
REPEATS, SLOW = 7, "lr .01"

Logits = NDArray[np.float64] | NDArray[np.float32]
Labels = NDArray[np.int64]


def ours(logits: Logits, labels: Labels) -> float:
    return fit_temperature(logits, labels).temperature


def by_sklearn(logits: Logits, labels: Labels) -> float:
    return 1 / float(_TemperatureScaling().fit(logits, labels).beta_)


def by_lbfgs(logits: Logits, labels: Labels, line_search: str | None, rate: float, steps: int) -> float:
    z, y = torch.from_numpy(logits), torch.from_numpy(labels)
    temperature = torch.nn.Parameter(torch.ones(1, dtype=z.dtype))
    optimiser = torch.optim.LBFGS(
        [temperature],
        lr=rate,
        max_iter=steps,
        line_search_fn=line_search,
        tolerance_grad=1e-9,
        tolerance_change=1e-12,
    )

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(z / temperature, y)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return float(temperature.item())


def by_probmetrics(logits: Logits, labels: Labels) -> float:
    from probmetrics.calibrators import TemperatureScalingCalibrator  # noqa: PLC0415 - an optional peer
    from probmetrics.distributions import CategoricalLogits  # noqa: PLC0415

    calibrator = TemperatureScalingCalibrator()
    calibrator.fit_torch(CategoricalLogits(torch.from_numpy(logits)), torch.from_numpy(labels))
    return 1 / float(calibrator.invtemp_)


def timed(fits: Mapping[str, Callable[[], float]]) -> dict[str, tuple[float, float, float]]:
    """(temperature, CPU seconds, wall seconds), best of runs in which the peers take turns; the slowest runs once."""
    best: dict[str, tuple[float, float, float]] = {}
    for repeat in range(REPEATS):
        for title, fit in fits.items():
            if repeat and SLOW in title:
                continue
            wall, cpu = time.perf_counter(), time.process_time()
            temperature = fit()
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            _, least, shortest = best.get(title, (temperature, np.inf, np.inf))
            best[title] = temperature, min(cpu, least), min(wall, shortest)
    return best


def main() -> None:
    warnings.simplefilter("ignore")
    rng = np.random.Generator(np.random.Philox(0))
    double = rng.normal(size=(ROWS, CLASSES)) * 3
    noise = rng.gumbel(size=(ROWS, CLASSES))
    labels = (double / TRUE_TEMPERATURE + noise).argmax(axis=1)
    print(f"{ROWS:,} x {CLASSES} logits, {torch.get_num_threads()} torch threads: best of runs in turn")
    print(f"{'':34}{'CPU ms':>10}{'wall ms':>10}{'x ours':>9}{'error of T':>13}")
    exact = by_sklearn(double, labels)  # its golden section goes on to 64 eps: the reference for T
    peers: dict[str, Callable[[Logits, Labels], float]] = {
        "fit_temperature": ours,
        "sklearn": by_sklearn,
        "torch LBFGS, strong Wolfe": partial(by_lbfgs, line_search="strong_wolfe", rate=1.0, steps=100),
        f"torch LBFGS, {SLOW} (Guo)": partial(by_lbfgs, line_search=None, rate=0.01, steps=50),
    }
    if find_spec("probmetrics"):
        peers["probmetrics"] = by_probmetrics
    for name, logits in (("float64", double), ("float32", double.astype(np.float32))):
        best = timed({f"{title}, {name}": partial(fit, logits, labels) for title, fit in peers.items()})
        base = next(iter(best.values()))[1]
        for title, (temperature, cpu, wall) in best.items():
            print(
                f"{title:34}{1e3 * cpu:10.1f}{1e3 * wall:10.1f}{cpu / base:9.1f}{temperature - exact:13.1e}"
            )


if __name__ == "__main__":
    restart_on_one_thread("bench.temperature")
    main()
