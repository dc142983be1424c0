"""A client and a server over every transport, in both eras."""

from __future__ import annotations

import asyncio
import builtins
import logging
import uuid
from dataclasses import dataclass
from typing import Any, TypedDict

import pytest
from conftest import Connect, begun, timed_out, until_cancelled

import oxmcp
from oxmcp import ImageContent, TextContent


@dataclass
class Sum:
    total: int
    of: list[int]


class SumDict(TypedDict):
    total: int
    of: list[int]


def run(body: Any) -> Any:
    return asyncio.run(asyncio.wait_for(body, 100))


def test_the_server_tells_about_itself(connect: Connect, revision: str) -> None:
    async def body() -> None:
        async with connect() as client:
            assert (client.server_info.name, client.server_info.version) == ("everything", "1.2.3")
            assert client.protocol_version == revision
            assert "tools" in client.capabilities
            assert client.instructions == "Use the tools."
            await client.ping()

    run(body())


def test_all_tools_are_listed_in_order(connect: Connect) -> None:
    async def body() -> None:
        async with connect() as client:
            listed = await client.list_tools()
            assert [tool.name for tool in listed][:3] == ["add", "echo", "sum_up"]
            assert [tool.name async for tool in client.tools()] == [tool.name for tool in listed]
            assert len(listed) > 10  # more than two pages
            add = listed[0]
            assert (add.title, add.description) == ("Adder", "Add two numbers.")
            assert add.input_schema["required"] == ["a"]
            assert add.output_schema is not None
            assert add.annotations is not None
            assert add.annotations.read_only_hint is True

    run(body())


def test_tools_are_called(connect: Connect) -> None:
    async def body() -> None:
        async with connect() as client:
            result = await client.call_tool("add", {"a": 1, "b": 2})
            assert (result.text, result.structured_content, result.is_error) == ("3", {"result": 3}, False)
            assert (await client.call_tool("add", {"a": 1.0})).text == "2"
            echoed = await client.call_tool("echo", {"text": "héllo\n\u2028 \U0001f600"})
            assert echoed.content == [TextContent("héllo\n\u2028 \U0001f600")]
            assert echoed.structured_content is None

    run(body())


def test_results_become_values(connect: Connect) -> None:
    async def body() -> None:
        async with connect() as client:
            assert await client.call_tool("add", {"a": 1, "b": 2}, into=int) == 3
            assert await client.call_tool("echo", {"text": "7"}, into=str) == "7"
            assert await client.call_tool("echo", {"text": "[7]"}, into=list[int]) == [7]
            assert await client.call_tool("sum_up", {"numbers": [1, 2]}, into=Sum) == Sum(3, [1, 2])
            assert await client.call_tool("sum_up", {"numbers": [1]}, into=SumDict) == {"total": 1, "of": [1]}
            with pytest.raises(oxmcp.ProtocolError, match="does not fit Sum: the field 'total' is missing"):
                await client.call_tool("full", into=Sum)
            with pytest.raises(oxmcp.ToolError, match="the tool says no") as raised:
                await client.call_tool("fail", {"how": "tool"}, into=int)
            assert raised.value.result is not None
            assert raised.value.result.is_error

    run(body())


def test_content_of_every_kind_arrives(connect: Connect) -> None:
    async def body() -> None:
        async with connect() as client:
            first, image, last = (await client.call_tool("picture")).content
            assert (first, last) == (TextContent("a picture:"), TextContent("end"))
            assert isinstance(image, ImageContent)
            assert (image.to_bytes(), image.mime_type) == (b"\x89PNG", "image/png")
            full = await client.call_tool("full")
            assert (full.text, full.structured_content) == ("full", {"a": 1})
            assert full.meta is not None
            assert full.meta["m"] == 2

    run(body())


@pytest.mark.parametrize("tool", ["fail", "fail_async"])
@pytest.mark.parametrize(
    ("how", "text"),
    [("tool", "the tool says no"), ("value", "bad value"), ("empty", "KeyError"), ("key", "KeyError: 'missing'"), ("exit", "SystemExit: 3")],
)
def test_what_a_tool_raises_is_an_error_result(connect: Connect, tool: str, how: str, text: str) -> None:
    async def body() -> None:
        async with connect() as client:
            result = await client.call_tool(tool, {"how": how})
            assert (result.is_error, result.text) == (True, text)
            assert (await client.call_tool("add", {"a": 1})).text == "2"

    run(body())


def test_a_value_without_a_json_form_is_an_error_result(connect: Connect) -> None:
    async def body() -> None:
        async with connect() as client:
            result = await client.call_tool("unwritable")
            assert result.is_error
            assert result.text == "a value of type object has no JSON form"

    run(body())


def test_arguments_that_break_the_schema_are_an_error_result(connect: Connect) -> None:
    async def body() -> None:
        async with connect() as client:
            for arguments in ({"a": "one"}, {}, {"a": 1, "typo": 2}):
                result = await client.call_tool("add", arguments)
                assert result.is_error, arguments

    run(body())


def test_an_unknown_tool_is_an_rpc_error(connect: Connect) -> None:
    async def body() -> None:
        async with connect() as client:
            with pytest.raises(oxmcp.RpcError) as raised:
                await client.call_tool("nothing")
            assert raised.value.code == -32602
            assert "nothing" in raised.value.message

    run(body())


def test_progress_is_reported(connect: Connect) -> None:
    async def body() -> None:
        async with connect() as client:
            seen: list[tuple[float, float | None, str | None]] = []
            result = await client.call_tool(
                "count", {"n": 3}, progress=lambda *report: seen.append(report)
            )
            assert result.text == "counted to 3"
            assert seen == [(1, 3, "step 1"), (2, 3, "step 2"), (3, 3, "step 3")]
            seen.clear()
            await client.call_tool("count_in_thread", {"n": 2}, progress=lambda *report: seen.append(report))
            assert seen == [(1, None, None), (2, None, None)]

    run(body())


