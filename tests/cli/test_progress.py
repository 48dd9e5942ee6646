"""What a terminal shows of a run, held against numbers worked out by hand."""

from pathlib import Path

from evolkit.store.batches import BatchJournal, Sent, batches_away


def test_who_looks_finds_what_is_away(tmp_path: Path) -> None:
    """`evolkit status` reads the journal while the run writes it."""
    path = tmp_path / "batches.sqlite"
    assert batches_away(path) == []
    assert not path.exists()
    journal = BatchJournal(path)
    first = journal.uploaded("file-1", ["aa", "bb"])
    journal.created(first, "batch_1")
    journal.uploaded("file-2", ["cc"])
    assert batches_away(path) == [Sent("batch_1", 2), Sent(None, 1)]
    journal.settled(first, [("aa", b"{}")])
    assert batches_away(path) == [Sent(None, 1)]
    journal.close()
