"""A client of the official SDK: calls what our server has and prints what came, as one JSON line.

usage: official_client.py MODE URL | COMMAND [ARGS...]
"""

import json
import sys

import anyio
from mcp import Client, MCPError, StdioServerParameters


async def main() -> None:
    mode, target, *args = sys.argv[1:]
    server = target if target.startswith("http") else StdioServerParameters(command=target, args=args)
    async with Client(server, mode=mode) as client:
        print(json.dumps(await observe(client)))


async def observe(client: Client) -> dict:
    seen = {
        "revision": client.protocol_version,
        "server": client.server_info.name if client.server_info else None,
        "instructions": client.instructions,
        "tools": await tools(client),
    }
    for name, arguments in [
        ("add", {"a": 2, "b": 3}),
        ("add", {"a": "x"}),
        ("weather", {"city": "Bern"}),
        ("kinds", {}),
        ("fail", {}),
    ]:
        result = await client.call_tool(name, arguments)
        seen[f"{name} {json.dumps(arguments)}"] = result.model_dump(by_alias=True, exclude_none=True, mode="json")
    try:
        await client.call_tool("no such tool", {})
    except MCPError as error:
        seen["unknown"] = error.error.code

    reports = []

    async def report(progress, total, message) -> None:
        reports.append([progress, total, message])

    counted = await client.call_tool("count", {"to": 3}, progress_callback=report)
    seen["progress"] = [counted.content[0].text, reports]

    texts = [f"{n} " + "ü" * n for n in range(100)]
    answers = [""] * len(texts)

    async def echo(n: int) -> None:
        answers[n] = (await client.call_tool("echo", {"text": texts[n]})).content[0].text

    async with anyio.create_task_group() as group:
        for n in range(len(texts)):
            group.start_soon(echo, n)
    seen["echoes"] = answers == texts

    with anyio.CancelScope() as scope:

        async def cancel(*_) -> None:
            scope.cancel()

        await client.call_tool("wait", {}, progress_callback=cancel)
    with anyio.fail_after(30):
        while (await client.call_tool("waits", {})).structured_content != {"begun": 1, "cancelled": 1}:
            await anyio.sleep(0.02)
    return seen


async def tools(client: Client) -> list[str]:
    names: list[str] = []
    cursor = None
    while True:
        page = await client.list_tools(cursor=cursor)
        names += [tool.name for tool in page.tools]
        cursor = page.next_cursor
        if cursor is None:
            return names


anyio.run(main)
