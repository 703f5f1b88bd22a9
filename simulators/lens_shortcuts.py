"""Simulated lens stamps: what every stamp shows, drawn so that the classes differ by the arc and by nothing else.

Positives are drawn once for both modes. Whether a host carries an arc is decided by its number alone, after host and
sky are drawn; unpaired negatives are taken from their bins by the sky alone. So no draw can depend on the class.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.special import ndtr, ndtri

from methods.statistics.streams import keyed_stream
from params.lens_shortcuts import Split
from params.simulated_lenses import ImageHosts, Normal, SersicHosts, Simulate
from storage.files.atomic import complete_folder
from storage.files.documents import write_json
from storage.files.inputs import InputError
from storage.files.tables import write_csv
from storage.lenses.host_images import TURNS, read_host_images, write_host_images
from storage.lenses.manifests import depth
from storage.lenses.stamps import BANDS

Floats = NDArray[np.float64]
Random = np.random.Generator
Columns = dict[str, Any]
HOST_FILE = "hosts.npy"
PARAMS = Path("params.yaml")
LENS_Q = (0.4, 0.999)
SPLITS: tuple[Split, ...] = ("train", "val", "test")
ATTEMPTS = 50
ASSIGNED = 1000  # hosts that are assigned together: the work grows with their cube


def main(params: Simulate, data: Path) -> None:
    images = None
    if isinstance(params.hosts, ImageHosts):
        images = read_host_images(Path(params.hosts.file), params.hosts.array, params.hosts.zero_point)
    table = drawn(params, 0 if images is None else len(images))
    with complete_folder(data) as folder:
        write_csv(folder / "manifest.csv", table)
        if images is not None:
            write_host_images(folder / HOST_FILE, images)
        write_json(folder / "manifest.json", manifest(params))


def manifest(params: Simulate) -> dict[str, object]:
    """What made this data: compared with params.yaml and this file before anything is run on it."""
    return {
        "simulator": "lens_shortcuts",
        "params": params.model_dump(mode="json"),
        "code": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
    }


def drawn(params: Simulate, images: int) -> pd.DataFrame:
    """The rows of both modes; images: how many host images there are."""
    tables = []
    for split in SPLITS:
        positives = params.stamps[split] // 2
        hosts = Hosts(params, split, images)
        chosen = hosts.positives(positives)
        others = hosts.matched(chosen, positives)
        lensed = {**chosen, **_arcs(params, split, positives, chosen)}
        pairs = pd.DataFrame(lensed).assign(label=1)
        controls = pd.DataFrame(chosen).assign(label=0)
        if params.pair_noise == "fresh":
            controls["seed"] = _seeds(params, f"{split} fresh", positives)
        tables.append(_in_mode("paired", split, pairs, controls, params))
        tables.append(_in_mode("unpaired", split, pairs, pd.DataFrame(others).assign(label=0), params))
    table = pd.concat(tables, ignore_index=True)
    first = ["stamp", "split", "label", "mode", "host_id", "pair_id", "theta_E"]
    return table[[*first, *(name for name in table if name not in first)]]


def _in_mode(
    mode: str, split: str, positives: pd.DataFrame, negatives: pd.DataFrame, params: Simulate
) -> pd.DataFrame:
    """Row i of both tables is one pair; the rows come in an order that tells nothing."""
    names = [f"{mode}-{split}-{number:06d}" for number in range(len(positives))]
    both = [
        part.assign(mode=mode, split=split, pair_id=names, stamp=[f"{name}-{end}" for name in names])
        for part, end in ((positives, "arc"), (negatives, "host"))
    ]
    table = pd.concat(both, ignore_index=True)
    return table.iloc[keyed_stream(params.seed, f"{mode} {split} order").permutation(len(table))]


class Hosts:
    """Hosts and the skies they are seen under. Those of positives and those of the pool have streams of their own."""

    def __init__(self, params: Simulate, split: str, images: int) -> None:
        self.params, self.split = params, split
        self.turned: dict[str, NDArray[np.int64]] = {}
        if isinstance(params.hosts, ImageHosts):
            self.turned = _turned_images(params.hosts, params, split, images)

    def positives(self, count: int) -> Columns:
        return self._drawn("host", 0, count, 0.0, 0.0)

    def matched(self, positives: Columns, count: int) -> Columns:
        """Hosts of the pool, none twice, one for each positive, from the same bin of PSF and of depth.

        What a picture was taken under is in its pixels; the sky in its row is that of the arc it gets. A negative gets
        none: its row repeats the sky of its positive, and every turned picture can be had, once.
        """
        shifts = self.params.pool.fwhm_shift, self.params.pool.depth_shift
        if self.turned:
            if any(shifts):
                raise InputError(
                    PARAMS, "hosts that are pictures have the sky they were taken under: their pool cannot be shifted",
                    field="lens_shortcuts.simulate.pool",
                )  # fmt: skip
            sky = (
                *(f"{name}_{band}" for name in ("psf_fwhm", "depth") for band in BANDS),
                "psf_bin",
                "depth_bin",
            )
            return {**self._drawn("pool", 0, count, *shifts), **{name: positives[name] for name in sky}}
        size = count + count // 2 + 16
        pool = self._drawn("pool", 0, size, *shifts)
        for attempt in range(1, ATTEMPTS):
            taken = _matches(positives, pool)
            if (taken >= 0).all():
                return {name: values[taken] for name, values in pool.items()}
            more = self._drawn("pool", attempt, size, *shifts)
            pool = {name: np.concatenate([pool[name], more[name]]) for name in pool}
        raise InputError(
            PARAMS,
            "the pool has no host in some bin of PSF and depth that positives have: choose wider psf_edges and "
            "depth_edges, or smaller shifts of the pool",
            field="lens_shortcuts.simulate.pool",
        )

    def _drawn(
        self, purpose: str, attempt: int, count: int, fwhm_shift: float, depth_shift: float
    ) -> Columns:
        """`count` hosts; every quantity has a stream of its own."""
        params, label = self.params, f"{self.split} {purpose} {attempt}"
        seeing, sky = params.seeing, params.sky

        def random(what: str) -> Random:
            return keyed_stream(params.seed, f"{label} {what}")

        if isinstance(params.hosts, SersicHosts):
            columns = _sersic_hosts(params.hosts, count, random)
            letter = purpose[0].upper()
            columns["host_id"] = np.array([f"{letter}{self.split}{attempt}-{i:06d}" for i in range(count)])
            noise = np.tile(sky.noise, (count, 1))
        else:
            columns = self._image_hosts(purpose, count)
            noise = np.tile(params.hosts.noise, (count, 1))
        fwhm = _normal(seeing.r, count, random("fwhm")) + fwhm_shift
        scattered = random("fwhm bands").normal(0, seeing.scatter, (count, 3))
        depths = depth(noise) + random("depth").normal(0, sky.scatter, count)[:, None] + depth_shift
        if isinstance(params.hosts, ImageHosts):
            depths = depth(noise)
        for i, band in enumerate(BANDS):
            columns[f"psf_fwhm_{band}"] = np.maximum(fwhm + seeing.bands[i] + scattered[:, i], 0.5)
            columns[f"depth_{band}"] = depths[:, i]
        columns["psf_bin"] = np.digitize(columns["psf_fwhm_r"], params.psf_edges)
        columns["depth_bin"] = np.digitize(columns["depth_r"], params.depth_edges)
        columns["seed"] = _seeds(params, label, count)
        return columns

    def _image_hosts(self, purpose: str, count: int) -> Columns:
        """The split's images, each in each of its turns once; positives and the pool have turns of their own."""
        chosen = self.turned[purpose]
        if count > len(chosen):
            raise InputError(
                PARAMS,
                f"{self.split} has {len(chosen)} turned images for each class, {count} are wanted: lower it to "
                f"{2 * len(chosen)} or less, or add hosts",
                field=f"lens_shortcuts.simulate.stamps.{self.split}",
            )
        image, turn = np.divmod(chosen[:count], TURNS)
        return {
            "host_image": image,
            "host_turn": turn,
            "host_id": np.array([f"image-{number:05d}" for number in image]),
        }


