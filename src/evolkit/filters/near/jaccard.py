"""Exact Jaccard similarity of many pairs of texts, by sorted hashes of their shingles.

A key has 56 bits: two different shingles of a pair share one with a chance of 2**-56.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain, pairwise
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from evolkit.filters.near.minhash import Engine
from evolkit.filters.near.shingles import Indices, Keys, windows

Scores = npt.NDArray[np.float64]
Part = TypeVar("Part")
Made = TypeVar("Made")
Slices = TypeVar("Slices", Sequence[str], Indices)

_AT_ONCE: Final = 1 << 8
"""Texts, or pairs, whose keys are sorted in one step; their numbers take the first 8 bits."""

_KEY_BITS: Final = np.uint64(64 - 8)
_OWNER_BITS: Final = np.uint64(8)


def key_sets(texts: Sequence[str]) -> list[Keys]:
    """The distinct keys of each prepared text's shingles, ascending."""
    return list(chain.from_iterable(map(_key_sets, _parts(texts))))


def key_jaccards(
    sets: Sequence[Keys], pairs: Indices, *, engine: Engine = "numpy", workers: int = 1
) -> Scores:
    """Shared keys among all keys of two of the sets, in [0, 1]; 1.0 for two empty ones.

    `pairs`: places of two sets in each row.
    """
    if engine == "numpy":
        counts = [_shared_counts(sets, part) for part in _parts(pairs)]
    else:
        from evolkit.filters.near.compiled import shared_counts

        counts = in_threads(partial(shared_counts, sets), np.array_split(pairs, workers), workers)
    shared = np.concatenate([np.empty(0, np.int64), *counts])
    sizes = np.fromiter(map(len, sets), np.int64, len(sets))[pairs].sum(axis=1)
    return np.where(sizes > 0, shared / np.maximum(sizes - shared, 1), 1.0)


def in_threads(work: Callable[[Part], Made], parts: Sequence[Part], workers: int) -> list[Made]:
    """What `work` makes of each part. Only long steps without Python gain from it."""
    if len(parts) < 2 or workers < 2:
        return list(map(work, parts))
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, parts))


def _parts(items: Slices) -> list[Slices]:
    return [items[at : at + _AT_ONCE] for at in range(0, len(items), _AT_ONCE)]


def _key_sets(texts: Sequence[str]) -> list[Keys]:
    found = windows(texts)
    keys = _sorted(found.keys >> _OWNER_BITS, np.diff(found.bounds))
    is_new = np.ones(len(keys), np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=is_new[1:])
    keys = keys[is_new]
    ends = np.cumsum(_owner_counts(keys, len(texts)))
    keys &= (np.uint64(1) << _KEY_BITS) - np.uint64(1)
    return [keys[start:end] for start, end in pairwise([0, *ends.tolist()])]


def _shared_counts(sets: Sequence[Keys], pairs: Indices) -> Indices:
    ends = [sets[place] for place in pairs.ravel().tolist()]
    sizes = np.fromiter(map(len, ends), np.int64, len(ends)).reshape(-1, 2).sum(axis=1)
    keys = _sorted(np.concatenate(ends), sizes)
    return _owner_counts(keys[1:][keys[1:] == keys[:-1]], len(pairs))


def _sorted(keys: Keys, counts: Indices) -> Keys:
    """Keys behind the number of the text or pair that they are of, ascending."""
    owned: Keys = keys | np.repeat(np.arange(len(counts), dtype=np.uint64) << _KEY_BITS, counts)
    owned.sort()
    return owned


def _owner_counts(keys: Keys, owners: int) -> Indices:
    return np.bincount((keys >> _KEY_BITS).view(np.int64), minlength=owners)
