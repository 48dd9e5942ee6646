"""The ledger of a run: how each row ended, what was paid, and what is still in flight.

One SQLite file. It can be made again from the plan and the completions, which are synced first;
so its own commits survive the death of the process and are not waited for on the disk, but for
the calls in flight under a budget, which are (`intents`).
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from evolkit.records import Failure, Record, Reject, RowKind, Step
from evolkit.store.sqlite import connect, open_database

Ending = Literal["record", "reject", "failure"]

_VERSION = 1
_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE seeds (number INTEGER PRIMARY KEY, ordinal INTEGER NOT NULL, seed BLOB NOT NULL);
CREATE TABLE rows (
    id BLOB PRIMARY KEY,
    position INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    kind TEXT NOT NULL,
    ending TEXT NOT NULL,
    reason TEXT NOT NULL,
    task TEXT NOT NULL,
    language TEXT NOT NULL,
    evol TEXT NOT NULL,
    children INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX rows_by_position ON rows (position);
CREATE TABLE paid (
    key BLOB PRIMARY KEY,
    step TEXT NOT NULL,
    language TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cost_usd REAL
) WITHOUT ROWID;
CREATE TABLE intents (
    number INTEGER PRIMARY KEY,
    key BLOB NOT NULL,
    step TEXT NOT NULL,
    language TEXT NOT NULL,
    usd REAL NOT NULL,
    tokens INTEGER NOT NULL
)
"""


@dataclass(frozen=True, slots=True)
class EndedRow:
    """A row as it is kept: its place in the plan, how it ended, and the whole of it.

    `children` is the number of conversations planned to grow from it; when it did not end as a
    record, they can't.
    """

    row: Record | Reject | Failure
    position: int
    generation: int
    children: int = 0


class Payment(NamedTuple):
    """One call that this run paid for."""

    key: str
    step: Step
    language: str
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


class Intent(NamedTuple):
    """A call that is about to be sent, with the most it can cost."""

    number: int
    key: str
    step: Step
    language: str
    usd: float
    tokens: int


class Tally(NamedTuple):
    """Rows of one kind by how they ended and why.

    `orphans` are conversations whose evolved instruction did not become a record.
    """

    kind: RowKind
    ending: Ending
    reason: str
    task: str
    language: str
    evol: str
    rows: int
    orphans: int


