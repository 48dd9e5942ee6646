"""Where the real data lies that some tests read and the project does not hold."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def shared_data(*parts: str) -> Path:
    """A file or folder of the shared data; the test is skipped, and says so, where it is absent."""
    folder = Path(os.environ.get("EVOLKIT_SHARED_DATA", ROOT.parent / "shared" / "data"))
    path = folder.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{path.name} is absent; set EVOLKIT_SHARED_DATA to the folder of shared data")
    return path
