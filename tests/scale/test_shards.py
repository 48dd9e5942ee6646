"""Which rows are whose, told from footers alone."""

from pathlib import Path
from typing import Any

import pytest

from evolkit.errors import ConfigError, DataError
from evolkit.scale.shards import Place, Shard, Wanted, list_shards, prepare_out, resolve_place

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
ANYTHING = Wanted({}, ())


def write(path: Path, texts: list[str], *, group_rows: int = 2) -> Path:
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"text": pa.array(texts, pa.string())}), path, group_rows)
    return path


def rows_of(shards: list[Shard], place: Place) -> list[tuple[int, str]]:
    found = []
    for shard in shards:
        texts = [
            text for table in shard.tables(place.filesystem) for text in table["text"].to_pylist()
        ]
        assert len(texts) == shard.rows
        found += list(enumerate(texts, shard.first))
    return found


def test_rows_are_numbered_through_all_files_in_order(tmp_path: Path) -> None:
    """The first of a cluster is kept; what is first must be plain from the names of files."""
    write(tmp_path / "in" / "b.parquet", ["3", "4"])
    write(tmp_path / "in" / "a" / "z.parquet", ["0", "1", "2"])
    write(tmp_path / "in" / "_old" / "a.parquet", ["not asked for"])
    write(tmp_path / "in" / "none.parquet", [])
    last = write(tmp_path / "alone.pq", ["5"])
    places = [resolve_place(tmp_path / "in"), resolve_place(last)]
    shards = list_shards(places, ANYTHING)
    assert rows_of(shards, places[0]) == [(number, str(number)) for number in range(6)]
    assert [shard.number for shard in shards] == [0, 1, 2, 3]


def test_a_large_file_is_parted_between_row_groups(tmp_path: Path) -> None:
    """One file of a terabyte must not be one worker's."""
    place = resolve_place(write(tmp_path / "a.parquet", ["x"] * 120_001, group_rows=30_000))
    shards = list_shards([place], ANYTHING)
    assert [(shard.groups, shard.first, shard.rows) for shard in shards] == [
        ([0, 1], 0, 60_000),
        ([2, 3], 60_000, 60_000),
        ([4], 120_000, 1),
    ]


def test_columns_told_by_folders_are_not_lost_in_silence(tmp_path: Path) -> None:
    """Such a column stands in no file, and the rows written would lack it."""
    write(tmp_path / "lang=sw" / "a.parquet", ["habari"])
    with pytest.raises(ConfigError, match=r"ray\.data\.read_parquet"):
        list_shards([resolve_place(tmp_path)], ANYTHING)


def test_files_that_are_none_are_told_together(tmp_path: Path) -> None:
    """One typing error and one broken download: both are told at once."""
    write(tmp_path / "good.parquet", ["x"])
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError) as caught:
        list_shards([resolve_place(tmp_path)], Wanted({"prompt": True}, ()))
    good, torn = caught.value.faults
    assert good.endswith("good.parquet: no column 'prompt' among 'text'")
    assert "torn.parquet: no Parquet" in torn


def test_paths_may_be_uris(tmp_path: Path) -> None:
    """Data of this size lies in buckets; `memory://` is known to fsspec alone."""
    pytest.importorskip("fsspec", reason="fsspec is not installed")
    path = write(tmp_path / "a.parquet", ["x"])
    assert resolve_place(path.as_uri()).path == str(path)
    place = prepare_out("memory://evolkit-test/out", None, ("kept",))
    place.write("funnel.json", b"{}")
    with pytest.raises(ConfigError, match="not empty"):
        prepare_out("memory://evolkit-test/out", None, ("kept",))
    with pytest.raises(ConfigError, match="'nowhere://x'"):
        resolve_place("nowhere://x")


def test_a_file_system_may_be_given(tmp_path: Path) -> None:
    """With keys or endpoints of its own, which no URI tells."""
    fs: Any = pytest.importorskip("pyarrow.fs")
    inside = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())
    write(tmp_path / "a" / "a.parquet", ["x"])
    place = resolve_place("a", inside)
    assert rows_of(list_shards([place], ANYTHING), place) == [(0, "x")]
