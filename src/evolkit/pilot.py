"""What a pilot run used, as a measure for a larger one of the same kind."""

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, TypeVar

from evolkit.errors import RunError
from evolkit.lengths import Tokens
from evolkit.plan import Plan
from evolkit.records import RowKind, Step
from evolkit.store.ledger import Ledger
from evolkit.store.used import Used, read_used

KIND_OF: dict[Step, RowKind] = {
    "evolve": "evolved",
    "answer": "evolved",
    "follow_up": "multi_turn",
    "reply": "multi_turn",
}
LEAST_ROWS = 5
"""Fewer rows of a task and language say too little of their own."""
GUESSED = 0.3
"""How far the assumption, brought to the pilot's level, may be off where it had too few rows."""

K = TypeVar("K")
Group = tuple[RowKind, str, str]


class Use(NamedTuple):
    """What a number of rows used or will use.

    `error` is half the width of a 95 % interval, from chance; `doubt` how far a guess may be off.
    """

    calls: float
    tokens: Tokens
    error: Tokens = Tokens()
    doubt: Tokens = Tokens()


class Pilot:
    """The rows of a run that have ended. Raises RunError where none has."""

    def __init__(self, file: Path) -> None:
        if not file.is_file():
            raise RunError(f"{str(file.parent)!r} is no run folder: it has no {file.name}")
        ledger = Ledger(file)
        try:
            self.model = ledger.meta("model")
            self.max_turns: int = json.loads(ledger.meta("recipe", "{}")).get("max_turns", 0)
        finally:
            ledger.close()
        used, self._paid = read_used(file)
        self._used: dict[Group, Used] = {(u.kind, u.task, u.language): u for u in used}
        if not self._used:
            raise RunError(f"in {str(file.parent)!r} no row has ended yet")
        self.guessed: set[str] = set()
        self.rows = sum(each.rows for each in self._used.values())

    def use(
        self, plan: Plan, rows: dict[Group, int], per_row: dict[Group, Use]
    ) -> dict[Group, Use]:
        """What the plan's rows will use; `per_row` is what is assumed of one of each group.

        A group that the pilot has at least 5 rows of uses what those did; another one what is
        assumed of it, times what the pilot used in that language, or in all, over what was
        assumed of that. Raises RunError where pilot and plan have no group in common.
        """
        by_language = self._levels(per_row, lambda group: (group[0], group[2]))
        by_kind = self._levels(per_row, lambda group: group[0])
        if "evolved" not in by_kind:
            raise RunError("the pilot run and the plan have no task and language in common")
        found = {}
        for group, count in rows.items():
            kind, _, tag = group
            used = self._used.get(group)
            turns = self._turns(plan) if kind == "multi_turn" else 1.0
            if used is not None and used.rows >= LEAST_ROWS:
                found[group] = _scaled(used, count, turns)
            else:
                self.guessed.add(f"{group[1]} in {tag}")
                level = by_language.get((kind, tag)) or by_kind.get(kind)
                level = level or Use(1.0, Tokens(1.0, 1.0))
                found[group] = _guessed(per_row[group], level, count * turns)
        return found

    def share(self, step: Step, tag: str) -> Use | None:
        """A step's share of what its kind of row used in a language; None where none was paid.

        The three sum to 1 over the steps of a kind.
        """
        kind = KIND_OF[step]
        alike = [each for each in self._paid if KIND_OF[each.step] == kind and each.language == tag]
        alike = alike or [each for each in self._paid if KIND_OF[each.step] == kind]
        own = [each for each in alike if each.step == step]
        if not alike:
            return None
        return Use(
            _share(sum(each.calls for each in own), sum(each.calls for each in alike)),
            Tokens(
                _share(sum(e.prompt_tokens for e in own), sum(e.prompt_tokens for e in alike)),
                _share(
                    sum(e.completion_tokens for e in own), sum(e.completion_tokens for e in alike)
                ),
            ),
        )

    def _turns(self, plan: Plan) -> float:
        """Conversations of more turns are taken to use as much more."""
        return plan.recipe.max_turns / self.max_turns if self.max_turns else 1.0

    def _levels(self, per_row: dict[Group, Use], of: Callable[[Group], K]) -> dict[K, Use]:
        """What the pilot used over what was assumed of the same groups."""
        used: dict[K, list[tuple[Used, Use]]] = defaultdict(list)
        for group, each in self._used.items():
            if group in per_row and each.rows:
                used[of(group)].append((each, per_row[group]))
        return {key: _level(pairs) for key, pairs in used.items()}


def _level(pairs: Iterable[tuple[Used, Use]]) -> Use:
    pairs = list(pairs)
    return Use(
        _share(sum(u.calls for u, _ in pairs), sum(u.rows * a.calls for u, a in pairs)),
        Tokens(
            _share(
                sum(u.prompt_tokens for u, _ in pairs),
                sum(u.rows * a.tokens.prompt for u, a in pairs),
            ),
            _share(
                sum(u.completion_tokens for u, _ in pairs),
                sum(u.rows * a.tokens.completion for u, a in pairs),
            ),
        ),
    )


def _scaled(used: Used, count: int, turns: float) -> Use:
    """The pilot's mean times the count, with the interval of both samples' chance."""
    times = count / used.rows * turns
    return Use(
        used.calls * times,
        Tokens(used.prompt_tokens * times, used.completion_tokens * times),
        error=Tokens(
            turns * _error(used, used.prompt_tokens, used.prompt_squares, count),
            turns * _error(used, used.completion_tokens, used.completion_squares, count),
        ),
    )


def _guessed(assumed: Use, level: Use, times: float) -> Use:
    tokens = Tokens(
        assumed.tokens.prompt * level.tokens.prompt * times,
        assumed.tokens.completion * level.tokens.completion * times,
    )
    doubt = Tokens(GUESSED * tokens.prompt, GUESSED * tokens.completion)
    return Use(assumed.calls * level.calls * times, tokens, doubt=doubt)


def _error(used: Used, total: int, squares: int, rows: int) -> float:
    """1.96 standard errors of the sum over `rows` more rows.

    Rows of one seed are alike, so it is the seeds' sums that are taken as drawn by chance.
    """
    seeds = used.seeds
    if seeds < 2:
        return GUESSED * total * rows / used.rows
    variance = max(0.0, (squares - total * total / seeds) / (seeds - 1))
    more = seeds * rows / used.rows
    return 1.96 * math.sqrt(variance * more * (1 + more / seeds))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