def _turned_images(
    hosts: ImageHosts, params: Simulate, split: str, images: int
) -> dict[str, NDArray[np.int64]]:
    """Turned images of this split, in random order: of each image half the turns for positives, half for the pool.

    Hosts of either class alone would be few enough to be told apart by their looks; the same pixels twice would be too.
    """
    order = keyed_stream(params.seed, "images").permutation(images)
    held = max(round(hosts.share * images), 1)
    mine = {"val": order[:held], "test": order[held : 2 * held], "train": order[2 * held :]}[split]
    turns = keyed_stream(params.seed, f"{split} turns").permuted(
        np.tile(np.arange(TURNS), (len(mine), 1)), axis=1
    )
    halves = {"host": turns[:, : TURNS // 2], "pool": turns[:, TURNS // 2 :]}
    return {
        purpose: keyed_stream(params.seed, f"{split} {purpose} order").permutation(
            (mine[:, None] * TURNS + half).ravel()
        )
        for purpose, half in halves.items()
    }


def _sersic_hosts(hosts: SersicHosts, count: int, random: Any) -> Columns:
    magnitude = _normal(hosts.magnitude, count, random("magnitude"))
    larger = 10 ** (hosts.radius_slope * (magnitude - hosts.magnitude.mean))
    return {
        "host_x": random("x").uniform(-hosts.offset, hosts.offset, count),
        "host_y": random("y").uniform(-hosts.offset, hosts.offset, count),
        "host_radius": _normal(hosts.radius, count, random("radius")) * larger,
        "host_n": _normal(hosts.n, count, random("n")),
        "host_q": _normal(hosts.q, count, random("q")),
        "host_phi": random("phi").uniform(0, np.pi, count),
        "host_mag_g": magnitude + _normal(hosts.g_r, count, random("g - r")),
        "host_mag_r": magnitude,
        "host_mag_z": magnitude - _normal(hosts.r_z, count, random("r - z")),
    }


def _arcs(params: Simulate, split: str, count: int, hosts: Columns) -> Columns:
    """Lenses and sources, which know nothing of their hosts but the shape that the mass follows, where there is one."""
    lenses, sources = params.lenses, params.sources

    def random(what: str) -> Random:
        return keyed_stream(params.seed, f"{split} arc {what}")

    theta_E = random("theta_E").uniform(lenses.theta_E[0], lenses.theta_E[1], count)
    distance = sources.reach * theta_E * np.sqrt(random("distance").random(count))
    direction = random("direction").uniform(0, 2 * np.pi, count)
    shear = random("shear").uniform(0, lenses.shear, count)
    twist = random("twist").uniform(0, np.pi, count)
    magnitude = _normal(sources.magnitude, count, random("magnitude"))
    light_q = hosts.get("host_q", np.full(count, 0.8))
    light_phi = hosts.get("host_phi", random("phi").uniform(0, np.pi, count))
    return {
        "theta_E": theta_E,
        "lens_q": np.clip(light_q + random("q").normal(0, lenses.q_scatter, count), *LENS_Q),
        "lens_phi": light_phi + random("turn").normal(0, lenses.phi_scatter, count),
        "gamma_1": shear * np.cos(2 * twist),
        "gamma_2": shear * np.sin(2 * twist),
        "source_x": distance * np.cos(direction),
        "source_y": distance * np.sin(direction),
        "source_radius": _normal(sources.radius, count, random("radius")),
        "source_n": _normal(sources.n, count, random("n")),
        "source_q": _normal(sources.q, count, random("source q")),
        "source_phi": random("source phi").uniform(0, np.pi, count),
        "source_mag_g": magnitude + _normal(sources.g_r, count, random("g - r")),
        "source_mag_r": magnitude,
        "source_mag_z": magnitude - _normal(sources.r_z, count, random("r - z")),
    }


def _normal(of: Normal, count: int, random: Random) -> Floats:
    """Normal between its ends, by the inverse of its distribution: one uniform number a draw."""
    if of.sd == 0:
        return np.full(count, of.mean)
    low, high = ndtr((of.least - of.mean) / of.sd), ndtr((of.most - of.mean) / of.sd)
    return np.asarray(of.mean + of.sd * ndtri(low + (high - low) * random.random(count)))


def _seeds(params: Simulate, purpose: str, count: int) -> NDArray[np.int64]:
    """Seeds of the stamps' noise; a table may hold them as floats and lose nothing."""
    return keyed_stream(params.seed, f"{purpose} seeds").integers(0, 2**48, count)


def _matches(wanted: Columns, pool: Columns) -> NDArray[np.int64]:
    """For each host wanted a host of the pool in the same bins and under the most similar sky, none twice.

    The assignment is the best one in each bin. Any host of the bin would do if the pool had the positives' sky;
    where it has not, bins alone leave the difference within a bin, and ring means of placebo stamps tell the classes
    (AUC .53 for a shift of .05 arcsec in bins of .08). -1 where the pool has none left.
    """
    sky = [f"{name}_{band}" for name in ("psf_fwhm", "depth") for band in BANDS]
    theirs, ours = (np.stack([columns[name] for name in sky], axis=1) for columns in (pool, wanted))
    spread = np.where(ours.std(axis=0) > 0, ours.std(axis=0), 1)
    theirs, ours = theirs / spread, ours / spread
    taken = np.full(len(ours), -1)
    cells, pool_cells = (columns["psf_bin"] * 1000 + columns["depth_bin"] for columns in (wanted, pool))
    for cell in np.unique(cells):
        places, choice = np.flatnonzero(cells == cell), np.flatnonzero(pool_cells == cell)
        for first in range(0, len(places), ASSIGNED):
            some = places[first : first + ASSIGNED]
            offered = choice[
                first * len(choice) // len(places) : (first + len(some)) * len(choice) // len(places)
            ]
            row, column = linear_sum_assignment(cdist(ours[some], theirs[offered], "sqeuclidean"))
            taken[some[row]] = offered[column]
    return taken
