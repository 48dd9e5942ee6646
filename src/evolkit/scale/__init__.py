"""The filters and the deduplication on many machines, by Ray Data.

For data that outgrows one machine; what fits in one is several times faster without it. Results
are those of the local path, row by row. Needs the extra `scale`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evolkit.scale.dedup import DedupFunnel as DedupFunnel
    from evolkit.scale.dedup import dedup_dataset as dedup_dataset
    from evolkit.scale.filtering import decontaminate_dataset as decontaminate_dataset
    from evolkit.scale.filtering import filter_dataset as filter_dataset

_HOME_OF = {
    "DedupFunnel": "evolkit.scale.dedup",
    "dedup_dataset": "evolkit.scale.dedup",
    "decontaminate_dataset": "evolkit.scale.filtering",
    "filter_dataset": "evolkit.scale.filtering",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _HOME_OF:
            raise AttributeError(f"module 'evolkit.scale' has no attribute {name!r}")
        import importlib

        value = getattr(importlib.import_module(_HOME_OF[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(_HOME_OF)
