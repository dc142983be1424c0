"""Answering what the core leaves to functions of the user's, on the thread of an event loop."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from .lasting import LastingTask
from .report import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from ._core import Channel

# Kinds of events.
QUESTION, QUESTION_OVER = 6, 7


class Answerer(Protocol):
    """What answers for a client or a server that listens."""

    async def _answer(self, question: dict[str, Any]) -> dict[str, Any]: ...

    def _lock(self, key: str) -> AbstractAsyncContextManager[object]: ...


class Questions:
    """The questions that come out of one channel. `answerers` has who answers them, by the operation that opened the
    client or began to listen."""

    def __init__(self, channel: Channel, loop: asyncio.AbstractEventLoop) -> None:
        self.answerers: dict[int, Answerer] = {}
        self._channel = channel
        self._loop = loop
        self._tasks: dict[int, asyncio.Task[None]] = {}
        # What lets a lock go, by the question for it.
        self._held: dict[int, asyncio.Event] = {}

    def take(self, kind: int, id: int, target: int, question: Any) -> None:
        """Takes an event of a question."""
        if kind == QUESTION_OVER:
            self._end(id)
            return
        answerer = self.answerers.get(target)
        if answerer is None:
            self._channel.fail(id, "whoever could answer is gone")
            return
        answering = self._ask(answerer, id, question)
        if question["ask"] == "writeTokens":
            # They are nowhere else.
            self._tasks[id] = LastingTask(answering, loop=self._loop)
        else:
            self._tasks[id] = self._loop.create_task(answering)

    def stop(self) -> None:
        """Answers nothing any more."""
        for task in list(self._tasks.values()):
            asyncio.Task.cancel(task)

    def _end(self, id: int) -> None:
        held = self._held.get(id)
        if held is not None:
            held.set()
        elif id in self._tasks:
            asyncio.Task.cancel(self._tasks[id])

    async def _ask(self, answerer: Answerer, id: int, question: dict[str, Any]) -> None:
        from .auth.refused import Refused

        try:
            if question["ask"] == "lockTokens":
                await self._hold(answerer, id, question["key"])
            else:
                self._channel.give(id, await answerer._answer(question))
        except Refused as why:
            self._channel.refuse(id, str(why))
        except (asyncio.CancelledError, GeneratorExit):
            self._channel.fail(id, "the event loop ends")
            raise
        except BaseException as error:
            self._channel.fail(id, f"{type(error).__name__}: {error}")
            report(self._loop, f"what answers {question['ask']!r} raised", error)
        finally:
            self._tasks.pop(id, None)

    async def _hold(self, answerer: Answerer, id: int, key: str) -> None:
        async with answerer._lock(key):
            over = self._held[id] = asyncio.Event()
            try:
                # Nobody may wait for it any more.
                if self._channel.give(id, {}):
                    await over.wait()
            finally:
                del self._held[id]
