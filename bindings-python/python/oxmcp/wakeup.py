"""Draining a channel on the thread of an event loop."""

from __future__ import annotations

import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from ._core import Channel


def watch(loop: asyncio.AbstractEventLoop, channel: Channel, drain: Callable[[], None]) -> Callable[[], None]:
    """Has `loop` call `drain` whenever events wait in `channel`; returns what ends that.

    A thread of the core makes the channel's descriptor readable and never touches the interpreter. A loop that
    cannot watch descriptors (Windows' proactor loop) is told by a daemon thread instead.
    """
    try:
        descriptor = channel.fileno()
        loop.add_reader(descriptor, drain)
    except (NotImplementedError, OSError):
        return _watch_by_thread(loop, channel, drain)

    def end() -> None:
        if not loop.is_closed():
            loop.remove_reader(descriptor)

    return end


def _watch_by_thread(
    loop: asyncio.AbstractEventLoop, channel: Channel, drain: Callable[[], None]
) -> Callable[[], None]:
    ended = threading.Event()
    drained = threading.Event()

    def on_loop() -> None:
        try:
            drain()
        finally:
            drained.set()

    def wait() -> None:
        while not ended.is_set():
            if not channel.wait(0.5):
                continue
            drained.clear()
            try:
                loop.call_soon_threadsafe(on_loop)
            except RuntimeError:  # the loop is closed
                return
            while not drained.wait(0.5) and not ended.is_set() and not loop.is_closed():
                pass

    threading.Thread(target=wait, name="oxmcp-wakeup", daemon=True).start()
    return ended.set
