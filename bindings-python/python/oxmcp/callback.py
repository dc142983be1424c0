"""Calling functions of the user's that may be async or not."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from inspect import iscoroutinefunction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


async def called(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns. One that is not async runs in a thread of its own, for it may wait for a user."""
    if iscoroutinefunction(function):
        return await function(*arguments)
    value = await _in_thread(function, arguments)
    return await value if hasattr(value, "__await__") else value


def _in_thread(function: Callable[..., Any], arguments: tuple[Any, ...]) -> asyncio.Future[Any]:
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

    # A daemon, so that a function that never returns cannot keep the process from ending.
    threading.Thread(target=run, name="oxmcp-callback", daemon=True).start()
    return future
