"""A server of ours, with the tools of official_server.py. usage: oxmcp_server.py stdio | http PORT"""

import asyncio
import sys
from typing import TypedDict

from oxmcp import (
    Context,
    EmbeddedResource,
    Image,
    ResourceLink,
    Server,
    TextContent,
    TextResourceContents,
    ToolError,
    ToolResult,
)

server = Server("ours", version="0.1.0", instructions="Call add.", page_size=3)
cancelled = 0


class Weather(TypedDict):
    city: str
    degrees: int


@server.tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool
async def echo(text: str) -> str:
    return text


@server.tool
def weather(city: str) -> Weather:
    return {"city": city, "degrees": 21}


@server.tool
def kinds() -> ToolResult:
    return ToolResult(
        [
            TextContent("several"),
            Image(data=b"\x01\x02\x03", format="png"),
            EmbeddedResource(TextResourceContents("test://r", "held", mime_type="text/plain")),
            ResourceLink("test://l", "l"),
        ]
    )


@server.tool
def fail() -> str:
    raise ToolError("it failed")


@server.tool
async def count(to: int, ctx: Context) -> str:
    for n in range(1, to + 1):
        await ctx.report_progress(n, to, f"step {n}")
    return "counted"


@server.tool
async def wait() -> str:
    global cancelled
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        cancelled += 1
        raise
    return "waited"


@server.tool
async def cancellations() -> str:
    return str(cancelled)


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        server.run()
    else:
        server.run("http", port=int(sys.argv[2]))
