"""MinHash signatures, bit for bit those of datasketch 2.0, for many texts at once.

A signature holds, for each of `num_perm` permutations of all 32-bit numbers, the smallest that a
shingle of the text is sent to; two texts agree in about as many places as the Jaccard similarity
of their shingles says. As in datasketch, a shingle's number is the start of the SHA-1 digest of
its UTF-8 bytes, mixed as in MurmurHash3, and a permutation is `a * h + b` modulo 2**32 with odd
`a` (scheme "affine32"). Both are computed for whole arrays, and SHA-1 once for nearly every
distinct shingle.
"""

from __future__ import annotations

import hashlib
import mmap
import multiprocessing
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt

from evolkit.errors import ConfigError, MissingExtra
from evolkit.filters.shingles import Codes, Indices, Keys, Windows, prepare, windows

if TYPE_CHECKING:
    from datasketch import MinHash  # type: ignore[import-untyped]  # has no type hints

Engine = Literal["numpy", "numba"]
Signatures = npt.NDArray[np.uint32]
"""One row a text, one column a permutation."""

MAX_HASH: Final = np.uint32(0xFFFFFFFF)
"""What each column of an empty text holds."""

CHUNK: Final = 1 << 15
"""Characters hashed at once: their arrays stay in the second-level cache."""

VECTORS_FROM: Final = 1000
"""Shingles from which our SHA-1 over arrays (1,400 steps) is faster than one call each."""

ONE_STEP_UP_TO: Final = 4096
"""Shingles of a single text that are sent through all permutations in one step."""

MEMORY_BITS: Final = 22
"""Each worker remembers the numbers of up to 2**22 shingles, 48 MB; measured on 61,374 texts,
four of five shingles are found there."""


class MinHasher:
    """Makes signatures. `engine="numba"` needs the extra of that name and gives the same bits.

    `workers`: on how many cores, None for all. With numba these are threads. numpy's steps are
    too short for threads, so there they are forks of this process; without asking, only where it
    runs no other thread. `seed` and `num_perm` are datasketch's.
    """

    def __init__(
        self,
        *,
        num_perm: int = 128,
        seed: int = 1,
        engine: Engine = "numpy",
        workers: int | None = None,
        fold: bool = False,
    ) -> None:
        if num_perm < 1:
            raise ConfigError(f"num_perm must be positive, not {num_perm!r}")
        self.num_perm = num_perm
        self.seed = seed
        self.engine: Engine = engine
        self.fold = fold
        self.workers = workers
        self.permutations = permutations(num_perm, seed)
        self._fill = _load_engine(engine)

    def signature(self, text: str) -> Signatures:
        """The signature of one text, `num_perm` numbers."""
        row: Signatures = self.signatures([text])[0]
        return row

    def signatures(self, texts: Sequence[str], *, is_prepared: bool = False) -> Signatures:
        """One row a text. `is_prepared` promises that `shingles.prepare` has been applied."""
        chunks = list(_chunks(texts))
        workers = self._workers(texts, len(chunks))
        # Each worker takes every n-th chunk and has a memory of its own.
        shares = [chunks[worker::workers] for worker in range(workers)]
        shape = (len(texts), self.num_perm)
        by_fork = workers > 1 and self.engine == "numpy"
        made = _shared_array(shape) if by_fork else np.empty(shape, np.uint32)

        def work(share: list[slice]) -> None:
            memory = ShingleMemory(min(MEMORY_BITS, _bits_for(texts, share)))
            for chunk in share:
                some = texts[chunk]
                if not is_prepared:
                    some = [prepare(text, fold=self.fold) for text in some]
                made[chunk] = MAX_HASH
                self._fill(some, memory, self.permutations, made[chunk])

        if by_fork:
            _work_by_fork(work, shares)
        else:
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(work, shares))
        return made

    def _workers(self, texts: Sequence[str], chunks: int) -> int:
        wanted = self.workers or os.cpu_count() or 1
        if self.engine == "numpy" and not _can_fork(len(texts), is_asked=self.workers is not None):
            wanted = 1
        return max(1, min(wanted, chunks))

    def to_datasketch(self, signature: Signatures) -> MinHash:
        """A `datasketch.MinHash` that can be compared and put into any of its indexes."""
        from datasketch import MinHash

        return MinHash(
            seed=self.seed,
            hashvalues=signature.copy(),
            permutations=self.permutations,
            scheme="affine32",
        )

    def from_datasketch(self, sketch: MinHash) -> Signatures:
        """The signature in a `datasketch.MinHash`.

        Raises ConfigError unless scheme, seed and number of permutations are this hasher's.
        """
        theirs = (sketch.scheme, sketch.seed, len(sketch))
        ours = ("affine32", self.seed, self.num_perm)
        if theirs != ours:
            raise ConfigError(f"a MinHash of (scheme, seed, num_perm) {theirs!r}, not {ours!r}")
        return np.array(sketch.hashvalues, np.uint32)


