"""A server for the fault tests; `--port N` for HTTP, and then it prints its URL. Its tools: `echo`, `throw` (its handler raises), `sleep` (for so many milliseconds)."""

import asyncio
import sys

from oxmcp import Server

server = Server("faults", version="0.1.0")


@server.tool
async def echo(text: str) -> str:
    """Say it again."""
    return text


@server.tool
def throw() -> str:
    """Fail badly."""
    raise RuntimeError("thrown on purpose")


@server.tool
async def sleep(ms: int) -> str:
    """Take a while."""
    await asyncio.sleep(ms / 1000)
    return "slept"


async def listen(port: int) -> None:
    async with server.listen(port=port) as address:
        print(address.url, flush=True)
        await asyncio.Event().wait()


if len(sys.argv) > 2:
    asyncio.run(listen(int(sys.argv[2])))
else:
    server.run()
