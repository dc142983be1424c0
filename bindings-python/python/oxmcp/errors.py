"""What can go wrong: one class per kind of error, the same kinds in every language oxmcp speaks."""

from __future__ import annotations

import builtins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

    from .result import ToolResult


class McpError(Exception):
    """The root of every error a connection can raise.

    The message says what happened, which side erred and what to do. `kind` is the name of the kind of error; `code`
    and `data` are the peer's, for an `RpcError`, and None otherwise.
    """

    kind: ClassVar[str] = "Internal"

    def __init__(self, message: str, *, code: int | None = None, data: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.data = data

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.code, self.data)


class MisuseError(McpError):
    """The caller erred: bad arguments or configuration, a closed client, use after `fork`."""

    kind = "Misuse"


class ConnectError(McpError):
    """No connection came to be: the command could not be started, the address not be reached, TLS failed."""

    kind = "Connect"


class ClosedError(McpError):
    """The connection ended before the answer: the peer exited or closed it, or this side did."""

    kind = "Closed"


class TimeoutError(McpError, builtins.TimeoutError):
    """No answer within the time allowed. Also a builtin `TimeoutError`."""

    kind = "Timeout"


class CancelledError(McpError):
    """This side cancelled the operation. A cancelled asyncio task raises `asyncio.CancelledError` instead."""

    kind = "Cancelled"


class RpcError(McpError):
    """The peer answered with a JSON-RPC error; `code`, `message` and `data` are the peer's."""

    kind = "Rpc"


class ProtocolError(McpError):
    """The peer broke MCP, JSON-RPC or HTTP: what it sent cannot be understood."""

    kind = "Protocol"


class TooLargeError(McpError):
    """A message is larger than the limit."""

    kind = "TooLarge"


class UnsupportedVersionError(McpError):
    """The two sides have no protocol revision in common."""

    kind = "UnsupportedVersion"


class UnsupportedError(McpError):
    """The peer did not declare the capability that the operation needs."""

    kind = "Unsupported"


class UnauthorizedError(McpError):
    """The server wants authorization that was not given (HTTP 401 or 403)."""

    kind = "Unauthorized"


class OverloadedError(McpError):
    """A limit of this side is reached, or the server cannot serve now (HTTP 429 and 5xx); try again later."""

    kind = "Overloaded"


class InternalError(McpError):
    """A fault of this library."""

    kind = "Internal"


class ToolError(Exception):
    """A tool failed in a way the model should see.

    Raise it in a tool: the caller gets a result with `isError` and the message as text. A client raises it when a
    tool failed and `into=` asked for a value; `result` is the whole result then.
    """

    def __init__(self, message: str, *, result: ToolResult | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.result = result


_KINDS: dict[str, type[McpError]] = {
    error.kind: error
    for error in (
        MisuseError,
        ConnectError,
        ClosedError,
        TimeoutError,
        CancelledError,
        RpcError,
        ProtocolError,
        TooLargeError,
        UnsupportedVersionError,
        UnsupportedError,
        UnauthorizedError,
        OverloadedError,
        InternalError,
    )
}

for _error in (McpError, ToolError, *_KINDS.values()):
    _error.__module__ = "oxmcp"


def from_core(error: dict[str, Any]) -> McpError:
    """The exception for an error as the core writes it: `{"kind", "message", "code"?, "data"?}`."""
    kind = _KINDS.get(error["kind"], InternalError)
    return kind(error["message"], code=error.get("code"), data=error.get("data"))


def _rebuild(kind: type[McpError], message: str, code: int | None, data: Any) -> McpError:
    return kind(message, code=code, data=data)
