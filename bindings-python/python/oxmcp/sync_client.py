"""Clients for code without an event loop."""

from __future__ import annotations

from functools import partial
from typing import Any, TypeVar, overload

from ._core import Channel
from .connection import COMPLETED, PROGRESS, Connection, ids
from .convert import into as _into
from .errors import from_core
from .jsonable import jsonable
from .progress import deliver_sync
from .result import ToolResult
from .tool import Tool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from typing_extensions import Self

    from ._core import ClientHandle
    from .server import Server

T = TypeVar("T")

# Called with the progress, the total if it is known, and a message if there is one.
if TYPE_CHECKING:
    SyncProgressCallback = Callable[[float, float | None, str | None], object]


class SyncClient(Connection):
    """A client of one MCP server, for synchronous code.

        with SyncClient("http://127.0.0.1:8000/mcp") as client:
            result = client.call_tool("add", {"a": 1, "b": 2})
            print(result.text)

    Targets and options are those of `Client`; functions that `auth` calls run on a thread of their own. One client may
    be used from many threads at once; a thread that waits lets the others run, and Ctrl-C interrupts it. It needs no
    event loop, and works inside one, which it then blocks.
    """

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def connect(self) -> None:
        """Connects, as `with` does. Raises `ConnectError`, `TimeoutError`, `UnsupportedVersionError` and the like."""
        opened = False

        def start(id: int, channel: Channel, close_asking: Callable[[ClientHandle], object] | None = None) -> None:
            nonlocal opened
            self._open(id, channel, close_asking)
            opened = True

        try:
            if self._grant is not None:
                self._opening = self._open_asking(start)
                return
            channel, id = Channel(), next(ids)
            start(id, channel)
            self._opening = _wait(self._live(), id, channel)
        except BaseException:
            # Without it the connection is somebody else's, who connected already.
            if opened:
                self._take()
                self._release()
            raise

    def _open_asking(self, start: Callable[[int, Channel, Callable[[ClientHandle], object]], None]) -> Any:
        """Opens the connection of a client that leaves something to functions of its user."""
        from .asking_thread import AskingThread

        assert self._grant is not None
        thread = AskingThread(self._grant)
        begun = False

        def begin(id: int, channel: Channel) -> None:
            nonlocal begun
            start(id, channel, thread.close)
            # From now on it ends when the connection does.
            begun = True

        try:
            return thread.open(begin)
        except BaseException:
            if not begun:
                thread.end()
            raise

    def close(self) -> None:
        """Ends the connection: calls in flight raise `ClosedError`, a server process is asked to exit, then made to.
        Closing again is fine."""
        handle = self._take()
        if handle is None:
            return
        channel, id = Channel(), next(ids)
        try:
            handle.close(id, channel)
            _wait(handle, id, channel)
        finally:
            self._release()

    def ping(self, *, timeout: float | None = None) -> None:
        """Asks whether the server answers. Raises when it does not."""
        self._run(partial(self._live().ping, timeout))

    def list_tools(self, *, timeout: float | None = None) -> list[Tool]:
        """All tools of the server, in its order."""
        listed = self._run(partial(self._live().list_tools, timeout))
        return [Tool.from_json(tool) for tool in listed["tools"]]

    def tools(self, *, timeout: float | None = None) -> Iterator[Tool]:
        """The tools of the server one by one; pages are fetched when they are reached."""
        cursor: str | None = None
        while True:
            page = self._run(partial(self._live().list_tools_page, cursor, timeout))
            for tool in page["tools"]:
                yield Tool.from_json(tool)
            cursor = page.get("nextCursor")
            if cursor is None:
                return

    @overload
    def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        into: None = None,
        timeout: float | None = None,
        max_timeout: float | None = None,
        progress: SyncProgressCallback | None = None,
    ) -> ToolResult: ...
    @overload
    def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        into: type[T],
        timeout: float | None = None,
        max_timeout: float | None = None,
        progress: SyncProgressCallback | None = None,
    ) -> T: ...
    @overload
    def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        into: Any,
        timeout: float | None = None,
        max_timeout: float | None = None,
        progress: SyncProgressCallback | None = None,
    ) -> Any: ...
    def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        into: Any = None,
        timeout: float | None = None,
        max_timeout: float | None = None,
        progress: SyncProgressCallback | None = None,
    ) -> Any:
        """Calls a tool and waits for the result; see `Client.call_tool`. `progress` is called on this thread."""
        handle, channel, id = self._live(), Channel(), next(ids)
        handle.call_tool(
            name, arguments, jsonable, timeout, max_timeout, progress is not None, id, channel
        )
        result = ToolResult.from_json(_wait(handle, id, channel, progress))
        return result if into is None else _into(result, into)

    def _run(self, start: Callable[[int, Channel], None]) -> Any:
        handle, channel, id = self._live(), Channel(), next(ids)
        start(id, channel)
        return _wait(handle, id, channel)

    def _join_server(self, server: Server) -> tuple[Any, Callable[[], None]]:
        from .server_thread import join

        return join(server)


def _wait(
    handle: ClientHandle, id: int, channel: Channel, progress: SyncProgressCallback | None = None
) -> Any:
    """Waits until an operation settles. Ctrl-C cancels it."""
    outcome: tuple[int, Any] | None = None
    try:
        while outcome is None:
            channel.wait()
            for kind, _, _, payload in channel.drain(64):
                if kind != PROGRESS:
                    outcome = kind, payload
                elif progress is not None:
                    deliver_sync(progress, payload)
    finally:
        if outcome is None:
            handle.cancel(id, channel)
    kind, payload = outcome
    if kind == COMPLETED:
        return payload
    raise from_core(payload)
