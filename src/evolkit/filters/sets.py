"""Named sets of filters: which checks a run applies to which kind of text.

`default` is what a careful team wants; `m2lingual` is what the paper says it did (repeated
n-grams, and here the refusal of empty drafts, without which nothing can go on); `strict` adds
checks that also drop some good text; `none` checks nothing.
"""

from dataclasses import dataclass
from typing import Any

from evolkit.errors import UnknownName
from evolkit.filters.base import Chain, Filter, TextRole
from evolkit.plugins import plugin

Names = tuple[str, ...]

_DRAFT: Names = ("empty", "characters", "leak", "refusal", "unchanged", "answered")
_ANSWER: Names = ("empty", "characters", "leak", "refusal")
_TEXT: Names = ("language", "repetition")
SETS: dict[str, dict[TextRole, Names]] = {
    "none": {"instruction": (), "follow_up": (), "response": ()},
    "m2lingual": {
        "instruction": ("empty", "repetition"),
        "follow_up": ("empty", "repetition"),
        "response": ("empty", "repetition"),
    },
    "default": {
        "instruction": (*_DRAFT, *_TEXT),
        "follow_up": (*_DRAFT, *_TEXT),
        "response": (*_ANSWER, *_TEXT),
    },
    "strict": {
        "instruction": (*_DRAFT, "finished", *_TEXT),
        "follow_up": (*_DRAFT, "finished", *_TEXT),
        "response": (*_ANSWER, "finished", *_TEXT),
    },
}
"""Set name -> role of a text -> names of its filters, the cheap ones first."""


@dataclass(frozen=True, slots=True)
class FilterSet:
    """One chain of filters a role."""

    name: str
    chains: dict[TextRole, Chain]

    def __getitem__(self, role: TextRole) -> Chain:
        return self.chains[role]

    @property
    def signature(self) -> str:
        """The roles with their filters and options."""
        return ";".join(f"{role}={chain.signature}" for role, chain in self.chains.items())


def filter_set(name: str) -> FilterSet:
    """The set of this name, or an ad-hoc one: filter names joined by `+`, for all roles.

    Raises UnknownName with the nearest set or filter.
    """
    roles = SETS.get(name)
    if roles is None:
        names = tuple(name.split("+"))
        if len(names) == 1 and not _is_filter(name):
            raise UnknownName("filter set", name, SETS)
        roles = dict.fromkeys(("instruction", "follow_up", "response"), names)
    made: dict[str, Filter] = {}
    chains = {}
    for role, wanted in roles.items():
        for each in wanted:
            if each not in made:
                made[each] = make_filter(each)
        chains[role] = Chain([made[each] for each in wanted])
    return FilterSet(name, chains)


def make_filter(name: str, **options: Any) -> Filter:
    """The filter of this name with its options; a built-in or a plugin's. Raises UnknownName."""
    made: Filter = plugin("filters", name)(**options)
    return made


def _is_filter(name: str) -> bool:
    try:
        plugin("filters", name)
    except UnknownName:
        return False
    return True
