"""Texts as sets of short overlapping strings: what near-duplicates are compared by.

A shingle is five characters where words are spaced and three in Han, Kana, Thai, Lao, Khmer,
Burmese, Tibetan and the other scripts without spaces, whose characters carry more. A text is of
the kind most of its letters are. Text is composed (NFC) first, so that two encodings of the same
letters are equal; case, white space and punctuation count unless `fold` is asked for.
"""

import unicodedata
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from evolkit.segments import is_unspaced, letter_count, normalise

SPACED_SIZE: Final = 5
UNSPACED_SIZE: Final = 3

Codes = npt.NDArray[np.uint32]
Keys = npt.NDArray[np.uint64]
Indices = npt.NDArray[np.int64]

KEY_FACTOR: Final = 0xD6E8FEB86659FD93
LETTER_FACTOR: Final = 0x9E3779B97F4A7C15
"""Odd numbers without pattern in their bits, as in SplitMix64 and its kin."""

_SCRIPT_KIND_UNKNOWN: Final = 255


class Cut(NamedTuple):
    """Texts as code points, one after another; how many each has; how long its shingles are.

    The shingles of an empty text have length 0.
    """

    codes: Codes
    counts: Indices
    sizes: Indices


class Windows(NamedTuple):
    """All shingles of some texts, repetitions too.

    `codes`: code points of the texts, one after another. `starts`, `lengths`: where in `codes`
    each shingle begins and how long it is. `keys`: a 64-bit hash of each; two different shingles
    share one with a chance of 2**-64. `bounds`: shingles of text i are bounds[i]:bounds[i + 1];
    only an empty text has none.
    """

    codes: Codes
    starts: Indices
    lengths: Indices
    keys: Keys
    bounds: Indices


def shingles(text: str, *, fold: bool = False) -> set[str]:
    """The shingles of a text; the whole text where it is shorter than one, none where empty.

    `fold` compares without case, runs of white space and invisible characters.
    """
    text = prepare(text, fold=fold)
    if not text:
        return set()
    size = min(shingle_size(text), len(text))
    return {text[i : i + size] for i in range(len(text) - size + 1)}


def shingle_size(text: str) -> int:
    """Characters in a shingle of this text: 5, or 3 where most letters need no spaces."""
    return UNSPACED_SIZE if is_unspaced(text) else SPACED_SIZE


def jaccard(a: str, b: str, *, fold: bool = False) -> float:
    """Shared shingles among all shingles of two texts, in [0, 1]; 1.0 for two empty texts."""
    of_a, of_b = shingles(a, fold=fold), shingles(b, fold=fold)
    union = len(of_a | of_b)
    return len(of_a & of_b) / union if union else 1.0


def prepare(text: str, *, fold: bool = False) -> str:
    """The text as it is cut into shingles."""
    if fold:
        return normalise(text)
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def cut(texts: Sequence[str]) -> Cut:
    """Where the shingles of prepared texts lie."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    counts = np.fromiter(map(len, texts), np.int64, len(texts))
    return Cut(codes, counts, np.minimum(_sizes(codes, counts, np.cumsum(counts)), counts))


def windows(texts: Sequence[str]) -> Windows:
    """The shingles of prepared texts as arrays; linear in their length."""
    codes, counts, sizes = cut(texts)
    shown = np.where(counts > 0, counts - sizes + 1, 0)
    bounds = np.concatenate(([0], np.cumsum(shown)))
    lengths = np.repeat(sizes, shown)
    shift = np.cumsum(counts) - counts - bounds[:-1]
    starts = np.arange(bounds[-1]) + np.repeat(shift, shown)
    return Windows(codes, starts, lengths, _keys(codes, starts, lengths), bounds)


def unique_keys(found: Windows) -> list[Keys]:
    """The distinct keys of each text, ascending."""
    made = []
    bounds: list[int] = found.bounds.tolist()
    for start, end in pairwise(bounds):
        keys = np.sort(found.keys[start:end])
        is_new = np.ones(len(keys), np.bool_)
        np.not_equal(keys[1:], keys[:-1], out=is_new[1:])
        made.append(keys[is_new])
    return made


def key_jaccard(a: Keys, b: Keys) -> float:
    """Jaccard similarity of two sets of keys, each ascending and distinct; 1.0 for two empty."""
    if not len(a) or not len(b):
        return float(len(a) == len(b))
    both = np.concatenate((a, b))
    both.sort()
    shared = int(np.count_nonzero(both[1:] == both[:-1]))
    return shared / (len(both) - shared)


def _keys(codes: Codes, starts: Indices, lengths: Indices) -> Keys:
    if not len(starts):
        return np.empty(0, np.uint64)
    mixed = (codes.astype(np.uint64) + np.uint64(1)) * np.uint64(LETTER_FACTOR)
    mixed ^= mixed >> np.uint64(29)
    by_size = {1: mixed}
    for size in range(2, SPACED_SIZE + 1):
        longer = by_size[size - 1][:-1] * np.uint64(KEY_FACTOR)
        longer += mixed[size - 1 :]
        by_size[size] = longer
    if (lengths == lengths[0]).all():
        keys = by_size[int(lengths[0])][starts]
    else:
        keys = np.empty(len(starts), np.uint64)
        for size in np.unique(lengths).tolist():
            here = lengths == size
            keys[here] = by_size[size][starts[here]]
    keys ^= keys >> np.uint64(32)
    keys *= np.uint64(KEY_FACTOR)
    return keys


def _sizes(codes: Codes, counts: Indices, ends: Indices) -> Indices:
    kinds = _script_kinds()
    kind = kinds[codes]
    if (kind == _SCRIPT_KIND_UNKNOWN).any():
        for code in np.unique(codes[kind == _SCRIPT_KIND_UNKNOWN]).tolist():
            letter = chr(code)
            kinds[code] = letter_count(letter) + is_unspaced(letter)
        kind = kinds[codes]
    if not (kind > 1).any():
        return np.full(len(counts), SPACED_SIZE)
    totals = np.zeros((2, len(codes) + 1), np.int64)
    np.cumsum(kind > 0, out=totals[0, 1:])
    np.cumsum(kind > 1, out=totals[1, 1:])
    letters, unspaced = totals[:, ends] - totals[:, ends - counts]
    return np.where(2 * unspaced > letters, UNSPACED_SIZE, SPACED_SIZE)


@cache
def _script_kinds() -> npt.NDArray[np.uint8]:
    """For each code point: 0 no letter, 1 a letter, 2 one of a script without spaces.

    Filled as code points come; two threads that fill it write the same.
    """
    return np.full(0x110000, _SCRIPT_KIND_UNKNOWN, np.uint8)
