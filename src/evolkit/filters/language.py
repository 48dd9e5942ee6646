"""The check that a text is in the language and the script that were asked for.

Script first: for scripts that one language writes it decides alone. Elsewhere detectors vote,
each weighted by how often it was right and wrong on texts of that language, script and length;
the cheap ones first, and the others only while the vote is open. Nothing is rejected that is too
short, only names, in a language nobody knows, or taken for a close relative.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple, Unpack

from evolkit.errors import ConfigError
from evolkit.filters.base import About, Filter, expected_tags, zip_abouts
from evolkit.filters.detectors import (
    DEFAULT_DETECTORS,
    Detector,
    Reading,
    installed,
    load_detector,
    load_fasttext,
)
from evolkit.filters.language_asked import Asked, resolve
from evolkit.filters.language_text import Part, Sample, han_variant, part_of, sample
from evolkit.filters.language_votes import (
    NO_WEIGHT,
    UNIQUE_SCRIPTS,
    Weight,
    are_close,
    is_weak,
    scripts_of,
    usual_weight,
    weight,
)
from evolkit.records import Verdict

KEEP_AT: Final = 1.0
REJECT_AT: Final = 6.0
KEEP_SHORT_AT: Final = 6.0
"""Nats: what the vote for the language must reach; by how much another must lead; what one or
two words must reach. Chosen on the first half of the data."""

SETTLED_AT: Final = 8.0
"""Nats, and lead in nats, from which no further detector is asked."""

MAIN_SHARE: Final = 0.5
STRAY_SHARE: Final = 0.2
"""Shares of letters in the scripts asked for: from the first on a text is in them, below the
second it is in another; in between, nobody can say."""

PART_SHARE: Final = 0.25
"""Share of letters from which one script's part of a mixture is judged."""


class Vote(NamedTuple):
    """Evidence in nats for the best language asked for and for the best of all others."""

    asked: float
    other: float
    other_label: str | None


