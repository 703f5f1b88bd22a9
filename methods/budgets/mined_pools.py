"""A pool before it is mined for a guarantee: a text that stands in it twice is one text."""

from collections.abc import Collection

import numpy as np

from methods.budgets.calibration_sets import Moment


def without_repeats(moment: Moment, pools: Collection[str]) -> Moment:
    """The moment, with the first clean row alone of each text of each of `pools`; everything else as it is.

    A guarantee over the `population` of a mined pool counts rows as if each were drawn on its own. Texts that stand in it
    k times make it err more often than delta; to drop repeats of the mined rows alone would leave the population k times
    too large. So the pool loses them before `assemble` mines it, for a recipe whose rule is *guaranteed*; its rate is then
    that per unique text.
    """
    kept = np.ones(len(moment.row), np.bool_)
    clean = moment.clean
    for pool in pools:
        own = np.flatnonzero((moment.pool == pool) & clean)
        kept[own] = False
        kept[own[np.unique(moment.group[own], return_index=True)[1]]] = True
    return moment[kept]
