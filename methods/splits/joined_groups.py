"""Groups that share a copy are one: what is learnt of it in a split would be tested on it in another."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def joined_groups(groups: Sequence[str], copies: Sequence[Sequence[int]]) -> list[str]:
    """groups (n,) of rows, copies: places of rows with the same content. Joined groups go by the first one's name."""
    number = {name: place for place, name in enumerate(dict.fromkeys(groups))}
    edges = [(number[groups[same[0]]], number[groups[place]]) for same in copies for place in same[1:]]
    if not edges:
        return list(groups)
    one, other = zip(*edges, strict=True)
    graph = coo_array((np.ones(len(edges)), (one, other)), shape=(len(number), len(number)))
    member = connected_components(graph, directed=False)[1].tolist()
    names: dict[int, str] = {}
    for name, place in number.items():
        names.setdefault(member[place], name)
    return [names[member[number[name]]] for name in groups]
