"""What type checkers make of the public surface. Checked by `test_typing.py`, never run."""

from dataclasses import dataclass
from typing import Any, TypedDict

from typing_extensions import assert_type

from oxmcp import (
    Client,
    Content,
    Context,
    HttpAddress,
    Implementation,
    Server,
    SyncClient,
    TextContent,
    Tool,
    ToolAnnotations,
    ToolResult,
)

server = Server("typed", version="1.0", instructions="x", page_size=10)


@dataclass
class Point:
    x: int


class Movie(TypedDict):
    title: str


@server.tool
def plain(a: int) -> str:
    return str(a)


@server.tool(name="other", annotations=ToolAnnotations(read_only_hint=True), output_schema=None)
async def later(a: int, ctx: Context) -> list[str]:
    await ctx.report_progress(1, 2, "half")
    assert_type(ctx.client_info, Implementation | None)
    return [str(a)]


# The decorator keeps the types.
assert_type(plain(1), str)


async def use() -> None:
    assert_type(await later(1, None), list[str])  # type: ignore[arg-type]
    async with server.listen(port=0) as address:
        assert_type(address, HttpAddress)
    async with Client(["a", "b"], timeout=1.5, env={"A": "b"}) as client:
        assert_type(client, Client)
        assert_type(client.protocol_version, str)
        assert_type(await client.list_tools(), list[Tool])
        async for tool in client.tools():
            assert_type(tool.input_schema, dict[str, Any])
        result = await client.call_tool("t", {"a": 1}, timeout=1, progress=lambda progress, total, message: None)
        assert_type(result, ToolResult)
        assert_type(result.content, list[Content])
        for block in result.content:
            if isinstance(block, TextContent):
                assert_type(block.text, str)
        assert_type(await client.call_tool("t", into=int), int)
        assert_type(await client.call_tool("t", into=list[int]), list[int])
        assert_type(await client.call_tool("t", into=Point), Point)
        assert_type(await client.call_tool("t", into=Movie), Movie)
        result.isError  # type: ignore[attr-defined]
        await client.call_tool("t", {"a": 1}, timout=1)  # type: ignore[call-overload]


def use_sync() -> None:
    with SyncClient("http://127.0.0.1:1/mcp", headers={"a": "b"}) as client:
        assert_type(client, SyncClient)
        assert_type(client.call_tool("t"), ToolResult)
        assert_type(client.call_tool("t", into=int), int)
        assert_type([tool.name for tool in client.tools()], list[str])


server.run("http", port=1, allowed_hosts=["a"])
server.run("pigeon")  # type: ignore[call-overload]
server.run("stdio", port=1)  # type: ignore[call-overload]
