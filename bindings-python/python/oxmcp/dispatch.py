"""Running tools: calls come out of a server's channel on an event loop's thread, answers go back."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from functools import partial
from typing import Any

from .context import Context
from .errors import ToolError, from_core
from .form import Mismatch
from .questions import QUESTION, Questions
from .report import report
from .wakeup import watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._core import Channel, ServerHandle
    from .function import Function
    from .workers import Workers

# Kinds of events.
_COMPLETED, _FAILED, _TOOL_CALL, _CALL_CANCELLED, _UNREADABLE_CALL = 1, 2, 4, 5, 255

# Events taken in one turn of the loop, so that other work of the loop gets its turn too.
_BATCH = 256

if sys.version_info >= (3, 12):
    # The first steps of a coroutine run at once: a tool that does not wait costs no turn of the loop.
    _start = partial(asyncio.Task, eager_start=True)
else:
    _start = asyncio.Task


class Dispatcher:
    """Serves the calls of one server on one event loop."""

    def __init__(
        self,
        server: ServerHandle,
        channel: Channel,
        close_id: int,
        functions: dict[int, Function],
        workers: Workers,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.loop = loop
        # How many transports and clients need it.
        self.users = 0
        self._server = server
        self._channel = channel
        self._functions = functions
        self._workers = workers
        self._operations: dict[int, asyncio.Future[Any]] = {}
        # Calls in flight: the task of an async tool, the context of a sync one.
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._contexts: dict[int, Context] = {}
        self.questions = Questions(channel, loop)
        self.closed = self.operation(close_id)
        self._stop = watch(loop, channel, self._drain)

    def operation(self, id: int) -> asyncio.Future[Any]:
        """The outcome of an operation of the server that was or will be started under this id."""
        future = self._operations[id] = self.loop.create_future()
        return future

    async def wait_closed(self, timeout: float) -> None:
        """Waits until the server is closed and everything is released, up to `timeout` seconds."""
        if self.loop is asyncio.get_running_loop():
            await asyncio.wait([self.closed], timeout=timeout)

    def stop(self) -> None:
        """Serves no more calls; those in flight are cancelled. May be called on any thread."""
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is self.loop:
            self._stop_here()
            return
        try:
            self.loop.call_soon_threadsafe(self._stop_here)
        except RuntimeError:  # the loop is closed
            pass

    def _stop_here(self) -> None:
        self._stop()
        self.questions.stop()
        for task in list(self._tasks.values()):
            task.cancel()
        for context in list(self._contexts.values()):
            context._cancelled = True

    def _drain(self) -> None:
        events = self._channel.drain(_BATCH)
        if len(events) == _BATCH:
            self.loop.call_soon(self._drain)
        for kind, id, target, payload in events:
            try:
                if kind == _TOOL_CALL:
                    self._call(id, target, payload)
                elif kind == _CALL_CANCELLED:
                    self._cancel(id)
                elif kind == _UNREADABLE_CALL:
                    self._server.respond_error(id, payload["message"])
                elif kind >= QUESTION:
                    self.questions.take(kind, id, target, payload)
                else:
                    self._settle(kind, id, payload)
            except BaseException as error:
                # A fault here must not cost the other events their turn.
                self._server.respond_error(id, "internal error of the server")
                report(self.loop, "a tool call could not be started", error)

    def _call(self, call: int, target: int, arguments: dict[str, Any]) -> None:
        function = self._functions.get(target)
        if function is None:
            self._server.respond_error(call, "the tool has been removed")
        elif function.is_async:
            task = _start(self._run_async(function, call, arguments), loop=self.loop)
            if not task.done():
                self._tasks[call] = task
        else:
            context = self._contexts[call] = Context(self._server, call)
            job = partial(self._run_sync, function, call, arguments, context)
            self._workers.submit(partial(contextvars.copy_context().run, job))

    def _cancel(self, call: int) -> None:
        task = self._tasks.get(call)
        if task is not None:
            # Cancelled before its first step, it does not take itself out.
            task.add_done_callback(lambda _: self._tasks.pop(call, None))
            task.cancel()
        context = self._contexts.get(call)
        if context is not None:
            context._cancelled = True

    def _settle(self, kind: int, id: int, payload: Any) -> None:
        future = self._operations.pop(id, None)
        if future is None or future.done():
            return
        if kind == _COMPLETED:
            future.set_result(payload)
        elif kind == _FAILED:
            future.set_exception(from_core(payload))

    async def _run_async(self, function: Function, call: int, arguments: dict[str, Any]) -> None:
        try:
            if function.plain:
                value = await function.fn(**arguments)
            else:
                args, kwargs = function.arguments(arguments, partial(Context, self._server, call))
                value = await function.fn(*args, **kwargs)
            function.reply.send(self._server, call, value)
        except (asyncio.CancelledError, GeneratorExit):
            self._server.respond_error(call, "cancelled")
            raise
        except BaseException as error:
            self._fail(function, call, error)
        finally:
            self._tasks.pop(call, None)

    def _run_sync(self, function: Function, call: int, arguments: dict[str, Any], context: Context) -> None:
        """Runs on a worker thread; raises nothing."""
        try:
            if not context._cancelled:
                args, kwargs = function.arguments(arguments, lambda: context)
                value = function.fn(*args, **kwargs)
                if hasattr(value, "__await__"):
                    self._finish_on_loop(function, call, value, context)
                    return
                function.reply.send(self._server, call, value)
        except BaseException as error:
            self._fail(function, call, error, in_thread=True)
        self._contexts.pop(call, None)

    def _finish_on_loop(self, function: Function, call: int, value: Any, context: Context) -> None:
        """A plain function gave an awaitable: a decorated async tool."""

        async def finish() -> None:
            try:
                function.reply.send(self._server, call, await value)
            except (asyncio.CancelledError, GeneratorExit):
                self._server.respond_error(call, "cancelled")
                raise
            except BaseException as error:
                self._fail(function, call, error)
            finally:
                self._tasks.pop(call, None)

        def start() -> None:
            self._contexts.pop(call, None)
            if not context._cancelled:
                self._tasks[call] = self.loop.create_task(finish())
            elif hasattr(value, "close"):
                # Nobody waits any more, and a coroutine that is dropped without having run warns.
                value.close()

        self.loop.call_soon_threadsafe(start, context=contextvars.copy_context())

    def _fail(self, function: Function, call: int, error: BaseException, *, in_thread: bool = False) -> None:
        """Answers a call whose tool raised."""
        if isinstance(error, ToolError):
            text = error.message
        elif isinstance(error, Mismatch):
            text = f"invalid arguments: {error}"
        else:
            text = _told(error)
            report(None if in_thread else self.loop, f"the tool {function.name} raised", error)
        self._server.respond_error(call, text)


def _told(error: BaseException) -> str:
    """An exception as text for the model. One that says no more than a value, as `KeyError` does, gets its type's name
    before it."""
    text, name = str(error), type(error).__name__
    if not text.strip():
        return name
    if isinstance(error, (KeyError, StopIteration, StopAsyncIteration)) or _is_bare_value(error, text):
        return f"{name}: {text}"
    return text


def _is_bare_value(error: BaseException, text: str) -> bool:
    return len(error.args) == 1 and not isinstance(error.args[0], str) and text == str(error.args[0])
