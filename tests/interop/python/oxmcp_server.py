"""A server of ours, with the tools of official_server.py. usage: oxmcp_server.py stdio | http

Over HTTP it prints its URL when it listens.
"""

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
# The calls of `wait` that have begun, and those of them that were cancelled.
begun = cancelled = 0


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
async def wait(ctx: Context) -> str:
    global begun, cancelled
    begun += 1
    try:
        await ctx.report_progress(1)
        await asyncio.sleep(600)
    except asyncio.CancelledError:
        cancelled += 1
        raise
    return "waited"


@server.tool
async def waits() -> dict[str, int]:
    return {"begun": begun, "cancelled": cancelled}


async def listen() -> None:
    async with server.listen() as address:
        print(address.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        server.run()
    else:
        asyncio.run(listen())
