"""The Model Context Protocol: servers from type hints, clients for asyncio and for synchronous code.

    from oxmcp import Server

    server = Server("demo", version="1.0")

    @server.tool
    def add(a: int, b: int) -> int:
        "Add two numbers."
        return a + b

    server.run()

Names are loaded when they are first used, so that a server does not wait for what only a client needs.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import auth as auth
    from .client import Client as Client
    from .content import (
        Audio as Audio,
        AudioContent as AudioContent,
        BlobResourceContents as BlobResourceContents,
        Content as Content,
        EmbeddedResource as EmbeddedResource,
        Image as Image,
        ImageContent as ImageContent,
        ResourceLink as ResourceLink,
        TextContent as TextContent,
        TextResourceContents as TextResourceContents,
        UnknownContent as UnknownContent,
    )
    from .context import Context as Context
    from .errors import (
        CancelledError as CancelledError,
        ClosedError as ClosedError,
        ConnectError as ConnectError,
        InternalError as InternalError,
        McpError as McpError,
        MisuseError as MisuseError,
        OverloadedError as OverloadedError,
        ProtocolError as ProtocolError,
        RpcError as RpcError,
        TimeoutError as TimeoutError,
        TooLargeError as TooLargeError,
        ToolError as ToolError,
        UnauthorizedError as UnauthorizedError,
        UnsupportedError as UnsupportedError,
        UnsupportedVersionError as UnsupportedVersionError,
    )
    from .implementation import Implementation as Implementation
    from .result import ToolResult as ToolResult
    from .server import HttpAddress as HttpAddress, Server as Server
    from .sync_client import SyncClient as SyncClient
    from .tool import Tool as Tool, ToolAnnotations as ToolAnnotations

_HOME_OF = {
    "Audio": "content",
    "AudioContent": "content",
    "BlobResourceContents": "content",
    "CancelledError": "errors",
    "Client": "client",
    "ClosedError": "errors",
    "ConnectError": "errors",
    "Content": "content",
    "Context": "context",
    "EmbeddedResource": "content",
    "HttpAddress": "server",
    "Image": "content",
    "ImageContent": "content",
    "Implementation": "implementation",
    "InternalError": "errors",
    "McpError": "errors",
    "MisuseError": "errors",
    "OverloadedError": "errors",
    "ProtocolError": "errors",
    "ResourceLink": "content",
    "RpcError": "errors",
    "Server": "server",
    "SyncClient": "sync_client",
    "TextContent": "content",
    "TextResourceContents": "content",
    "TimeoutError": "errors",
    "TooLargeError": "errors",
    "Tool": "tool",
    "ToolAnnotations": "tool",
    "ToolError": "errors",
    "ToolResult": "result",
    "UnauthorizedError": "errors",
    "UnknownContent": "content",
    "UnsupportedError": "errors",
    "UnsupportedVersionError": "errors",
}

# A star import must not hide the builtin `TimeoutError`, which has others under it.
__all__ = [*(name for name in _HOME_OF if name != "TimeoutError"), "__version__"]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from ._core import version

        value: object = version()
    elif name in _HOME_OF:
        module = __import__(f"{__name__}.{_HOME_OF[name]}", fromlist=(name,))
        value = getattr(module, name)
    elif name == "auth":
        value = __import__(f"{__name__}.auth", fromlist=(name,))
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, "TimeoutError"})
