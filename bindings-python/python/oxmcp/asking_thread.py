"""A thread with an event loop, on which functions of a synchronous client's user answer the core."""

from __future__ import annotations

import asyncio
import threading

from .connection import answering_to_the_end
from .hub import Hub

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._core import Channel, ClientHandle
    from .questions import Answerer


class AskingThread:
    """Runs until the client that it opened is released, or `end`."""

    def __init__(self, answerer: Answerer) -> None:
        self._answerer = answerer
        self._loop = asyncio.new_event_loop()
        self._hub = Hub(self._loop)
        self._thread = threading.Thread(target=self._serve, name="oxmcp-client", daemon=True)
        self._thread.start()

    def open(self, start: Callable[[int, Channel], None]) -> Any:
        """Opens a client with `start`, and returns its outcome."""

        async def open() -> Any:
            hub = self._hub

            def begin(id: int, channel: Channel) -> None:
                hub.questions.answerers[id] = self._answerer
                start(id, channel)

            return await hub.run(None, begin)

        opening = asyncio.run_coroutine_threadsafe(open(), self._loop)
        try:
            return opening.result()
        except BaseException:
            opening.cancel()
            raise

    def close(self, client: ClientHandle) -> None:
        """Closes the client, and ends when it is released."""
        answering_to_the_end.add(self._thread)
        self._hub.close(client, self._loop.stop)

    def end(self) -> None:
        """Answers nothing any more."""
        try:
            self._loop.call_soon_threadsafe(self._loop.stop)
        except RuntimeError:  # it has ended
            return
        if threading.current_thread() is not self._thread:
            self._thread.join(2)

    def _serve(self) -> None:
        self._loop.run_forever()
        pending = asyncio.all_tasks(self._loop)
        for task in pending:
            task.cancel()
        if pending:
            self._loop.run_until_complete(asyncio.wait(pending, timeout=1))
        self._loop.close()
