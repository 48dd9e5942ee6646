"""The inner loops of `minhash` compiled by numba, to the same bits.

Only this module imports numba; it comes with the extra of that name. Compiled code is kept
beside the module, or in the user's cache where that can't be written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numba
import numpy as np

from evolkit.filters.near.shingles import KEY_FACTOR, LETTER_FACTOR, Indices, Keys, cut

if TYPE_CHECKING:
    from evolkit.filters.near.minhash import Signatures
    from evolkit.filters.near.numbers import ShingleMemory

LANES: Final = 512
"""Digests made side by side, for the vector registers: 24 ns each, one by one 145 ns."""

_compiled = numba.njit(nogil=True, cache=True, boundscheck=False)


def fill(
    texts: Sequence[str], memory: ShingleMemory, factors: Signatures, made: Signatures
) -> None:
    """Writes the signature of each prepared text into its row of `made`."""
    codes, counts, sizes = cut(texts)
    shown = np.where(counts > 0, counts - sizes + 1, 0)
    keys: Keys = np.empty(shown.sum(), np.uint64)
    starts: Indices = np.empty(len(keys), np.int64)
    _write_keys(codes, counts, sizes, keys, starts)
    numbers = np.empty(len(keys), np.uint32)
    missed = np.empty(len(keys), np.int64)
    shift = int(memory.shift)
    count = _look_up(keys, shift, memory.keys, memory.numbers, numbers, missed)
    missed = missed[:count]
    lengths = np.repeat(sizes.astype(np.int8), shown)[missed]
    _write_numbers(codes, starts[missed], lengths, missed, numbers)
    _remember(keys, shift, memory.keys, memory.numbers, numbers, missed)
    _write_least(numbers, shown, factors[0], factors[1], made)


def shared_counts(sets: Sequence[Keys], pairs: Indices) -> Indices:
    """How many keys two of the sets share; sets are ascending and distinct."""
    counts: Indices = np.empty(len(pairs), np.int64)
    if len(pairs):
        bounds = np.cumsum([0, *map(len, sets)])
        _write_shared_counts(np.concatenate(sets), bounds, pairs, counts)
    return counts


@_compiled
def _write_keys(codes: Any, counts: Any, sizes: Any, keys: Any, starts: Any) -> None:
    first, at = 0, 0
    for text in range(len(counts)):
        count, size = counts[text], sizes[text]
        shown = count - size + 1 if count else 0
        # One letter of all shingles after the other, not one shingle after the other: vectors.
        for start in range(shown):
            keys[at + start] = 0
            starts[at + start] = first + start
        for place in range(size):
            for start in range(shown):
                letter = np.uint64(codes[first + start + place]) + np.uint64(1)
                letter *= np.uint64(LETTER_FACTOR)
                letter ^= letter >> np.uint64(29)
                keys[at + start] = keys[at + start] * np.uint64(KEY_FACTOR) + letter
        for start in range(shown):
            key = keys[at + start]
            keys[at + start] = (key ^ (key >> np.uint64(32))) * np.uint64(KEY_FACTOR)
        first += count
        at += shown


@_compiled
def _look_up(
    keys: Any, shift: Any, memory_keys: Any, memory_numbers: Any, numbers: Any, missed: Any
) -> Any:
    count = 0
    for at in range(len(keys)):
        slot = keys[at] >> np.uint64(shift)
        numbers[at] = memory_numbers[slot]
        missed[count] = at
        count += memory_keys[slot] != keys[at]
    return count


@_compiled
def _remember(
    keys: Any, shift: Any, memory_keys: Any, memory_numbers: Any, numbers: Any, missed: Any
) -> None:
    for at in missed:
        slot = keys[at] >> np.uint64(shift)
        memory_keys[slot] = keys[at]
        memory_numbers[slot] = numbers[at]


@_compiled
def _write_numbers(codes: Any, starts: Any, lengths: Any, places: Any, numbers: Any) -> None:
    schedule = np.empty((16, LANES), np.uint32)
    state = np.empty((5, LANES), np.uint32)
    for first in range(0, len(starts), LANES):
        lanes = min(LANES, len(starts) - first)
        schedule[:] = 0
        for lane in range(lanes):
            start = starts[first + lane]
            _write_message(codes[start : start + lengths[first + lane]], schedule[:, lane])
        digests = _sha1_first_words(schedule, state)
        for lane in range(lanes):
            numbers[places[first + lane]] = _mixed(digests[lane])


@_compiled
def _write_message(codes: Any, words: Any) -> None:
    size = 0
    for code in codes:
        width = 1 + (code >= 0x80) + (code >= 0x800) + (code >= 0x10000)
        for place in range(width):
            byte = code
            if width > 1:
                byte = (code >> np.uint32(6 * (width - 1 - place))) & np.uint32(0x3F)
                byte |= np.uint32(0x80)
                if place == 0:
                    byte |= np.uint32((0xF00 >> width) & 0xFF)
            words[size >> 2] |= np.uint32(byte) << np.uint32(24 - 8 * (size & 3))
            size += 1
    words[size >> 2] |= np.uint32(0x80) << np.uint32(24 - 8 * (size & 3))
    words[15] = 8 * size


@_compiled
def _sha1_first_words(words: Any, state: Any) -> Any:
    a, b, c, d, e = state[0], state[1], state[2], state[3], state[4]
    a[:], b[:], c[:], d[:], e[:] = 0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0
    for turn in range(80):
        word = words[turn % 16]
        if turn >= 16:
            _mix_word(word, words[(turn - 3) % 16], words[(turn - 8) % 16], words[(turn - 14) % 16])
        if turn < 20:
            for lane in range(LANES):
                choice = d[lane] ^ (b[lane] & (c[lane] ^ d[lane]))
                e[lane] += choice + word[lane] + np.uint32(0x5A827999)
        elif 40 <= turn < 60:
            for lane in range(LANES):
                choice = (b[lane] & c[lane]) | (d[lane] & (b[lane] | c[lane]))
                e[lane] += choice + word[lane] + np.uint32(0x8F1BBCDC)
        else:
            summand = np.uint32(0x6ED9EBA1) if turn < 40 else np.uint32(0xCA62C1D6)
            for lane in range(LANES):
                e[lane] += (b[lane] ^ c[lane] ^ d[lane]) + word[lane] + summand
        for lane in range(LANES):
            e[lane] += (a[lane] << np.uint32(5)) | (a[lane] >> np.uint32(27))
            b[lane] = (b[lane] << np.uint32(30)) | (b[lane] >> np.uint32(2))
        a, b, c, d, e = e, a, b, c, d
    return a


@_compiled
def _mix_word(word: Any, by: Any, other: Any, third: Any) -> None:
    for lane in range(LANES):
        mixed = word[lane] ^ by[lane] ^ other[lane] ^ third[lane]
        word[lane] = (mixed << np.uint32(1)) | (mixed >> np.uint32(31))


@_compiled
def _mixed(word: Any) -> Any:
    digest = np.uint32(word + np.uint32(0x67452301))
    number = (
        ((digest & np.uint32(0xFF)) << np.uint32(24))
        | ((digest & np.uint32(0xFF00)) << np.uint32(8))
        | ((digest >> np.uint32(8)) & np.uint32(0xFF00))
        | (digest >> np.uint32(24))
    )
    number = np.uint32(number ^ (number >> np.uint32(16)))
    number = np.uint32(number * np.uint32(0x85EBCA6B))
    number = np.uint32(number ^ (number >> np.uint32(13)))
    number = np.uint32(number * np.uint32(0xC2B2AE35))
    return np.uint32(number ^ (number >> np.uint32(16)))


@_compiled
def _write_least(numbers: Any, shown: Any, factors: Any, summands: Any, made: Any) -> None:
    first = 0
    for text in range(len(shown)):
        row = made[text]
        for place in range(first, first + shown[text]):
            number = numbers[place]
            for column in range(len(factors)):
                sent = np.uint32(factors[column] * number + summands[column])
                row[column] = min(row[column], sent)
        first += shown[text]


@_compiled
def _write_shared_counts(keys: Any, bounds: Any, pairs: Any, counts: Any) -> None:
    for pair in range(len(pairs)):
        i, end_i = bounds[pairs[pair, 0]], bounds[pairs[pair, 0] + 1]
        j, end_j = bounds[pairs[pair, 1]], bounds[pairs[pair, 1] + 1]
        shared = 0
        while i < end_i and j < end_j:
            a, b = keys[i], keys[j]
            shared += a == b
            i += a <= b
            j += b <= a
        counts[pair] = shared
