"""Clients for asyncio."""

from __future__ import annotations

import asyncio
import weakref
from functools import partial
from typing import Any, TypeVar, overload

from .connection import Connection
from .convert import into as _into
from .hub import hub_of
from .jsonable import jsonable
from .progress import AsyncProgress
from .result import ToolResult
from .tool import Tool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from types import TracebackType

    from typing_extensions import Self

    from ._core import Channel, ClientHandle
    from .hub import Hub
    from .progress import ProgressCallback
    from .server import Server

T = TypeVar("T")


class Client(Connection):
    """A client of one MCP server, for asyncio.

        async with Client("http://127.0.0.1:8000/mcp") as client:
            result = await client.call_tool("add", {"a": 1, "b": 2})
            print(result.text)

    The target is a URL, a command as a list of words, a `.py` or `.js` file, a configuration dict
    (`{"command": "uvx", "args": ["some-server"], "env": {...}}` or `{"url": ...}`), or a `Server` of this process.
    It speaks every revision of MCP and negotiates the newest both sides know.

    A client may be used from several tasks, threads and event loops at once, and closed from any of them.

    * `timeout`: seconds without an answer or progress after which a call fails; 60 if not given. It does not bound
      connecting.
    * `max_timeout`: seconds after which a call fails, progress or not; an hour if not given.
    * `connect_timeout`: seconds for connecting: starting or reaching the server and negotiating; 30 if not given.
    * `protocol_version`: the one revision to speak, instead of negotiating.
    * `client_info`: `{"name": ..., "version": ...}` to show to the server.
    * `headers`: for a URL: HTTP headers for every request.
    * `auth`: for a URL: a token that was given for the server, or how to get one when it wants authorization, such as
      `Code("Report Builder")` of `oxmcp.auth`: the user authorizes the client in the browser. Functions that it
      calls run on the event loop that connected, which has to run for that.
    * `env`, `cwd`, `stderr`: for a command or file: variables added to this process's, its folder, and `"null"` to
      silence it.
    * `max_message_bytes`: the largest message it takes; 16 MiB if not given.
    """

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def connect(self) -> None:
        """Connects, as `async with` does. Raises `ConnectError`, `TimeoutError`, `UnsupportedVersionError` and the
        like."""
        hub = hub_of(asyncio.get_running_loop())
        opened = False

        def start(id: int, channel: Channel) -> None:
            nonlocal opened
            if self._grant is None:
                self._open(id, channel)
            else:
                hub.questions.answerers[id] = self._grant
                try:
                    self._open(id, channel, partial(_close, weakref.ref(hub), id))
                except BaseException:
                    del hub.questions.answerers[id]
                    raise
            opened = True

        try:
            self._opening = await hub.run(None, start)
        except BaseException:
            # Without it the connection is somebody else's, who connected already.
            if opened:
                self._take()
                self._release()
                hub.stay()
            raise

    async def close(self) -> None:
        """Ends the connection: calls in flight raise `ClosedError`, a server process is asked to exit, then made to.
        Closing again is fine."""
        handle = self._take()
        if handle is None:
            return
        try:
            hub = hub_of(asyncio.get_running_loop())
            try:
                await hub.run(handle, handle.close)
            except asyncio.CancelledError:
                hub.stay()
                raise
        finally:
            self._release()

    async def ping(self, *, timeout: float | None = None) -> None:
        """Asks whether the server answers. Raises when it does not."""
        await self._run(partial(self._live().ping, timeout))

    async def list_tools(self, *, timeout: float | None = None) -> list[Tool]:
        """All tools of the server, in its order."""
        listed = await self._run(partial(self._live().list_tools, timeout))
        return [Tool.from_json(tool) for tool in listed["tools"]]

    async def tools(self, *, timeout: float | None = None) -> AsyncIterator[Tool]:
        """The tools of the server one by one; pages are fetched when they are reached."""
        cursor: str | None = None
        while True:
            page = await self._run(partial(self._live().list_tools_page, cursor, timeout))
            for tool in page["tools"]:
                yield Tool.from_json(tool)
            cursor = page.get("nextCursor")
            if cursor is None:
                return

    @overload
    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        into: None = None,
        timeout: float | None = None,
        max_timeout: float | None = None,
        progress: ProgressCallback | None = None,
    ) -> ToolResult: ...
    @overload
    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        into: type[T],
        timeout: float | None = None,
        max_timeout: float | None = None,
        progress: ProgressCallback | None = None,
    ) -> T: ...
    @overload
    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        into: Any,
        timeout: float | None = None,
        max_timeout: float | None = None,
        progress: ProgressCallback | None = None,
    ) -> Any: ...
    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        into: Any = None,
        timeout: float | None = None,
        max_timeout: float | None = None,
        progress: ProgressCallback | None = None,
    ) -> Any:
        """Calls a tool.

        A tool that failed gives a result with `is_error`; what is raised is a failure of the call. `progress` is
        called with `(progress, total, message)`, may be async, and has had every report when the result is there.
        Cancelling the task cancels the call at the server.

        With `into`, the structured content is returned as a value of that type (`int`, a dataclass, a `TypedDict`,
        a pydantic model, `list[...]`), and a tool that failed raises `ToolError`.
        """
        handle = self._live()
        loop = asyncio.get_running_loop()
        route = None if progress is None else AsyncProgress(progress, loop)
        wants_progress = progress is not None

        def start(id: int, channel: Channel) -> None:
            handle.call_tool(name, arguments, jsonable, timeout, max_timeout, wants_progress, id, channel)

        result = ToolResult.from_json(await hub_of(loop).run(handle, start, route))
        return result if into is None else _into(result, into)

    async def _run(self, start: Callable[[int, Channel], None]) -> Any:
        return await hub_of(asyncio.get_running_loop()).run(self._live(), start)

    def _join_server(self, server: Server) -> tuple[Any, Callable[[], None]]:
        core = server._core
        return core, partial(server._detach, core, server._attach(core))


def _close(hub: weakref.ref[Hub], opened: int, client: ClientHandle) -> None:
    """Closes a client whose functions answer on a loop; they do until it is released. A loop that is gone took its hub
    along."""
    here = hub()
    if here is not None:
        here.close(client, partial(here.questions.answerers.pop, opened, None))
