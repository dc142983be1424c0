"""Bench server. usage: server.py stdio | http PORT"""

import sys

from oxmcp import Server

server = Server("bench")


@server.tool
async def echo(text: str) -> str:
    """Return the text."""
    return text


@server.tool
async def blob(size: int) -> str:
    """Return text of this size."""
    return "x" * size


if sys.argv[1] == "stdio":
    server.run()
else:
    server.run("http", port=int(sys.argv[2]))