def test_an_async_progress_callback_has_had_every_report_in_order(connect: Connect) -> None:
    async def body() -> None:
        async with connect() as client:
            seen: list[float] = []

            async def slow(progress: float, total: float | None, message: str | None) -> None:
                # The earlier ones take longer.
                await asyncio.sleep(0.01 / progress)
                seen.append(progress)

            await client.call_tool("count", {"n": 5}, progress=slow)
            assert seen == [1, 2, 3, 4, 5]

    run(body())


def test_a_progress_callback_that_raises_is_logged_and_harms_nothing(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    def bad(progress: float, total: float | None, message: str | None) -> None:
        raise ValueError("from the callback")

    async def bad_async(progress: float, total: float | None, message: str | None) -> None:
        raise ValueError("from the callback")

    async def body() -> None:
        async with connect() as client:
            for callback in (bad, bad_async):
                caplog.clear()
                assert (await client.call_tool("count", {"n": 2}, progress=callback)).text == "counted to 2"
                assert [record.message for record in caplog.records] == ["the progress callback raised"] * 2

    with caplog.at_level(logging.ERROR, "oxmcp"):
        run(body())


@pytest.mark.parametrize("tool", ["wait", "wait_in_thread"])
def test_a_silent_tool_times_out_and_is_cancelled(connect: Connect, tool: str) -> None:
    async def body() -> None:
        name = uuid.uuid4().hex
        async with connect() as client:
            assert isinstance(await timed_out(client, tool, name), builtins.TimeoutError)
            await until_cancelled(client, name)

    run(body())


@pytest.mark.parametrize("tool", ["wait", "wait_in_thread"])
def test_cancelling_the_task_cancels_the_tool(connect: Connect, tool: str) -> None:
    async def body() -> None:
        name = uuid.uuid4().hex
        async with connect() as client:
            task = await begun(client, tool, name=name)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until_cancelled(client, name)
            assert (await client.call_tool("add", {"a": 1})).text == "2"

    run(body())


def test_many_calls_at_once(connect: Connect) -> None:
    async def body() -> None:
        async with connect() as client:
            calls = [client.call_tool("echo", {"text": str(n)}) for n in range(500)]
            assert [result.text for result in await asyncio.gather(*calls)] == [str(n) for n in range(500)]
            calls = [client.call_tool("add", {"a": n, "b": n}) for n in range(200)]
            assert [result.text for result in await asyncio.gather(*calls)] == [str(2 * n) for n in range(200)]

    run(body())


def test_large_results_arrive_and_larger_ones_are_refused(connect: Connect) -> None:
    async def body() -> None:
        async with connect() as client:
            assert len((await client.call_tool("blob", {"size": 1 << 22})).text) == 1 << 22
        async with connect(max_message_bytes=1 << 20) as client:
            with pytest.raises(oxmcp.TooLargeError):
                await client.call_tool("blob", {"size": 1 << 21})

    run(body())


def test_a_tool_knows_its_call(connect: Connect, revision: str, transport: str) -> None:
    async def body() -> None:
        async with connect(client_info={"name": "tester", "version": "9"}) as client:
            facts = (await client.call_tool("facts")).structured_content
            assert facts["revision"] == revision
            assert facts["client"] == "tester"
            assert facts["thread"] is True
            assert facts["cancelled"] is False

    run(body())


def test_arguments_without_a_json_form_are_misuse(connect: Connect) -> None:
    async def body() -> None:
        async with connect() as client:
            with pytest.raises(oxmcp.MisuseError, match="the arguments of \"echo\" cannot be written as JSON"):
                await client.call_tool("echo", {"text": object()})
            with pytest.raises(oxmcp.MisuseError, match="zero or more, not -1"):
                await client.call_tool("echo", {"text": ""}, timeout=-1)
            # Values that have one are written.
            assert (await client.call_tool("sum_up", {"numbers": {1}}, into=Sum)).total == 1

    run(body())


def test_a_closed_client_says_so(connect: Connect) -> None:
    async def body() -> None:
        async with connect() as client:
            waiting = await begun(client, "wait")
            await client.close()
            with pytest.raises(oxmcp.ClosedError):
                await waiting
            with pytest.raises(oxmcp.MisuseError, match="was closed"):
                await client.call_tool("add", {"a": 1})
            await client.close()
            assert client.server_info.name == "everything"

    run(body())


def test_a_client_can_connect_again(connect: Connect) -> None:
    async def body() -> None:
        async with connect() as client:
            with pytest.raises(oxmcp.MisuseError, match="connected already"):
                await client.connect()
            await client.close()
            async with client:
                assert (await client.call_tool("add", {"a": 1})).text == "2"

    run(body())


def test_the_newest_revision_is_negotiated(transport: str) -> None:
    from conftest import connected

    async def body() -> None:
        async with connected(transport) as client:
            assert client.protocol_version == "2026-07-28"
            assert (await client.call_tool("add", {"a": 1})).text == "2"

    run(body())


@pytest.mark.parametrize("old", ["2024-11-05", "2025-03-26", "2025-06-18"])
def test_older_revisions_are_spoken(transport: str, old: str) -> None:
    from conftest import connected

    async def body() -> None:
        async with connected(transport, protocol_version=old) as client:
            assert client.protocol_version == old
            assert (await client.call_tool("add", {"a": 1})).text == "2"

    run(body())
