"""A server of the official SDK. usage: official_server.py stdio | http PORT"""

import sys
from typing import TypedDict

import anyio
from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, EmbeddedResource, ResourceLink, TextContent, TextResourceContents

server = MCPServer("official", instructions="Call add.", log_level="WARNING")
cancelled = 0


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
async def wait() -> str:
    global cancelled
    try:
        await anyio.sleep(60)
    except anyio.get_cancelled_exc_class():
        cancelled += 1
        raise
    return "waited"


@server.tool(structured_output=False)
def cancellations() -> str:
    return str(cancelled)


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        server.run("stdio")
    else:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[2]))