class LanguageFilter(Filter):
    """Rejects text in another language or script than `expected`; abstains where it can't tell.

    `expected` is a tag, or several: any of them, or a mixture. Reasons: `wrong_script`,
    `wrong_language`, with what it is instead in `evidence["found"]`; abstentions `not_asked`,
    `no_text`, `too_short`, `names`, `mixed_scripts`, `unknown_language` (no detector knows it),
    `close_language`, `weak_detector` (known to fail at this language and length), `unsure`.
    `score` in [0, 1] is the confidence that the text is what was asked for, 0.5 if evidence is
    even; for a decision by script, the share of letters in it; None where there is no evidence.

    `detectors` vote in this order; None takes those of cld2, fasttext, cld3 and py3langid that
    are installed, and the signature tells which. `fasttext_model` replaces lid.176 by a model of
    yours, `checksum` is its SHA-256.
    """

    name: ClassVar[str] = "language"

    def __init__(
        self,
        *,
        detectors: Sequence[str | Detector] | None = None,
        fasttext_model: str | Path | None = None,
        checksum: str | None = None,
    ) -> None:
        if fasttext_model is None and checksum is not None:
            raise ConfigError("checksum is given without fasttext_model")
        self._asked_for = detectors is not None
        self._given = tuple(installed() if detectors is None else detectors)
        self._model = None if fasttext_model is None else Path(fasttext_model)
        self._checksum = checksum
        if not self._given:
            raise ConfigError(f"no language detector is installed; one of {DEFAULT_DETECTORS}")

    def check(self, text: str, **about: Unpack[About]) -> Verdict:
        return self._verdicts([(text, about)])[0]

    def check_batch(
        self, texts: Iterable[str], abouts: Iterable[About] | None = None, **about: Unpack[About]
    ) -> list[Verdict]:
        return self._verdicts(list(zip_abouts(list(texts), abouts, about)))

    def options(self) -> dict[str, Any]:
        return {"detectors": "+".join(each.identity for each in self.detectors)}

    @property
    def detectors(self) -> tuple[Detector, ...]:
        """The detectors, loaded on first use.

        Raises MissingExtra where one asked for by name is not installed.
        """
        return tuple(self._load(each) for each in self._given)

    def _load(self, given: str | Detector) -> Detector:
        if isinstance(given, Detector):
            return given
        if given == "fasttext" and self._model is not None:
            return load_fasttext(self._model, self._checksum)
        return load_detector(given)

    def _verdicts(self, pairs: Sequence[tuple[str, About]]) -> list[Verdict]:
        cases = [self._opened(text, about) for text, about in pairs]
        parts = [part for case in cases if isinstance(case, list) for part in case]
        readings = iter(self._read([part for part in parts if _needs_vote(part)]))
        return [
            case
            if isinstance(case, Verdict)
            else self._joined([self._judged(part, readings) for part in case], case)
            for case in cases
        ]

    def _opened(self, text: str, about: About) -> Verdict | list[Part]:
        """The parts to be judged, or the verdict where the scripts tell it already."""
        asked = [resolve(tag) for tag in expected_tags(about)]
        if not asked:
            return self.abstain("not_asked")
        found = sample(text)
        if not found.shares:
            return self.abstain("no_text")
        share = _share_asked(found, asked)
        if share < MAIN_SHARE:
            return self._stray(found, share)
        return list(_parts(found, asked))

    def _stray(self, found: Sample, share: float) -> Verdict:
        evidence = {"found": found.main_script, "scripts": found.rounded_shares()}
        if found.length == "1-2":
            return self.abstain("too_short", round(share, 4), **evidence)
        if found.is_names:
            return self.abstain("names", round(share, 4), **evidence)
        if share < STRAY_SHARE:
            return self.reject("wrong_script", round(share, 4), **evidence)
        return self.abstain("mixed_scripts", round(share, 4), **evidence)

    def _read(self, parts: Sequence[Part]) -> list[tuple[Reading, ...]]:
        """Readings of each part, detector by detector, those left out that were not needed."""
        readings: list[tuple[Reading, ...]] = [()] * len(parts)
        open_ones = list(range(len(parts)))
        for count, detector in enumerate(self.detectors if parts else (), start=1):
            found = detector.read([parts[index].text for index in open_ones])
            for index, reading in zip(open_ones, found, strict=True):
                readings[index] = (*readings[index], reading)
            if count > 1:
                open_ones = [i for i in open_ones if not self._is_settled(parts[i], readings[i])]
        return readings

    def _is_settled(self, part: Part, readings: tuple[Reading, ...]) -> bool:
        votes = sorted(self._votes(part, readings).values(), reverse=True)
        return votes[0] >= SETTLED_AT and (len(votes) < 2 or votes[0] - votes[1] >= SETTLED_AT)

    def _votes(self, part: Part, readings: tuple[Reading, ...]) -> dict[str, float]:
        """Evidence in nats for each language asked for and each that a detector named."""
        named = {reading.label for reading in readings if reading.label is not None}
        return {
            label: sum(
                self._evidence(detector, reading, label, part)
                for detector, reading in zip(self.detectors, readings, strict=False)
            )
            for label in {*part.labels, *named}
            if label in part.labels or part.script in (scripts_of(label) or {part.script})
        }

    def _evidence(self, detector: Detector, reading: Reading, label: str, part: Part) -> float:
        worth = self._weight(detector, label, part)
        if reading.label != label:
            return worth.miss
        return worth.sure if reading.is_sure else worth.unsure

    def _weight(self, detector: Detector, label: str, part: Part) -> Weight:
        measured = weight(detector.votes_as, label, part.script, part.length)
        if measured is not None:
            return measured
        known = label in detector.labels()
        return usual_weight(detector.votes_as, part.length) if known else NO_WEIGHT

    def _judged(self, part: Part, readings: Iterator[tuple[Reading, ...]]) -> Verdict:
        if not _needs_vote(part):
            return self._by_script(part)
        read = next(readings)
        votes = self._votes(part, read)
        asked = max(votes[label] for label in part.labels)
        others = {label: vote for label, vote in votes.items() if label not in part.labels}
        other = max(others, key=lambda label: (others[label], label), default=None)
        vote = Vote(asked, others[other] if other else -math.inf, other)
        evidence = (
            {"votes": self._named(read), "found": other}
            if vote.other > asked
            else {"votes": self._named(read)}
        )
        score = round(_chance(asked - max(vote.other, 0.0)), 4)
        return self._outcome(part, vote, score, evidence)

    def _outcome(self, part: Part, vote: Vote, score: float, evidence: dict[str, Any]) -> Verdict:
        if part.is_names:
            return self.abstain("names", score, **evidence)
        is_short = part.length == "1-2"
        if vote.asked >= max(vote.other, KEEP_SHORT_AT if is_short else KEEP_AT):
            return self._in_variant(part, score)
        if is_short:
            return self.abstain("too_short", score, **evidence)
        if not any(self._knows(label, part) for label in part.labels):
            return self.abstain("unknown_language", **evidence)
        if vote.other < KEEP_AT or vote.other - vote.asked < REJECT_AT:
            return self.abstain("unsure", score, **evidence)
        assert vote.other_label is not None
        if any(are_close(label, vote.other_label, part.length) for label in part.labels):
            return self.abstain("close_language", score, **evidence)
        if any(is_weak(label, part.length) for label in part.labels):
            return self.abstain("weak_detector", score, **evidence)
        return self.reject("wrong_language", score, **evidence)

    def _knows(self, label: str, part: Part) -> bool:
        return any(self._weight(each, label, part) != NO_WEIGHT for each in self.detectors)

    def _by_script(self, part: Part) -> Verdict:
        if UNIQUE_SCRIPTS[part.script] in part.labels:
            return Verdict("keep", self.name, score=round(part.share, 4))
        return self.abstain("unknown_language", script=part.script)

    def _in_variant(self, part: Part, score: float) -> Verdict:
        """Chinese in the letters asked for; a keep, unless the others are clearly used."""
        found = han_variant(part.text) if part.han else None
        if found is None or found == part.han:
            return Verdict("keep", self.name, score=score)
        return self.reject("wrong_script", 0.0, found=found)

    def _named(self, readings: tuple[Reading, ...]) -> dict[str, str | None]:
        return {
            detector.name: reading.label
            for detector, reading in zip(self.detectors, readings, strict=False)
        }

    def _joined(self, verdicts: list[Verdict], parts: list[Part]) -> Verdict:
        """The verdict of the largest part, softened or hardened by the others."""
        ordered = sorted(zip(parts, verdicts, strict=True), key=lambda pair: -pair[0].share)
        main = ordered[0][1]
        doubts = [verdict for _, verdict in ordered if verdict.outcome != "keep"]
        if main.outcome == "reject" or not doubts:
            return main
        first = doubts[0]
        if first.outcome == "abstain":
            return first
        return self.abstain("unsure", first.score, **first.evidence)


