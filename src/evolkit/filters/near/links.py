"""Which texts of a set are near each other, without looking at all pairs.

Candidates share a band of their signatures. Inside a bucket only stars are tested: all members
against the first, then against the first of those that belong to no leader yet, and so on for a
few rounds. So a bucket of ten thousand copies of one template costs ten thousand tests, and a
small one all pairs that are not yet in one cluster.
"""

import math
import os
from collections.abc import Iterator
from functools import partial
from typing import Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from evolkit.filters.near.jaccard import Scores, in_threads, key_jaccards, key_sets
from evolkit.filters.near.minhash import Signatures
from evolkit.filters.near.shingles import Indices, Keys
from evolkit.filters.near.sketches import Sketcher, Sketches

Group = TypeVar("Group", np.int64, np.uint64)

Pairs = npt.NDArray[np.int64]
"""Two columns: positions of texts."""

ROUNDS: Final = 8
"""Leaders that a bucket's members are tested against. A pair that is missed in one bucket meets
in others too; see the gate on recall."""

KEPT_ROUNDS: Final = 256
"""Kept texts of one cluster that its others are tested against; what is left is kept."""

MARGIN_DEVIATIONS: Final = 4.0
"""How far below the threshold an estimate may lie before the pair is not worth an exact test;
one true pair in 30,000 lies lower."""

STORED_KEYS: Final = 12_000_000
"""Shingle keys remembered between tests: 96 MB."""

ALMOST: Final = 1 - 1e-9
"""What makes up for rounding."""

_BLOCK: Final = 1 << 12


class Match(NamedTuple):
    """Position of the text that another one is near to, and their exact Jaccard similarity."""

    of: int
    jaccard: float


class PairTester:
    """Tells of pairs of texts which are as similar as `threshold`: estimate first, then exact.

    `compared` counts the pairs whose signatures were; exact tests are some of them.
    """

    def __init__(self, sketches: Sketches, sketcher: Sketcher) -> None:
        self.texts = sketches.texts
        self.signatures = sketches.signatures
        self.threshold = sketcher.threshold
        self.least_estimate = least_estimate(self.threshold, self.signatures.shape[1])
        self.engine = sketcher.engine
        self.workers = sketcher.hasher.workers or os.cpu_count() or 1
        self.compared = 0
        self._near: dict[tuple[int, int], float] = {}
        self._keys: dict[int, Keys] = {}
        self._stored = 0

    def jaccards(self, pairs: Pairs) -> Scores:
        """Exact similarity of each pair that reaches the threshold, 0.0 of the others."""
        ordered = np.sort(pairs, axis=1)
        found = np.array([self._near.get((a, b), 0.0) for a, b in ordered.tolist()])
        left = np.flatnonzero(found == 0)
        self.compared += len(left)
        for at in range(0, len(left), _BLOCK):
            some = left[at : at + _BLOCK]
            likely = estimates(self.signatures, pairs[some]) >= self.least_estimate
            found[some[likely]] = self._exact(ordered[some[likely]])
        return found

    def _exact(self, pairs: Pairs) -> Scores:
        involved, places = np.unique(pairs, return_inverse=True)
        places = places.reshape(-1, 2)
        sets = self._keys_of(involved.tolist())
        sizes = np.fromiter(map(len, sets), np.int64, len(sets))[places]
        # No more can be shared than the smaller set, no fewer be in the union than the larger.
        able = np.flatnonzero(sizes.min(axis=1) >= ALMOST * self.threshold * sizes.max(axis=1))
        jaccards = key_jaccards(sets, places[able], engine=self.engine, workers=self.workers)
        is_near = jaccards >= self.threshold
        able, jaccards = able[is_near], jaccards[is_near]
        self._near.update(zip(map(tuple, pairs[able].tolist()), jaccards.tolist(), strict=True))
        found = np.zeros(len(pairs))
        found[able] = jaccards
        return found

    def _keys_of(self, positions: list[int]) -> list[Keys]:
        if self._stored > STORED_KEYS:
            self._keys.clear()
            self._stored = 0
        missing = [position for position in positions if position not in self._keys]
        made = key_sets([self.texts[position] for position in missing])
        self._keys.update(zip(missing, made, strict=True))
        self._stored += sum(map(len, made))
        return [self._keys[position] for position in positions]


def least_estimate(threshold: float, num_perm: int) -> float:
    """The agreement of two signatures below which their texts don't reach the threshold."""
    deviation = math.sqrt(threshold * (1 - threshold) / num_perm)
    return threshold - MARGIN_DEVIATIONS * deviation


def estimates(signatures: Signatures, pairs: Pairs) -> Scores:
    """Share of columns in which the two signatures of each pair agree."""
    same: Scores = (signatures[pairs[:, 0]] == signatures[pairs[:, 1]]).mean(axis=1)
    return same


def link(bands: Keys, tester: PairTester) -> Indices:
    """For each text the number of its cluster; texts that are near share one.

    Clusters are the connected parts of what the tester confirms, whatever the order of texts.
    """
    forest = _Forest(len(bands))
    members, groups = _buckets(bands, tester.workers)
    refused = np.empty(0, np.int64)
    # A member has been led when it is known to be in one cluster with an earlier leader.
    is_led = np.zeros(len(members), np.bool_)
    for turn in range(ROUNDS):
        if not len(members):
            break
        leaders = _leaders(members, groups, is_led)
        refused = _join_near(np.stack((leaders, members), axis=1), forest, tester, refused)
        if turn == 0:
            neighbours = np.stack((members[:-1], members[1:]), axis=1)[groups[1:] == groups[:-1]]
            refused = _join_near(neighbours, forest, tester, refused)
        is_led |= ~forest.are_apart(np.stack((leaders, members), axis=1))
        is_open = np.bincount(groups, ~is_led)[groups] > 0
        members, groups, is_led = members[is_open], groups[is_open], is_led[is_open]
    return forest.roots()


