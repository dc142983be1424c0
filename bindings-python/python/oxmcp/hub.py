"""The clients' end of an event loop: operations of the core as futures."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any

from ._core import Channel
from .connection import COMPLETED, PROGRESS, ids
from .errors import McpError, from_core
from .lasting import LastingTask
from .questions import QUESTION, Questions
from .wakeup import watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ._core import ClientHandle
    from .progress import AsyncProgress

# Events taken in one turn of the loop, so that other work of the loop gets its turn too.
_BATCH = 256

# The hub of a loop, by the loop's id. A loop holds its hub, by watching the channel; so hubs go when loops do.
_hubs: weakref.WeakValueDictionary[int, Hub] = weakref.WeakValueDictionary()


def hub_of(loop: asyncio.AbstractEventLoop) -> Hub:
    """The hub of the running loop; made when there is none yet."""
    hub = _hubs.get(id(loop))
    if hub is None or hub.loop is not loop:
        hub = _hubs[id(loop)] = Hub(loop)
    return hub


class Hub:
    """Turns events of one channel into results of futures, on the loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.channel = Channel(questions=True)
        self.questions = Questions(self.channel, loop)
        self.pending: dict[int, asyncio.Future[Any]] = {}
        self.progress: dict[int, Callable[[dict[str, Any]], None]] = {}
        # What is done when a client is released, by the operation that closes it.
        self._closing: dict[int, Callable[[], object]] = {}
        self._released = asyncio.Event()
        self._staying: LastingTask | None = None
        watch(loop, self.channel, self._drain)

    async def run(
        self,
        client: ClientHandle | None,
        start: Callable[[int, Channel], None],
        on_progress: AsyncProgress | None = None,
    ) -> Any:
        """Starts an operation and returns its result. Raises the error it failed with. Cancelling the task cancels
        the operation at `client`."""
        id = next(ids)
        future = self.pending[id] = self.loop.create_future()
        if on_progress is not None:
            self.progress[id] = on_progress.deliver
        try:
            start(id, self.channel)
            result = await future
        except BaseException:
            if self.pending.pop(id, None) is not None and client is not None:
                client.cancel(id, self.channel)
            raise
        finally:
            if on_progress is not None:
                self.progress.pop(id, None)
        if on_progress is not None:
            await on_progress.finish()
        return result

    def close(self, client: ClientHandle, then: Callable[[], object]) -> None:
        """Has a client closed, and does `then` when everything of it is released: until then the core may have
        refreshed tokens to be kept. From any thread."""
        id = next(ids)
        self._closing[id] = then
        try:
            client.close(id, self.channel)
        except McpError:  # of the parent process
            del self._closing[id]

    def stay(self) -> None:
        """Has the loop go on, if it is run by `asyncio.run`, until the clients that are being closed are released."""
        if self._closing and (self._staying is None or self._staying.done()):
            self._staying = LastingTask(self._all_released(), loop=self.loop)

    async def _all_released(self) -> None:
        while self._closing:
            self._released.clear()
            await self._released.wait()

    def _drain(self) -> None:
        events = self.channel.drain(_BATCH)
        if len(events) == _BATCH:
            self.loop.call_soon(self._drain)
        pending = self.pending
        for kind, id, target, payload in events:
            if kind == PROGRESS:
                deliver = self.progress.get(id)
                if deliver is not None:
                    deliver(payload)
                continue
            if kind >= QUESTION:
                self.questions.take(kind, id, target, payload)
                continue
            future = pending.pop(id, None)
            if future is None:
                then = self._closing.pop(id, None)
                if then is not None:
                    then()
                    self._released.set()
                continue
            if future.done():
                continue
            if kind == COMPLETED:
                future.set_result(payload)
            else:
                future.set_exception(from_core(payload))