def _share_asked(found: Sample, asked: Sequence[Asked]) -> float:
    """Share of letters in the scripts asked for; Han among kana counts for Japanese alone."""
    members = frozenset[str]().union(*(each.members for each in asked))
    if not members:
        return 1.0
    if found.main_script == "Jpan" and "Hira" not in members:
        members -= {"Hani"}
    return sum(found.shares.get(script, 0.0) for script in members)


def _parts(found: Sample, asked: Sequence[Asked]) -> Iterator[Part]:
    """One part for each set of scripts asked for, the small ones left out; at least one."""
    groups: dict[frozenset[str], list[Asked]] = {}
    for each in asked:
        groups.setdefault(each.members, []).append(each)
    parts = [
        part_of(found, members, tuple(dict.fromkeys(each.label for each in group)), _han(group))
        for members, group in groups.items()
    ]
    present = [part for part in parts if part is not None]
    largest = max(part.share for part in present)
    return (part for part in present if part.share >= min(PART_SHARE, largest))


def _han(group: Sequence[Asked]) -> str | None:
    variants = {each.han for each in group}
    return variants.pop() if len(variants) == 1 else None


def _needs_vote(part: Part) -> bool:
    return part.script not in UNIQUE_SCRIPTS


def _chance(nats: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, nats))))