class Spend(NamedTuple):
    """What a run has paid. `usd` counts known prices; `unpriced` calls had none."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float = 0.0
    unpriced: int = 0
    step: str = ""

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


_ENDINGS: dict[type, Ending] = {Record: "record", Reject: "reject", Failure: "failure"}
_MODELS: dict[Ending, type[Record] | type[Reject] | type[Failure]] = {
    "record": Record,
    "reject": Reject,
    "failure": Failure,
}


class Ledger:
    """A run's ledger. Reading is for the thread that made it, `add_*` for the writer's."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = open_database(path, _SCHEMA, version=_VERSION, is_synced=False)

    def writer_connection(self) -> sqlite3.Connection:
        """A connection of its own for the thread that writes."""
        return connect(self.path, is_synced=False)

    # -- meta and seeds, written before the first call --

    def meta(self, name: str, default: str = "") -> str:
        row = self._connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return default if row is None else str(row[0])

    def set_meta(self, name: str, value: str) -> None:
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def replace_seeds(self, seeds: Iterable[tuple[int, bytes]]) -> None:
        """Keeps the chosen seeds, each with its ordinal, in order."""
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("DELETE FROM seeds")
            self._connection.executemany("INSERT INTO seeds (ordinal, seed) VALUES (?, ?)", seeds)

    def seeds(self) -> Iterator[tuple[int, bytes]]:
        """Ordinal and JSON of each chosen seed, in order."""
        yield from self._connection.execute("SELECT ordinal, seed FROM seeds ORDER BY number")

    # -- rows --

    def known(self, ids: Sequence[str]) -> dict[str, tuple[Ending, int, int]]:
        """Ending, position and generation of those of the ids that ended."""
        marks = ",".join("?" * len(ids))
        found = self._connection.execute(
            f"SELECT hex(id), ending, position, generation FROM rows WHERE id IN ({marks})",  # noqa: S608 - only question marks
            [bytes.fromhex(each) for each in ids],
        )
        return {row_id.lower(): (ending, place, of) for row_id, ending, place, of in found}

    def record(self, row_id: str) -> Record:
        """The record with this id; it must be there."""
        (body,) = self._connection.execute(
            "SELECT body FROM rows WHERE id = ?", (bytes.fromhex(row_id),)
        ).fetchone()
        return Record.model_validate_json(body)

    def rows(
        self, ending: Ending, kind: RowKind | None = None
    ) -> Iterator[Record | Reject | Failure]:
        """Rows that ended so, in the plan's order, read as they are asked for."""
        model = _MODELS[ending]
        for (body,) in self._connection.execute(
            "SELECT body FROM rows WHERE ending = ? AND kind = coalesce(?, kind)"
            " AND generation = ? ORDER BY position",
            (ending, kind, self.generation),
        ):
            yield model.model_validate_json(body)

    def tallies(self) -> list[Tally]:
        """How many rows ended how, by kind, reason, task, language and evol."""
        return [
            Tally(*row)
            for row in self._connection.execute(
                "SELECT kind, ending, reason, task, language, evol, count(*),"
                " sum(CASE ending WHEN 'record' THEN 0 ELSE children END) FROM rows"
                " WHERE generation = ? GROUP BY kind, ending, reason, task, language, evol"
                " ORDER BY kind, ending, reason, task, language, evol",
                (self.generation,),
            )
        ]

    @property
    def generation(self) -> int:
        """Number of the plan that the rows belong to; grows when the plan changes."""
        return int(self.meta("generation", "0"))

    def drop_failures(self, causes: Sequence[str] | None = None) -> int:
        """Forgets failures, all or by cause, so that the next run takes them up; their number."""
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            marks = ",".join("?" * len(causes or ()))
            where = f" AND reason IN ({marks})" if causes else ""
            done = self._connection.execute(
                f"DELETE FROM rows WHERE ending = 'failure'{where}",  # noqa: S608 - only question marks
                list(causes or ()),
            )
            return done.rowcount

    # -- money --

    def spend(self) -> list[Spend]:
        """What was paid, one entry a step."""
        return [
            Spend(*row)
            for row in self._connection.execute(
                "SELECT count(*), sum(prompt_tokens), sum(completion_tokens),"
                " coalesce(sum(cost_usd), 0.0), sum(cost_usd IS NULL), step"
                " FROM paid GROUP BY step ORDER BY step"
            )
        ]

    def open_intents(self) -> list[Intent]:
        """Calls that were sent and never settled."""
        found = self._connection.execute(
            "SELECT number, lower(hex(key)), step, language, usd, tokens FROM intents"
        )
        return [Intent(*row) for row in found]

    def close(self) -> None:
        self._connection.close()

    # -- inside the writer's transaction --

    @staticmethod
    def add_rows(connection: sqlite3.Connection, ended: Iterable[EndedRow]) -> None:
        connection.executemany(
            "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [_columns(each) for each in ended],
        )

    @staticmethod
    def add_payments(connection: sqlite3.Connection, payments: Iterable[Payment]) -> None:
        connection.executemany(
            "INSERT OR IGNORE INTO paid VALUES (?, ?, ?, ?, ?, ?)",
            [(bytes.fromhex(each.key), *each[1:]) for each in payments],
        )

    @staticmethod
    def add_intents(connection: sqlite3.Connection, intents: Iterable[Intent]) -> None:
        connection.executemany(
            "INSERT INTO intents VALUES (?, ?, ?, ?, ?, ?)",
            [(each.number, bytes.fromhex(each.key), *each[2:]) for each in intents],
        )

    @staticmethod
    def drop_intents(connection: sqlite3.Connection, numbers: Iterable[int]) -> None:
        connection.executemany("DELETE FROM intents WHERE number = ?", [(n,) for n in numbers])

    @staticmethod
    def move_rows(connection: sqlite3.Connection, moves: Iterable[tuple[str, int, int]]) -> None:
        """Gives rows that a new plan keeps their new position and generation."""
        connection.executemany(
            "UPDATE rows SET position = ?, generation = ? WHERE id = ?",
            [(position, of, bytes.fromhex(row_id)) for row_id, position, of in moves],
        )

    @staticmethod
    def drop_older(connection: sqlite3.Connection, generation: int) -> None:
        """Forgets rows that the plan no longer holds; their completions stay."""
        connection.execute("DELETE FROM rows WHERE generation < ?", (generation,))


def count_reasons(tallies: Iterable[Tally], ending: Ending, kind: RowKind) -> Counter[str]:
    """Rows of a kind that ended so, by reason."""
    found: Counter[str] = Counter()
    for each in tallies:
        if (each.ending, each.kind) == (ending, kind):
            found[each.reason] += each.rows
    return found


def _columns(ended: EndedRow) -> tuple[object, ...]:
    row = ended.row
    reason = ""
    if isinstance(row, Reject):
        reason = row.reason
    elif isinstance(row, Failure):
        reason = row.cause
    return (
        bytes.fromhex(row.id),
        ended.position,
        ended.generation,
        row.kind,
        _ENDINGS[type(row)],
        reason,
        row.task,
        row.language,
        row.evol,
        ended.children,
        row.model_dump_json().encode(),
    )
