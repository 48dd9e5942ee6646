"""A file system on which a process that opens a certain file dies, as a machine would."""

import os
import signal
from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileSystem


class PerilousFiles(LocalFileSystem):  # type: ignore[misc]  # the parent ships no types
    """Local files. Whoever opens a file named `victim` to read or write is killed, some times.

    `deadly` are the openings, counted from 1 over all processes, that kill; those of the process
    that made this object, `spared`, don't count. A file to write is left broken.
    """

    cachable = False

    def __init__(
        self, victim: str, mode: str, deadly: tuple[int, ...], counters: str, spared: int
    ) -> None:
        super().__init__()
        self.victim = victim
        self.deadly_mode = mode
        self.deadly = deadly
        self.counters = counters
        self.spared = spared

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        opened = super()._open(path, mode, **options)
        if mode == self.deadly_mode and Path(path).name == self.victim:
            self._count(opened)
        return opened

    def _count(self, opened: Any) -> None:
        if os.getpid() == self.spared:
            return
        number = 1
        while True:
            try:
                os.close(os.open(f"{self.counters}/{number}", os.O_CREAT | os.O_EXCL))
                break
            except FileExistsError:
                number += 1
        if number in self.deadly:
            if self.deadly_mode == "wb":
                opened.write(b"PAR1 and no more")
                opened.flush()
            os.kill(os.getpid(), signal.SIGKILL)
