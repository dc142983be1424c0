"""Progress of a call, for the callback that wants it."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from .errors import MisuseError
from .report import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    # Called with the progress, the total if it is known, and a message if there is one.
    ProgressCallback: TypeAlias = "Callable[[float, float | None, str | None], Awaitable[None] | None]"

# Reports that may wait for an async callback; the oldest is dropped when there are more.
_WAITING = 1024

_RAISED = "the progress callback raised"


def _deliver(callback: ProgressCallback, progress: dict[str, Any]) -> Awaitable[None] | None:
    """Calls the callback with one report."""
    return callback(progress["progress"], progress.get("total"), progress.get("message"))


def deliver_sync(callback: Callable[[float, float | None, str | None], object], progress: dict[str, Any]) -> None:
    """Calls a callback on the calling thread; what it raises is logged, Ctrl-C apart."""
    try:
        outcome = callback(progress["progress"], progress.get("total"), progress.get("message"))
    except Exception as error:
        report(None, _RAISED, error)
        return
    if hasattr(outcome, "__await__"):
        if hasattr(outcome, "close"):
            outcome.close()
        raise MisuseError("the progress callback of a SyncClient must be a plain function, not an async one")


class AsyncProgress:
    """Calls a plain or async callback for one call, one report after another; what it raises is logged."""

    __slots__ = ("_callback", "_loop", "_task", "_waiting")

    def __init__(self, callback: ProgressCallback, loop: asyncio.AbstractEventLoop) -> None:
        self._callback = callback
        self._loop = loop
        self._task: asyncio.Task[None] | None = None
        self._waiting: deque[dict[str, Any]] = deque(maxlen=_WAITING)

    def deliver(self, progress: dict[str, Any]) -> None:
        """Takes a report; on the loop's thread. Raises nothing."""
        if self._task is not None and not self._task.done():
            self._waiting.append(progress)
            return
        try:
            outcome = _deliver(self._callback, progress)
        except BaseException as error:
            report(self._loop, _RAISED, error)
            return
        if outcome is not None and hasattr(outcome, "__await__"):
            self._task = self._loop.create_task(self._work(outcome))

    async def finish(self) -> None:
        """Waits until an async callback has had every report."""
        if self._task is not None:
            try:
                await self._task
            except asyncio.CancelledError:
                self._task.cancel()
                raise

    async def _work(self, outcome: Awaitable[None] | None) -> None:
        while True:
            try:
                if outcome is not None:
                    await outcome
                if not self._waiting:
                    return
                outcome = _deliver(self._callback, self._waiting.popleft())
            except Exception as error:
                report(self._loop, _RAISED, error)
                outcome = None
