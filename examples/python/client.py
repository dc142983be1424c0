"""Calls a tool of any MCP server. usage: python client.py TOOL ARGUMENTS URL | COMMAND [ARGS...]"""

import asyncio
import json
import sys

from oxmcp import Client, McpError


def show(progress: float, total: float | None, message: str | None) -> None:
    """Prints one progress report."""
    print(f"progress: {progress:g}/{total or 0:g} {message or ''}".rstrip())


async def main(tool: str, arguments: str, *target: str) -> None:
    is_url = target[0].startswith(("http://", "https://"))
    async with Client(target[0] if is_url else target) as client:
        server = client.server_info
        print(f"server: {server.name} {server.version}, revision {client.protocol_version}")
        print("tools:", ", ".join([tool.name async for tool in client.tools()]))

        result = await client.call_tool(tool, json.loads(arguments), progress=show)
        if result.is_error:
            sys.exit(f"{tool} failed: {result.text}")
        print(result.text)


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except McpError as error:
        sys.exit(f"{type(error).__name__}: {error}")
