"""The inner loops of `minhash` and `near_duplicate` compiled by numba, to the same bits.

Only this module imports numba; it comes with the extra of that name. Compiled code is kept
beside the module, or in the user's cache where that can't be written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from evolkit.filters.shingles import KEY_FACTOR, LETTER_FACTOR, Indices, Keys, cut

if TYPE_CHECKING:
    import numpy.typing as npt

    from evolkit.filters.minhash import Signatures
    from evolkit.filters.shingle_numbers import ShingleMemory

_compiled = numba.njit(nogil=True, cache=True, boundscheck=False)


def fill(
    texts: Sequence[str], memory: ShingleMemory, factors: Signatures, made: Signatures
) -> None:
    """Writes the signature of each prepared text into its row of `made`."""
    codes, counts, sizes = cut(texts)
    shift = int(memory.shift)
    _fill(codes, counts, sizes, shift, memory.keys, memory.numbers, factors[0], factors[1], made)


def shared_counts(sets: Sequence[Keys], bounds: Indices, pairs: npt.NDArray[np.int64]) -> Indices:
    """How many keys the two sets of each pair share; sets are ascending and distinct."""
    counts: Indices = np.empty(len(pairs), np.int64)
    if len(pairs):
        _share(np.concatenate(sets), bounds, pairs, counts)
    return counts


@_compiled
def _fill(  # noqa: PLR0913  numba takes arrays, not objects
    codes: Any,
    counts: Any,
    sizes: Any,
    shift: Any,
    memory_keys: Any,
    memory_numbers: Any,
    factors: Any,
    summands: Any,
    made: Any,
) -> None:
    schedule = np.empty(80, np.uint32)
    message = np.empty(64, np.uint8)
    letters = np.empty(0, np.uint64)
    numbers = np.empty(0, np.uint32)
    first = 0
    for text in range(len(counts)):
        count, size = counts[text], sizes[text]
        if count > len(letters):
            letters = np.empty(2 * count, np.uint64)
            numbers = np.empty(2 * count, np.uint32)
        for place in range(count):
            letter = (np.uint64(codes[first + place]) + np.uint64(1)) * np.uint64(LETTER_FACTOR)
            letters[place] = letter ^ (letter >> np.uint64(29))
        shown = count - size + 1 if count else 0
        # Numbers first, all permutations after: the memory is far away, and its reads overlap.
        for start in range(shown):
            key = np.uint64(0)
            for place in range(start, start + size):
                key = key * np.uint64(KEY_FACTOR) + letters[place]
            key = (key ^ (key >> np.uint64(32))) * np.uint64(KEY_FACTOR)
            slot = key >> np.uint64(shift)
            if memory_keys[slot] != key:
                memory_keys[slot] = key
                memory_numbers[slot] = _number(codes, first + start, size, message, schedule)
            numbers[start] = memory_numbers[slot]
        row = made[text]
        for start in range(shown):
            number = numbers[start]
            for column in range(len(factors)):
                sent = np.uint32(factors[column] * number + summands[column])
                row[column] = min(row[column], sent)
        first += count


@_compiled
def _number(codes: Any, start: Any, length: Any, message: Any, schedule: Any) -> Any:
    message[:] = 0
    at = 0
    for place in range(start, start + length):
        code = codes[place]
        if code < 0x80:
            message[at] = code
            at += 1
        elif code < 0x800:
            message[at] = 0xC0 | (code >> 6)
            message[at + 1] = 0x80 | (code & 0x3F)
            at += 2
        elif code < 0x10000:
            message[at] = 0xE0 | (code >> 12)
            message[at + 1] = 0x80 | ((code >> 6) & 0x3F)
            message[at + 2] = 0x80 | (code & 0x3F)
            at += 3
        else:
            message[at] = 0xF0 | (code >> 18)
            message[at + 1] = 0x80 | ((code >> 12) & 0x3F)
            message[at + 2] = 0x80 | ((code >> 6) & 0x3F)
            message[at + 3] = 0x80 | (code & 0x3F)
            at += 4
    message[at] = 0x80
    message[62] = (at * 8) >> 8
    message[63] = (at * 8) & 0xFF
    digest = _sha1_first_word(message, schedule)
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
def _sha1_first_word(message: Any, schedule: Any) -> Any:
    for word in range(16):
        schedule[word] = (
            (np.uint32(message[4 * word]) << np.uint32(24))
            | (np.uint32(message[4 * word + 1]) << np.uint32(16))
            | (np.uint32(message[4 * word + 2]) << np.uint32(8))
            | np.uint32(message[4 * word + 3])
        )
    for word in range(16, 80):
        mixed = schedule[word - 3] ^ schedule[word - 8] ^ schedule[word - 14] ^ schedule[word - 16]
        schedule[word] = np.uint32((mixed << np.uint32(1)) | (mixed >> np.uint32(31)))
    a = np.uint32(0x67452301)
    b = np.uint32(0xEFCDAB89)
    c = np.uint32(0x98BADCFE)
    d = np.uint32(0x10325476)
    e = np.uint32(0xC3D2E1F0)
    for turn in range(80):
        if turn < 20:
            choice = (d ^ (b & (c ^ d))) + np.uint32(0x5A827999)
        elif turn < 40:
            choice = (b ^ c ^ d) + np.uint32(0x6ED9EBA1)
        elif turn < 60:
            choice = ((b & c) | (d & (b | c))) + np.uint32(0x8F1BBCDC)
        else:
            choice = (b ^ c ^ d) + np.uint32(0xCA62C1D6)
        turned = (a << np.uint32(5)) | (a >> np.uint32(27))
        summed = np.uint32(turned + choice + e + schedule[turn])
        e, d, c = d, c, np.uint32((b << np.uint32(30)) | (b >> np.uint32(2)))
        b, a = a, summed
    return np.uint32(a + np.uint32(0x67452301))


@_compiled
def _share(keys: Any, bounds: Any, pairs: Any, counts: Any) -> None:
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
