"""Temperature fit on 1e5 x 100 logits: this project against scikit-learn, torch LBFGS and probmetrics."""

import time
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.calibration import _TemperatureScaling

from methods.calibration.temperature import fit_temperature

ROWS, CLASSES, TRUE_TEMPERATURE = 100_000, 100, 2.0

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


def timed(fit: Callable[[], float], repeats: int) -> tuple[float, float, float]:
    """(temperature, CPU seconds, wall seconds), best of runs."""
    cpus, walls, temperature = [], [], np.nan
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        temperature = fit()
        cpus.append(time.process_time() - cpu)
        walls.append(time.perf_counter() - wall)
    return temperature, min(cpus), min(walls)


def main() -> None:
    warnings.simplefilter("ignore")
    rng = np.random.Generator(np.random.Philox(0))
    double = rng.normal(size=(ROWS, CLASSES)) * 3
    noise = rng.gumbel(size=(ROWS, CLASSES))
    labels = (double / TRUE_TEMPERATURE + noise).argmax(axis=1)
    print(f"{ROWS:,} x {CLASSES} logits, {torch.get_num_threads()} torch threads: best of runs")
    print(f"{'':34}{'CPU ms':>10}{'wall ms':>10}{'x ours':>9}{'error of T':>13}")
    exact = by_sklearn(double, labels)  # its golden section goes on to 64 eps: the reference for T
    for name, logits in (("float64", double), ("float32", double.astype(np.float32))):
        fits: list[tuple[str, Callable[[Logits, Labels], float]]] = [
            ("fit_temperature", ours),
            ("sklearn", by_sklearn),
            ("torch LBFGS, strong Wolfe", partial(by_lbfgs, line_search="strong_wolfe", rate=1.0, steps=100)),
            ("torch LBFGS, lr .01 (Guo)", partial(by_lbfgs, line_search=None, rate=0.01, steps=50)),
            ("probmetrics", by_probmetrics),
        ]
        base = np.nan
        for title, fit in fits:
            try:
                temperature, cpu, wall = timed(partial(fit, logits, labels), 1 if "lr .01" in title else 3)
            except ImportError as error:
                print(f"{title + ', ' + name:34}{'not installed: ' + str(error.name):>42}")
                continue
            base = wall if fit is ours else base
            print(
                f"{title + ', ' + name:34}{1e3 * cpu:10.1f}{1e3 * wall:10.1f}{wall / base:9.1f}{temperature - exact:13.1e}"
            )


if __name__ == "__main__":
    main()
