"""Calling functions of the user's that may be async or not."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from inspect import iscoroutinefunction

from .callback_threads import CallbackThreads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


# The threads of one kind of functions that a process has at most: whoever sends a token, good or not, has one verified.
_LIMITS = {"verifier": 64, "store": 32}

_threads: dict[str, CallbackThreads] = {}


async def called(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns. One that is not async runs in a thread of its own, for it may wait for a user."""
    return await _called(function, arguments, None)


async def called_as(kind: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns. One that is not async runs in one of the threads that there are for its kind."""
    return await _called(function, arguments, kind)


async def _called(function: Callable[..., Any], arguments: tuple[Any, ...], kind: str | None) -> Any:
    if iscoroutinefunction(function):
        return await function(*arguments)
    value = await _in_thread(function, arguments, kind)
    return await value if hasattr(value, "__await__") else value


def _in_thread(function: Callable[..., Any], arguments: tuple[Any, ...], kind: str | None) -> asyncio.Future[Any]:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def settle(value: Any, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(value)
        elif isinstance(error, StopIteration):
            future.set_exception(RuntimeError("the function raised StopIteration"))
        else:
            future.set_exception(error)

    def run() -> None:
        value, failure = None, None
        try:
            value = context.run(function, *arguments)
        except BaseException as error:
            failure = error
        try:
            loop.call_soon_threadsafe(settle, value, failure)
        except RuntimeError:  # the loop is closed
            pass

    if kind is None:
        # A daemon, so that a function that never returns cannot keep the process from ending.
        threading.Thread(target=run, name="oxmcp-callback", daemon=True).start()
    else:
        take_back = _threads_for(kind).submit(run)
        future.add_done_callback(lambda _: take_back())
    return future


def _threads_for(kind: str) -> CallbackThreads:
    threads = _threads.get(kind)
    if threads is None:
        # Of two that come at once, one is first.
        threads = _threads.setdefault(kind, CallbackThreads(f"oxmcp-{kind}", _LIMITS[kind]))
    return threads


# A child process has none of the threads of its parent.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.clear)
