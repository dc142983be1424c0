"""Serving the tools of a server on a thread, for synchronous clients of it in the same process."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import Any

from .errors import MisuseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .dispatch import Dispatcher
    from .server import Server


def join(server: Server) -> tuple[Any, Callable[[], None]]:
    """Has the server's tools served, on a loop of its own unless a loop does so already. Returns the server's core
    and what ends it."""
    core = server._core
    dispatcher = server._join(core)
    if dispatcher is not None:
        if asyncio._get_running_loop() is dispatcher.loop:
            server._detach(core, dispatcher)
            raise MisuseError(
                "this thread's event loop serves the server, so a SyncClient of it would wait for itself; "
                "use a Client, or call the SyncClient on another thread"
            )
        return core, partial(server._detach, core, dispatcher)
    loop = asyncio.new_event_loop()
    ready = threading.Event()

    async def attach() -> Dispatcher:
        return server._attach(core)

    def serve() -> None:
        dispatcher = loop.run_until_complete(attach())
        ready.set()
        loop.run_forever()
        server._detach(core, dispatcher)
        pending = asyncio.all_tasks(loop)
        if pending:
            loop.run_until_complete(asyncio.wait(pending, timeout=1))
        loop.close()

    thread = threading.Thread(target=serve, name="oxmcp-server", daemon=True)
    thread.start()
    ready.wait()

    def end() -> None:
        try:
            loop.call_soon_threadsafe(loop.stop)
        except RuntimeError:  # the loop is closed
            return
        if threading.current_thread() is not thread:
            thread.join(2)

    return core, end