class ShingleMemory:
    """The number of each shingle met lately, by key; one slot a key, the latest stays."""

    def __init__(self, bits: int) -> None:
        self.shift = np.uint64(64 - bits)
        self.keys: Keys = np.zeros(1 << bits, np.uint64)
        self.numbers: Signatures = np.zeros(1 << bits, np.uint32)

    def numbers_of(self, found: Windows) -> Signatures:
        """Mixed SHA-1 numbers of all shingles, in order."""
        slots = (found.keys >> self.shift).view(np.int64)
        numbers = self.numbers[slots]
        missed = np.flatnonzero(self.keys[slots] != found.keys)
        if len(missed):
            few = len(missed) < VECTORS_FROM
            fresh = mix32(_few_sha1_numbers(found, missed) if few else _sha1_numbers(found, missed))
            numbers[missed] = fresh
            self.keys[slots[missed]] = found.keys[missed]
            self.numbers[slots[missed]] = fresh
        return numbers


def permutations(num_perm: int, seed: int) -> Signatures:
    """The factors and summands of datasketch's "affine32", two rows."""
    draw = np.random.RandomState(seed)
    factors = draw.randint(0, 1 << 31, num_perm, np.uint32) * np.uint32(2) + np.uint32(1)
    return np.array([factors, draw.randint(0, 1 << 32, num_perm, np.uint32)])


def mix32(numbers: Signatures) -> Signatures:
    """MurmurHash3's last step: each bit of a number changes half of all bits."""
    mixed = numbers ^ (numbers >> np.uint32(16))
    mixed *= np.uint32(0x85EBCA6B)
    mixed ^= mixed >> np.uint32(13)
    mixed *= np.uint32(0xC2B2AE35)
    mixed ^= mixed >> np.uint32(16)
    return mixed


def band_keys(signatures: Signatures, bands: int, rows: int) -> Keys:
    """A 64-bit hash of each band of each signature; shape (texts, bands)."""
    keys: Keys = np.zeros((len(signatures), bands), np.uint64)
    for row in range(rows):
        keys ^= signatures[:, row : bands * rows : rows]
        keys *= np.uint64(0x9E3779B97F4A7C15)
        keys ^= keys >> np.uint64(29)
    return keys


SharedCounter = Callable[[Sequence[Keys], Indices, npt.NDArray[np.int64]], Indices]


def shared_counter(engine: Engine) -> SharedCounter:
    """A function that counts the keys which the two sets of each pair share.

    It takes the sets (ascending, distinct), their bounds when laid end to end, and the pairs.
    """
    if engine == "numpy":
        return _shared_counts
    _load_engine(engine)
    from evolkit.filters.minhash_numba import shared_counts

    return shared_counts


def _shared_counts(sets: Sequence[Keys], _: Indices, pairs: npt.NDArray[np.int64]) -> Indices:
    counts = np.empty(len(pairs), np.int64)
    for number, (a, b) in enumerate(pairs.tolist()):
        both = np.concatenate((sets[a], sets[b]))
        both.sort()
        counts[number] = np.count_nonzero(both[1:] == both[:-1])
    return counts


