"""The same filters and the same deduplication in one process and on Ray, in one run.

    python benchmarks/scale_ray.py                   # 20,000 texts, two workers
    python benchmarks/scale_ray.py --texts 60000 --workers 2

Needs the shared data (EVOLKIT_SHARED_DATA, or ../shared/data beside the checkout) and the extra
`scale`. Texts are in 70 languages, mixed. Ray is started before the clock; each step runs once to
start its workers and once more for the figure. Says whether both results are the same, the ratio
of their times, and what a billion texts would take from the processor time of one.
"""

import argparse
import json
import os
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from evolkit.filters import apply_filter
from evolkit.filters.near.duplicates import find_near_duplicates
from evolkit.scale import dedup_dataset, filter_dataset

DATA = Path(os.environ.get("EVOLKIT_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
BILLION = 1_000_000_000


class Timing(NamedTuple):
    wall_s: float
    cpu_s: float


def main() -> int:
    arguments = _arguments()
    if not DATA.is_dir():
        print(f"no shared data in {DATA}; nothing measured")
        return 0
    import ray

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    started = time.perf_counter()
    ray.init(
        address="local",
        num_cpus=arguments.workers,
        object_store_memory=500 << 20,
        include_dashboard=False,
        log_to_driver=False,
    )
    print(f"Ray started in {time.perf_counter() - started:.1f} s, {arguments.workers} workers")
    with tempfile.TemporaryDirectory() as folder:
        table = _table(arguments.texts)
        source = Path(folder, "in")
        _write(table, source, 2 * arguments.workers)
        _filter(table, source, Path(folder), arguments.workers)
        _dedup(table, source, Path(folder), arguments.workers)
    ray.shutdown()
    return 0


def _filter(table: Any, source: Path, folder: Path, workers: int) -> None:
    apply_filter("default", table.slice(0, 100), language_field="language")
    local, checked = _timed(lambda: apply_filter("default", table, language_field="language"))
    out = _second(lambda out: filter_dataset(source, out, language="language"), folder / "filtered")
    kept = pq.read_table(out.folder / "kept")
    rejected = pq.read_table(out.folder / "rejected")
    keep = checked["verdict_keep"]
    is_same = kept.equals(checked.filter(keep)) and rejected.equals(checked.filter(pc.invert(keep)))
    _tell("filters, default set", len(table), local, out.wall_s, workers, is_same=is_same)


def _dedup(table: Any, source: Path, folder: Path, workers: int) -> None:
    texts = table["text"].to_pylist()
    local, found = _timed(lambda: find_near_duplicates(texts, workers=1))
    out = _second(lambda out: dedup_dataset(source, out), folder / "deduplicated")
    kept = pq.read_table(out.folder / "kept", columns=["near_row"])["near_row"].to_pylist()
    dropped = pq.read_table(out.folder / "dropped").to_pylist()
    matches = {row["near_row"]: (row["near_of"], row["near_jaccard"]) for row in dropped}
    is_same = kept == found.kept and matches == dict(found.dropped)
    _tell("near-duplicates", len(texts), local, out.wall_s, workers, is_same=is_same)


def _tell(
    name: str, count: int, local: Timing, ray_s: float, workers: int, *, is_same: bool
) -> None:
    print(f"{name}, {count:,} texts")
    print(f"  one process   {local.wall_s:6.1f} s   {local.cpu_s / count * 1e6:6.0f} us a text")
    on_ray = workers * ray_s
    print(f"  Ray           {ray_s:6.1f} s   {on_ray / count * 1e6:6.0f} us and core a text")
    print(f"  ratio         {ray_s / local.wall_s:6.1f}     results are {_said(is_same)}")
    hours = [each / count * BILLION / 3600 for each in (local.cpu_s, on_ray)]
    print(f"  a billion     {hours[0]:,.0f} to {hours[1]:,.0f} core hours")


def _said(is_same: bool) -> str:
    return "the same" if is_same else "DIFFERENT"


class _Run(NamedTuple):
    wall_s: float
    folder: Path


def _second(work: Callable[[Path], object], folder: Path) -> _Run:
    work(folder / "first")
    timing, _ = _timed(lambda: work(folder / "second"))
    return _Run(timing.wall_s, folder / "second")


def _timed(work: Callable[[], Any]) -> tuple[Timing, Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return Timing(time.perf_counter() - wall, time.process_time() - cpu), result


def _table(count: int) -> Any:
    lines = (DATA / "bench" / "flores_70_49k.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    lines = (DATA / "bench" / "t0_prompts_en.jsonl").read_text("utf-8").splitlines()
    rows += [{"text": json.loads(line)["instruction"], "language": "eng_Latn"} for line in lines]
    random.Random(1).shuffle(rows)
    return pa.Table.from_pylist(
        [{"text": row["text"], "language": row["language"]} for row in rows[:count]]
    )


def _write(table: Any, folder: Path, files: int) -> None:
    folder.mkdir()
    size = -(-len(table) // files)
    for number in range(files):
        pq.write_table(table.slice(number * size, size), folder / f"{number}.parquet")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--texts", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
