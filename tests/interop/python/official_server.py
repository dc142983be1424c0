"""A server of the official SDK. usage: official_server.py stdio | http; over HTTP it prints its URL when it listens."""

import socket
import sys
from typing import TypedDict

import anyio
import uvicorn
from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, EmbeddedResource, ResourceLink, TextContent, TextResourceContents

server = MCPServer("official", instructions="Call add.", log_level="WARNING")
# The calls of `wait` that have begun, and those of them that were cancelled.
begun = cancelled = 0


class Weather(TypedDict):
    city: str
    degrees: int


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool(structured_output=False)
async def echo(text: str) -> str:
    return text


@server.tool()
def weather(city: str) -> Weather:
    return {"city": city, "degrees": 21}


@server.tool()
def kinds() -> CallToolResult:
    return CallToolResult(
        content=[
            TextContent(type="text", text="several"),
            Image(data=b"\x01\x02\x03", format="png").to_image_content(),
            EmbeddedResource(
                type="resource",
                resource=TextResourceContents(uri="test://r", mime_type="text/plain", text="held"),
            ),
            ResourceLink(type="resource_link", uri="test://l", name="l"),
        ]
    )


@server.tool(structured_output=False)
def fail() -> str:
    raise ToolError("it failed")


@server.tool(structured_output=False)
async def count(to: int, ctx: Context) -> str:
    for n in range(1, to + 1):
        await ctx.report_progress(n, to, f"step {n}")
    return "counted"


@server.tool(structured_output=False)
async def wait(ctx: Context) -> str:
    global begun, cancelled
    begun += 1
    try:
        await ctx.report_progress(1)
        await anyio.sleep(600)
    except anyio.get_cancelled_exc_class():
        cancelled += 1
        raise
    return "waited"


@server.tool()
def waits() -> dict[str, int]:
    return {"begun": begun, "cancelled": cancelled}


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        server.run("stdio")
    else:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            print(f"http://127.0.0.1:{listening.getsockname()[1]}/mcp", flush=True)
            config = uvicorn.Config(server.streamable_http_app(), log_level="warning")
            uvicorn.Server(config).run(sockets=[listening])