_Fill = Callable[[Sequence[str], ShingleMemory, Signatures, Signatures], None]


def _load_engine(engine: Engine) -> _Fill:
    if engine == "numpy":
        return _fill
    if engine != "numba":
        raise ConfigError(f"engine must be 'numpy' or 'numba', not {engine!r}")
    try:
        from evolkit.filters.minhash_numba import fill
    except ImportError as error:
        raise MissingExtra("numba", "numba") from error
    return fill


def _fill(
    texts: Sequence[str], memory: ShingleMemory, factors: Signatures, made: Signatures
) -> None:
    found = windows(texts)
    if not len(found.keys):
        return
    numbers = memory.numbers_of(found)
    if len(texts) == 1 and len(numbers) <= ONE_STEP_UP_TO:
        made[0] = (numbers[:, None] * factors[0] + factors[1]).min(axis=0)
        return
    shown = np.flatnonzero(np.diff(found.bounds))
    firsts = found.bounds[shown]
    sent = np.empty_like(numbers)
    least: Signatures = np.empty((len(factors[0]), len(firsts)), np.uint32)
    for column, (factor, summand) in enumerate(factors.T):
        np.multiply(numbers, factor, out=sent)
        np.add(sent, summand, out=sent)
        np.minimum.reduceat(sent, firsts, out=least[column])
    made[shown] = least.T


def _chunks(texts: Sequence[str]) -> Iterator[slice]:
    start = total = 0
    for end, text in enumerate(texts, 1):
        total += len(text)
        if total >= CHUNK or end - start >= CHUNK:
            yield slice(start, end)
            start, total = end, 0
    if start < len(texts):
        yield slice(start, len(texts))


FORK_FROM: Final = 20_000
"""Texts from which a fork, some 10 ms, is worth it."""


def _can_fork(texts: int, *, is_asked: bool) -> bool:
    if "fork" not in multiprocessing.get_all_start_methods():
        return False
    return is_asked or (texts >= FORK_FROM and threading.active_count() == 1)


def _shared_array(shape: tuple[int, int]) -> Signatures:
    memory = mmap.mmap(-1, max(1, 4 * shape[0] * shape[1]))
    return np.frombuffer(memory, np.uint32, shape[0] * shape[1]).reshape(shape)


def _work_by_fork(work: Callable[[list[slice]], None], shares: list[list[slice]]) -> None:
    """Each share in a process of its own, the first here. What a process left is done here."""
    context = multiprocessing.get_context("fork")
    with warnings.catch_warnings():
        # numpy's own threads, which the children never use.
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        children = [context.Process(target=work, args=(share,)) for share in shares[1:]]
        for child in children:
            child.start()
    work(shares[0])
    for child, share in zip(children, shares[1:], strict=True):
        child.join()
        if child.exitcode:
            work(share)


def _bits_for(texts: Sequence[str], share: Sequence[slice]) -> int:
    shingles = len(share) * CHUNK if len(share) > 1 else sum(map(len, texts))
    return max(10, shingles.bit_length())


_SHA1_START: Final = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)
_SHA1_WORDS: Final = 16
_SHA1_BLOCK: Final = 8192
_LAST_BYTE_MASKS: Final = np.array([0, 0xFF000000, 0xFFFF0000, 0xFFFFFF00, 0xFFFFFFFF], np.uint32)
# The bit that ends the message follows its last byte; none in words that are full or beyond.
_END_BITS: Final = np.array([0, 0x80000000, 0x800000, 0x8000, 0x80, 0], np.uint32)


def _few_sha1_numbers(found: Windows, which: Indices) -> Signatures:
    text = found.codes.tobytes().decode("utf-32-le", "surrogatepass")
    starts = found.starts[which]
    digests = b"".join(
        hashlib.sha1(
            text[start:end].encode("utf-8", "surrogatepass"), usedforsecurity=False
        ).digest()[:4]
        for start, end in zip(
            starts.tolist(), (starts + found.lengths[which]).tolist(), strict=True
        )
    )
    return np.frombuffer(digests, "<u4").astype(np.uint32)


