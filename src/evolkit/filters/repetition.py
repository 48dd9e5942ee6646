"""Text that goes in circles: what a language model writes when it can't stop.

Two steps. Counting how many character 8-grams of a text occurred before in it clears nearly all
texts, for a whole batch at once. What is left is searched for its longest stretch that repeats
with one period, whatever the script: words are never needed, so languages without spaces, rows
of signs and loops of digits are treated alike.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, Final, NamedTuple, Unpack

import numpy as np
import numpy.typing as npt

from evolkit.errors import ConfigError
from evolkit.filters.base import About, Filter
from evolkit.records import Verdict
from evolkit.segments import is_unspaced

GRAM: Final = 8
"""Characters of a window. Shorter ones repeat in clean text, longer ones miss loops of Chinese."""

MIN_SPAN: Final = 60
MIN_UNSPACED_SPAN: Final = 30
"""Characters below which nothing is called a loop: laughter, 'no, no, no', a drum roll."""

MIN_TURNS: Final = 4
"""Three times the same line is a refrain."""

MIN_SIGN_TURNS: Final = 10
SIGN_SHARE: Final = 0.5
"""A matrix of zeros, an empty table or form repeats too: a period that is markup or holds few
letters needs this many turns, or this share of the text."""

MIN_RUN: Final = 30
MIN_RUN_SHARE: Final = 0.05
"""One letter this often in a row, in a text it is not lost in, is a loop."""

MAX_DUPLICATE_SHARE: Final = 0.7
"""Share of windows seen before that only loops reach which change a little at every turn; real
prose stays below 0.56. Data, code and tables pass it and are left to the period."""

MIN_PROSE_SHARE: Final = 0.85
MIN_PROSE_LENGTH: Final = 200
"""Letters and marks among what is not white space, and characters, from which text is prose."""

CHUNK: Final = 1 << 13
"""Characters treated at once, so that their tables stay in the nearest cache."""

ALONE: Final = 2000
"""Characters up to which a single text is looked at without numpy first."""

_Codes = npt.NDArray[np.uint32]
_Hashes = npt.NDArray[np.uint64]
_Counts = npt.NDArray[np.int64]
_MIX: Final = 0xD6E8FEB86659FD93
_STRUCTURE: Final = frozenset("<>{}[]|")


class Loop(NamedTuple):
    """The longest stretch with one period: `turns` times `period` characters from `start`."""

    start: int
    length: int
    period: int

    @property
    def turns(self) -> float:
        return self.length / self.period if self.period else 0.0


class RepetitionFilter(Filter):
    """Rejects text that repeats itself without end; `score` is the share that repeats, in [0, 1].

    `max_share` is the share of the text that one loop may take. Reasons: `loop` (a stretch that
    repeats with one period at least four times), `run` (one letter thirty times), `repetitive`
    (nearly everything was said before, with small changes). Short text, data, code, tables,
    refrains and legal text stay: see the constants above for what is asked of each.

    White space at the ends does not count, and any other run of it counts as one character.
    """

    name: ClassVar[str] = "repetition"

    def __init__(self, *, max_share: float = 0.25) -> None:
        if not 0.1 <= max_share <= 1.0:
            raise ConfigError(f"max_share must lie between 0.1 and 1, not {max_share!r}")
        self.max_share = max_share

    def check(self, text: str, **about: Unpack[About]) -> Verdict:
        if _is_plainly_varied(text):
            return self.keep()
        return self.check_batch([text], **about)[0]

    def check_batch(
        self,
        texts: Iterable[str],
        abouts: Iterable[About] | None = None,
        **about: Unpack[About],
    ) -> list[Verdict]:
        del abouts, about  # repetition is repetition whatever was asked for
        kept = self.keep()
        verdicts: list[Verdict] = []
        for chunk in _chunks(texts):
            squeezed = [" ".join(text.split()) for text in chunk]
            verdicts += [
                self._judge(text, codes) if is_suspect else kept
                for text, codes, is_suspect in zip(
                    squeezed, *_suspects(squeezed, self.max_share), strict=True
                )
            ]
        return verdicts

    def options(self) -> dict[str, Any]:
        return {"max_share": self.max_share}

    def _judge(self, text: str, codes: _Codes) -> Verdict:
        hashes = _window_hashes(codes)
        loop = find_loop(codes, hashes)
        share = loop.length / len(codes)
        unit = text[loop.start : loop.start + loop.period]
        evidence = {
            "start": loop.start,
            "period": loop.period,
            "turns": round(loop.turns, 1),
            "unit": unit[:80],
        }
        if self._is_loop(text, unit, loop, share):
            return self.reject("loop", share, **evidence)
        if (run := _longest_letter_run(text, codes)) and run.length >= MIN_RUN_SHARE * len(codes):
            return self.reject("run", run.length / len(codes), letter=text[run.start])
        seen_before = 1 - len(np.unique(hashes)) / len(hashes)
        is_long = len(codes) >= MIN_PROSE_LENGTH
        if is_long and seen_before >= MAX_DUPLICATE_SHARE and _prose_share(text) >= MIN_PROSE_SHARE:
            return self.reject("repetitive", seen_before, **evidence)
        return self.keep()

    def _is_loop(self, text: str, unit: str, loop: Loop, share: float) -> bool:
        if loop.turns < MIN_TURNS or share <= self.max_share or loop.length < MIN_UNSPACED_SPAN:
            return False
        if loop.length < MIN_SPAN and not is_unspaced(text):
            return False
        letters = sum(map(str.isalpha, unit))
        is_sign = 3 * letters < len(unit) or not _STRUCTURE.isdisjoint(unit)
        return not is_sign or loop.turns >= MIN_SIGN_TURNS or share >= SIGN_SHARE


def _is_plainly_varied(text: str) -> bool:
    """True for a shorter text with too few windows seen before to be suspect in any way.

    As `_suspects`, of which it is the cheapest part: for one text numpy costs five times more.
    """
    squeezed = " ".join(text.split())
    windows = len(squeezed) - GRAM + 1
    if len(squeezed) > ALONE or windows < 1:
        return windows < 1
    seen = windows - len({squeezed[at : at + GRAM] for at in range(windows)})
    return seen < min(MIN_UNSPACED_SPAN * 3 // 4 - GRAM, MAX_DUPLICATE_SHARE * windows)


def find_loop(codes: _Codes, hashes: _Hashes) -> Loop:
    """The longest stretch of at least three turns with one period; length 0 without one.

    Of stretches over half of the text, the one with the shortest period. Periods are taken from
    the places of a few windows: the most frequent and two others that repeat, each against its
    next neighbours, so that a line that repeats inside the period does not hide it. Linear but
    for one sort.
    """
    best = Loop(0, 0, 0)
    for period in _periods(hashes):
        start, matched = _longest_true(codes[period:] == codes[:-period])
        length = matched + period
        if matched >= 2 * period and length > best.length:
            best = Loop(start, length, period)
            if 2 * length > len(codes):
                break
    return best


def _periods(hashes: _Hashes) -> list[int]:
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    firsts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    counts = np.diff(np.append(firsts, len(hashes)))
    group_of = np.empty(len(hashes), np.int64)
    group_of[order] = np.repeat(np.arange(len(firsts)), counts)
    repeated = np.flatnonzero(counts[group_of] > 1)
    if not repeated.size:
        return []
    anchors = {int(group_of[i]) for i in (repeated[-1], repeated[len(repeated) // 2])}
    found: set[int] = set()
    for group in anchors | {int(counts.argmax())}:
        places = order[firsts[group] : firsts[group] + counts[group]]
        for at in {0, len(places) // 2}:
            found.update((places[at + 1 : at + 9] - places[at]).tolist())
        found.update((places[-1] - places[-9:-1]).tolist())
    return sorted(found)


def _longest_true(flags: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Start and length of the longest stretch of True."""
    ends = np.concatenate(([-1], np.flatnonzero(~flags), [len(flags)]))
    lengths = ends[1:] - ends[:-1] - 1
    longest = int(lengths.argmax())
    return int(ends[longest]) + 1, int(lengths[longest])


