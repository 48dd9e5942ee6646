"""What a tag asks for: a label that detectors know, and the scripts that count as right."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from evolkit.errors import UnknownName
from evolkit.filters.language_votes import canonical_label, scripts_of
from evolkit.languages import get_language
from evolkit.segments import SCRIPT_MEMBERS


class Asked(NamedTuple):
    """`members` are Unicode scripts; empty, all count, for an unknown language without a script.

    `han` is `Hans` or `Hant` where the tag says so. The label of a language in letters
    that are not its own ends in their script: `hi-Latn`.
    """

    label: str
    members: frozenset[str]
    han: str | None


@lru_cache(maxsize=4096)
def resolve(tag: str) -> Asked:
    """What the tag asks for; the script in it counts, without one all scripts of the language.

    Any ISO 639 code is taken, known to evolkit or not. Raises UnknownName for anything else.
    """
    said = _TAG.fullmatch(tag)
    script = (said[2] or "").title() if said else ""
    try:
        language = get_language(tag)
    except UnknownName:
        if said is None:
            raise
        label = canonical_label(said[1].lower())
        own = scripts_of(label)
        scripts = (script,) if script else tuple(sorted(own))
        is_foreign = script == "Latn" and bool(own) and script not in own
    else:
        label = canonical_label(language.iso639_3)
        scripts = (language.script,) if script else language.scripts
        is_foreign = language.is_transliterated
    if is_foreign and script:
        label = f"{label}-{script}"
    return Asked(label, _members(scripts), _han(scripts))


def _members(scripts: tuple[str, ...]) -> frozenset[str]:
    return frozenset[str]().union(*(SCRIPT_MEMBERS.get(script, {script}) for script in scripts))


def _han(scripts: tuple[str, ...]) -> str | None:
    return scripts[0] if scripts in {("Hans",), ("Hant",)} else None


_TAG: Final = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?")
