"""Our clients against the official server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from conftest import HERE

from oxmcp import (
    Client,
    EmbeddedResource,
    ImageContent,
    McpError,
    ResourceLink,
    RpcError,
    SyncClient,
    TextContent,
    TimeoutError,
)

# The revision to insist on, or none to negotiate; and the one that both then speak.
REVISIONS = [("2025-11-25", "2025-11-25"), ("2026-07-28", "2026-07-28"), (None, "2026-07-28")]

TOOLS = ["add", "echo", "weather", "kinds", "fail", "count", "wait", "waits"]


@pytest.fixture(params=["stdio", "http"])
def target(request: pytest.FixtureRequest, official_python: str, serve: Callable[[list[str]], str]) -> Any:
    program = [official_python, str(HERE / "official_server.py")]
    return [*program, "stdio"] if request.param == "stdio" else serve([*program, "http"])


@pytest.mark.parametrize(("pinned", "spoken"), REVISIONS)
def test_our_client_calls_the_official_server(pinned: str | None, spoken: str, target: Any) -> None:
    async def body() -> None:
        async with Client(target, protocol_version=pinned) as client:
            assert client.protocol_version == spoken
            assert client.server_info.name == "official"
            assert client.instructions == "Call add."
            await client.ping()
            assert [tool.name async for tool in client.tools()] == TOOLS
            assert (await client.list_tools())[0].input_schema["required"] == ["a", "b"]
            await results(client)
            await errors(client)
            await progress(client)
            await cancellation(client)

    asyncio.run(asyncio.wait_for(body(), 100))


async def results(client: Client) -> None:
    assert await client.call_tool("add", {"a": 2, "b": 3}, into=int) == 5
    weather = await client.call_tool("weather", {"city": "Bern"})
    assert weather.structured_content == {"city": "Bern", "degrees": 21}
    text, image, resource, link = (await client.call_tool("kinds")).content
    assert text == TextContent("several")
    assert isinstance(image, ImageContent)
    assert image.to_bytes() == b"\x01\x02\x03"
    assert isinstance(resource, EmbeddedResource)
    assert resource.resource.mime_type == "text/plain"
    assert isinstance(link, ResourceLink)
    assert link.uri == "test://l"
    texts = [f"{n} " + "ü" * n for n in range(100)]
    echoed = await asyncio.gather(*(client.call_tool("echo", {"text": text}) for text in texts))
    assert [result.text for result in echoed] == texts


async def errors(client: Client) -> None:
    failed = await client.call_tool("fail")
    assert failed.is_error
    assert "it failed" in failed.text
    for name, arguments in [("add", {"a": "x"}), ("no such tool", {})]:
        try:
            assert (await client.call_tool(name, arguments)).is_error
        except RpcError as error:
            assert error.code == -32602


async def progress(client: Client) -> None:
    seen: list[Any] = []
    counted = await client.call_tool("count", {"to": 3}, progress=lambda *report: seen.append(report))
    assert counted.text == "counted"
    assert seen == [(1, 3, "step 1"), (2, 3, "step 2"), (3, 3, "step 3")]


async def cancellation(client: Client) -> None:
    begun = asyncio.Event()
    task = asyncio.create_task(client.call_tool("wait", progress=lambda *_: begun.set()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until_cancelled(client)
    # On a busy machine a call may time out before it has begun: then again, with more time.
    timeout = 0.1
    while (await waits(client))["begun"] == 1:
        with pytest.raises(TimeoutError):
            await client.call_tool("wait", timeout=timeout)
        timeout *= 2
    await until_cancelled(client)


async def until_cancelled(client: Client) -> None:
    """Waits until the server has seen the cancellation of every call of `wait` that has begun."""
    while (counts := await waits(client))["begun"] != counts["cancelled"]:
        await asyncio.sleep(0.02)


async def waits(client: Client) -> dict[str, int]:
    return await client.call_tool("waits", into=dict[str, int])


@pytest.mark.parametrize(("pinned", "spoken"), REVISIONS)
def test_our_sync_client_calls_the_official_server(pinned: str | None, spoken: str, target: Any) -> None:
    with SyncClient(target, protocol_version=pinned) as client:
        assert client.protocol_version == spoken
        assert [tool.name for tool in client.tools()] == TOOLS
        assert client.call_tool("add", {"a": 2, "b": 3}, into=int) == 5
        seen: list[float] = []
        client.call_tool("count", {"to": 3}, progress=lambda progress, *_: seen.append(progress))
        assert seen == [1, 2, 3]
        with pytest.raises(TimeoutError):
            client.call_tool("wait", timeout=0.2)
        assert client.call_tool("fail").is_error


def test_a_revision_the_official_server_does_not_speak_is_refused(official_python: str) -> None:
    with pytest.raises(McpError), SyncClient(
        [official_python, str(HERE / "official_server.py"), "stdio"], protocol_version="1999-12-31"
    ):
        pytest.fail("connected")