def _longest_letter_run(text: str, codes: _Codes) -> Loop | None:
    """The longest run of one letter; None if no character stands `MIN_RUN` times in a row."""
    start, matched = _longest_true(codes[1:] == codes[:-1])
    if matched + 1 < MIN_RUN or not text[start].isalpha():
        return None
    return Loop(start, matched + 1, 1)


def _prose_share(text: str) -> float:
    """Share of letters and marks among what is not white space."""
    shown = text.replace(" ", "")
    prose = sum(unicodedata.category(each)[0] in "LM" for each in shown)
    return prose / len(shown) if shown else 0.0


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    total = 0
    for text in texts:
        chunk.append(text)
        total += len(text)
        if total >= CHUNK or len(chunk) >= CHUNK:
            yield chunk
            chunk, total = [], 0
    if chunk:
        yield chunk


def _suspects(texts: Sequence[str], max_share: float) -> tuple[list[_Codes], list[bool]]:
    """Code points of each text, and whether it may hold what `RepetitionFilter` rejects.

    In a loop of four turns or more every window from the second turn on was seen before, so
    that over `max_share` of a text three quarters of the loop's windows stand in one stretch.
    """
    lengths = np.array([len(text) for text in texts], np.int64)
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    ends = np.cumsum(lengths)
    hashes = _window_hashes(codes)
    if not hashes.size:
        return np.split(codes, ends[:-1]), [False] * len(lengths)
    owner = np.repeat(np.arange(len(lengths), dtype=np.uint32), lengths)
    seen, stretches = _count_seen_before(hashes, owner, len(lengths))
    still = np.flatnonzero(hashes[1:] == hashes[:-1])
    runs = np.bincount(owner[still], minlength=len(lengths))
    least = np.maximum(MIN_UNSPACED_SPAN * 3 // 4 - GRAM, 0.75 * max_share * lengths - GRAM)
    suspect = stretches >= least
    suspect |= runs > MIN_RUN - 2 * GRAM
    suspect |= seen >= MAX_DUPLICATE_SHARE * (lengths - GRAM)
    suspect &= lengths > MIN_UNSPACED_SPAN
    return np.split(codes, ends[:-1]), suspect.tolist()


def _count_seen_before(hashes: _Hashes, owner: _Codes, texts: int) -> tuple[_Counts, _Counts]:
    """How many windows of each text occurred earlier in it, and the most of them in a row."""
    keys = hashes + owner[: len(hashes)] * np.uint64(0x9E3779B97F4A7C15)
    # Windows that run over the end of their text belong to none.
    place = np.flatnonzero(owner[: len(hashes)] == owner[GRAM - 1 :])
    # The slot of a table ends with its earliest window, as later writes go first. Windows with
    # another key in their slot go to the next round, with other bits.
    bits = max(12, len(hashes).bit_length() + 1)
    table = np.empty(1 << bits, np.int64)
    found = []
    for shift in range(64 - bits, 0, -7):
        kept = keys[place]
        slots = ((kept >> np.uint64(shift)) & np.uint64((1 << bits) - 1)).view(np.int64)
        table[slots[::-1]] = place[::-1]
        first = table[slots]
        same = keys[first] == kept
        found.append(place[same & (first < place)])
        place = place[~same]
        if not place.size:
            break
    seen = np.sort(np.concatenate(found))
    counts = np.bincount(owner[seen], minlength=texts)
    longest = np.zeros(texts, np.int64)
    if seen.size:
        starts = np.flatnonzero(np.concatenate(([True], np.diff(seen) != 1)))
        lengths = np.diff(np.append(starts, len(seen)))
        np.maximum.at(longest, owner[seen[starts]], lengths)
    return counts, longest


def _window_hashes(codes: _Codes) -> _Hashes:
    """A 64-bit hash of each window of `GRAM` characters; empty for shorter text."""
    if len(codes) < GRAM:
        return np.empty(0, np.uint64)
    hashes = (codes.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    hashes ^= hashes >> np.uint64(29)
    width = 1
    while width < GRAM:
        factor = np.uint64(pow(_MIX, width, 1 << 64))
        hashes = hashes[:-width] * factor + hashes[width:]
        width *= 2
    hashes ^= hashes >> np.uint64(32)
    hashes *= np.uint64(_MIX)
    return hashes
