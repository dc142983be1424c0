"""What a tool knows of the call it serves."""

from __future__ import annotations

from .errors import MisuseError
from .implementation import Implementation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator
    from typing import Any

    from ._core import ServerHandle
    from .auth.info import AuthInfo


class Context:
    """The call a tool serves. A parameter with the hint `Context` receives it; it is no argument of the tool.

        @server.tool
        async def count(n: int, ctx: Context) -> str:
            for i in range(n):
                await ctx.report_progress(i + 1, n)
            return "done"
    """

    __slots__ = ("_call", "_cancelled", "_facts", "_server")

    def __init__(self, server: ServerHandle, call: int) -> None:
        self._server = server
        self._call = call
        self._cancelled = False
        self._facts: dict[str, Any] | None = None

    def report_progress(self, progress: float, total: float | None = None, message: str | None = None) -> Awaitable[None]:
        """Tells the caller how far the work is. `progress` must grow from report to report; `total`, if known, is
        what it grows towards.

        It is sent at once, whether the result is awaited (as async tools usually do) or not (as sync tools do).
        Nothing is sent when the caller did not ask for progress.
        """
        self._server.progress(self._call, progress, total, message)
        return _DONE

    @property
    def cancelled(self) -> bool:
        """Whether the caller no longer waits. An async tool is cancelled as a task; a sync tool that runs for long
        should look here from time to time and return."""
        return self._cancelled

    @property
    def request_id(self) -> str | int:
        """The id of the request, as the peer chose it."""
        request_id: str | int = self._fact("requestId")
        return request_id

    @property
    def protocol_version(self) -> str:
        """The revision of MCP the caller speaks."""
        version: str = self._fact("protocolVersion")
        return version

    @property
    def client_info(self) -> Implementation | None:
        """The caller's name and version, if it told."""
        info = self._fact("clientInfo")
        return None if info is None else Implementation.from_json(info)

    @property
    def meta(self) -> dict[str, Any] | None:
        """The request's `_meta`."""
        meta: dict[str, Any] | None = self._fact("_meta")
        return meta

    @property
    def auth(self) -> AuthInfo | None:
        """Who makes the call, as the access token says that came with it; only of a server that is protected."""
        auth = self._fact("auth")
        if auth is None:
            return None
        from .auth.info import AuthInfo

        return AuthInfo.from_json(auth)

    def _fact(self, name: str) -> Any:
        if self._facts is None:
            self._facts = self._server.call_context(self._call)
        if self._facts is None:
            raise MisuseError(f"the call is over, and {name} was not asked for while it lasted")
        return self._facts.get(name)


class _Done:
    """Awaiting it takes no time; not awaiting it is fine too."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        return
        yield


_DONE = _Done()
