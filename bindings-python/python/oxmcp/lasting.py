"""Tasks that outlast the end of their loop."""

from __future__ import annotations

import asyncio


class LastingTask(asyncio.Task[None]):
    """A task that nobody cancels in passing: `asyncio.run`, which cancels what is left when its body has ended, waits
    for it instead. `asyncio.Task.cancel(task)` cancels it all the same."""

    def cancel(self, msg: object = None) -> bool:
        """Does nothing."""
        return False
