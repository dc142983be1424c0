"""What becomes of exceptions in the user's callbacks, which nobody waits for."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio


def report(loop: asyncio.AbstractEventLoop | None, what: str, error: BaseException) -> None:
    """Logs an exception with its traceback to the logger "oxmcp".

    Ctrl-C goes on to end the loop, if one is given, from a callback of its own.
    """
    if isinstance(error, KeyboardInterrupt) and loop is not None:
        loop.call_soon(_raise, error)
        return
    import logging

    logging.getLogger("oxmcp").error(what, exc_info=error)


def _raise(error: BaseException) -> None:
    raise error