def _sha1_numbers(found: Windows, which: Indices) -> Signatures:
    """The first four bytes of the SHA-1 digests of some shingles' UTF-8, as little-endian."""
    codes = found.codes
    raw = codes.tobytes().decode("utf-32-le", "surrogatepass").encode("utf-8", "surrogatepass")
    widths = 1 + (codes >= 0x80).view(np.int8) + (codes >= 0x800) + (codes >= 0x10000)
    offsets = np.concatenate(([0], np.cumsum(widths, dtype=np.int64)))
    padded: Codes = np.frombuffer(raw + bytes(24), np.uint8).astype(np.uint32)
    words = padded[:-3] << np.uint32(24)
    words |= padded[1:-2] << np.uint32(16)
    words |= padded[2:-1] << np.uint32(8)
    words |= padded[3:]
    starts = offsets[found.starts[which]]
    lengths = offsets[found.starts[which] + found.lengths[which]] - starts
    numbers: Signatures = np.empty(len(which), np.uint32)
    for at in range(0, len(which), _SHA1_BLOCK):
        some = slice(at, at + _SHA1_BLOCK)
        numbers[some] = _sha1_block(words, starts[some], lengths[some])
    return numbers.byteswap()


def _sha1_block(words: Codes, starts: npt.NDArray[Any], lengths: npt.NDArray[Any]) -> Signatures:
    # At most 5 characters of 4 bytes: the message ends in word 5 and needs one block.
    schedule: list[Any] = []
    for word in range(6):
        left = lengths - 4 * word
        read = words[np.minimum(starts + 4 * word, len(words) - 1)]
        read &= _LAST_BYTE_MASKS[np.clip(left, 0, 4)]
        read |= _END_BITS[np.clip(left, -1, 4) + 1]
        schedule.append(read)
    schedule += [np.zeros(len(starts), np.uint32) for _ in range(6, _SHA1_WORDS - 1)]
    schedule.append((lengths * 8).astype(np.uint32))
    return _sha1_rounds(schedule)


def _sha1_rounds(schedule: list[Signatures]) -> Signatures:
    """The first word of SHA-1 of one block each (FIPS 180-4), over arrays of words."""
    a, b, c, d, e = (np.full_like(schedule[0], word) for word in _SHA1_START)
    turned, choice = np.empty_like(a), np.empty_like(a)
    for number in range(80):
        word = schedule[number % 16]
        if number >= 16:
            word ^= schedule[(number - 3) % 16]
            word ^= schedule[(number - 8) % 16]
            word ^= schedule[(number - 14) % 16]
            _rotate(word, 1, turned)
        _choose(number, b, c, d, choice)
        e += choice
        e += word
        e += _ROUND_WORDS[number // 20]
        np.left_shift(a, 5, out=turned)
        e += turned
        np.right_shift(a, 27, out=turned)
        e += turned
        _rotate(b, 30, turned)
        a, b, c, d, e = e, a, b, c, d
    return a + np.uint32(_SHA1_START[0])


_ROUND_WORDS: Final = tuple(map(np.uint32, (0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6)))


def _choose(number: int, b: Signatures, c: Signatures, d: Signatures, out: Signatures) -> None:
    if number < 20:
        np.bitwise_xor(c, d, out=out)
        np.bitwise_and(out, b, out=out)
        np.bitwise_xor(out, d, out=out)
    elif 40 <= number < 60:
        # The bits of b and c where they agree, else those of d.
        np.bitwise_xor(b, c, out=out)
        np.bitwise_and(out, d, out=out)
        np.bitwise_xor(out, b & c, out=out)
    else:
        np.bitwise_xor(b, c, out=out)
        np.bitwise_xor(out, d, out=out)


def _rotate(words: Signatures, bits: int, spare: Signatures) -> None:
    np.right_shift(words, 32 - bits, out=spare)
    np.left_shift(words, bits, out=words)
    np.bitwise_or(words, spare, out=words)
