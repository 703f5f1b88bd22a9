"""The same picture under two names: found by its pixels, turned and mirrored or not."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from storage.files.inputs import shown
from storage.lenses.manifests import Manifest


def refuse_copies(manifest: Manifest, rows: pd.DataFrame, pictures: Sequence[str], name: str) -> None:
    """One picture with two values of `name`: label, or split within a mode. Both rows are named.

    rows: of the manifest, their positions there in `row`; pictures: a digest for each.
    """
    keys = [np.array(pictures), *([rows["mode"].to_numpy()] if name == "split" else [])]
    first = rows[["row", name]].groupby(keys).transform("first")
    wrong = np.flatnonzero(first[name] != rows[name])
    if len(wrong):
        place, other = int(wrong[0]), int(first["row"].iloc[wrong[0]])
        advice = {
            "label": "one picture cannot be both: mend its label, or leave one out",
            "split": "what is learnt of it there would be tested here: keep it in one",
        }[name]
        manifest.refuse_row(
            int(rows["row"].iloc[place]), name, f"stamp {shown(rows['stamp'].iloc[place])} shows the pixels of "
            f"{manifest.row(other)}, turned or not, which has {name} {first[name].iloc[place]} where this has "
            f"{rows[name].iloc[place]} ({len(wrong)} such rows in all); {advice}",
        )  # fmt: skip


def hosts_of_pictures(hosts: "pd.Series[str]", pictures: Sequence[str]) -> NDArray[Any]:
    """(n,) hosts, where all that share a picture have the name of the first: they are dealt and resampled as one."""
    codes, names = pd.factorize(hosts)
    first = pd.Series(codes).groupby(np.array(pictures)).transform("first").to_numpy()
    shared = coo_array((np.ones(len(codes)), (codes, first)), (len(names), len(names)))
    group = connected_components(shared, directed=False)[1]
    lead: NDArray[Any] = pd.Series(names).groupby(group).transform("first").to_numpy()
    return lead[codes]
