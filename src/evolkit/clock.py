"""Time, at the one place where a test may put another: everything that waits takes a `Clock`."""

import asyncio
import time


class Clock:
    """The machine's monotonic clock."""

    def now(self) -> float:
        """Seconds since an arbitrary start; never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