def _leaders(members: Indices, groups: Indices, is_led: npt.NDArray[np.bool_]) -> Indices:
    """For each member the first one in its group that has not been led; each group has one."""
    free = np.flatnonzero(~is_led)
    owners, first = np.unique(groups[free], return_index=True)
    return members[free[first]][np.searchsorted(owners, groups)]


def _stars(members: Indices, groups: Indices) -> tuple[Pairs, npt.NDArray[np.bool_]]:
    """Each member but the first of its group, paired with that first; who is a first."""
    is_first = np.concatenate(([True], groups[1:] != groups[:-1]))
    firsts = members[is_first][np.cumsum(is_first) - 1]
    return np.stack((firsts, members), axis=1)[~is_first], is_first


def _join_near(pairs: Pairs, forest: "_Forest", tester: PairTester, refused: Indices) -> Indices:
    """Joins what is near; what was refused before and now, as codes of pairs."""
    pairs = pairs[forest.are_apart(pairs)]
    size = len(tester.texts)
    codes, first = np.unique(pairs.min(axis=1) * size + pairs.max(axis=1), return_index=True)
    is_new = ~np.isin(codes, refused, assume_unique=True)
    # In the order they came: what the first buckets join, the others need not test again.
    codes = codes[is_new][np.argsort(first[is_new])]
    for at in range(0, len(codes), _BLOCK):
        some = codes[at : at + _BLOCK]
        pairs = np.stack(np.divmod(some, size), axis=1)
        is_apart = forest.are_apart(pairs)
        some, pairs = some[is_apart], pairs[is_apart]
        is_near = tester.jaccards(pairs) > 0
        forest.join(pairs[is_near])
        refused = np.concatenate((refused, some[~is_near]))
    return refused


def keep_apart(clusters: Indices, ranks: Indices, tester: PairTester) -> dict[int, Match]:
    """The texts to drop, each with the kept one that it is near to.

    In each cluster the text of lowest rank is kept and what is near it dropped, then the next
    that is left. So no two kept texts are near, and each dropped one is near a kept one.
    """
    order = np.lexsort((ranks, clusters))
    members, groups = _without_singles(order, clusters[order])
    dropped: dict[int, Match] = {}
    for _ in range(KEPT_ROUNDS):
        if not len(members):
            break
        stars, is_first = _stars(members, groups)
        found = tester.jaccards(stars)
        is_near = found > 0
        for (kept, near), jaccard in zip(
            stars[is_near].tolist(), found[is_near].tolist(), strict=True
        ):
            dropped[near] = Match(kept, jaccard)
        members, groups = _without_singles(
            members[~is_first][~is_near], groups[~is_first][~is_near]
        )
    return dropped


def _buckets(bands: Keys, workers: int) -> tuple[Indices, Indices]:
    """Members of all buckets with two or more, one bucket after another, and their bucket."""
    found = in_threads(partial(_band_buckets, bands), range(bands.shape[1]), workers)
    made = np.cumsum([0, *(groups[-1] + 1 if len(groups) else 0 for _, groups in found)])
    members = np.concatenate([some for some, _ in found])
    groups = [some + first for (_, some), first in zip(found, made[:-1], strict=True)]
    return members, np.concatenate(groups)


def _band_buckets(bands: Keys, band: int) -> tuple[Indices, Indices]:
    keys = bands[:, band]
    order = np.argsort(keys)
    order, _ = _without_singles(order, keys[order])
    # Texts that share another band as well stand beside each other.
    order = order[np.lexsort((order, *_ties(bands, order, band), keys[order]))]
    ordered = keys[order]
    return order, np.cumsum(np.diff(ordered, prepend=ordered[:1]) != 0)


def _ties(bands: Keys, order: Indices, band: int) -> Iterator[Keys]:
    for step in (2, 1):
        yield bands[order, (band + step) % bands.shape[1]]


def _without_singles(
    members: Indices, groups: npt.NDArray[Group]
) -> tuple[Indices, npt.NDArray[Group]]:
    """Members of groups of two or more; members of a group stand side by side."""
    if not len(members):
        return members, groups
    same = groups[1:] == groups[:-1]
    shared = np.concatenate((same, [False])) | np.concatenate(([False], same))
    return members[shared], groups[shared]


class _Forest:
    """Union-find over positions; a tree's root is its smallest position."""

    def __init__(self, size: int) -> None:
        self._parents = np.arange(size)

    def roots(self) -> Indices:
        while True:
            parents = self._parents[self._parents]
            if (parents == self._parents).all():
                return parents
            self._parents = parents

    def are_apart(self, pairs: Pairs) -> npt.NDArray[np.bool_]:
        roots = self.roots()
        apart: npt.NDArray[np.bool_] = roots[pairs[:, 0]] != roots[pairs[:, 1]]
        return apart

    def join(self, pairs: Pairs) -> None:
        while len(pairs):
            roots = self.roots()
            ends = roots[pairs]
            low, high = ends.min(axis=1), ends.max(axis=1)
            # Several pairs may write the same root; the smallest wins, the others come again.
            np.minimum.at(self._parents, high, low)
            pairs = pairs[self.are_apart(pairs)]
