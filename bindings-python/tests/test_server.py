"""Servers: running, stopping, and what tools see."""

from __future__ import annotations

import asyncio
import contextvars
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from typing import Any

import everything
import pytest
from conftest import EVERYTHING, Connect, begun, until

import oxmcp
from oxmcp import Client, Context, Server


def run(body: Any) -> Any:
    return asyncio.run(asyncio.wait_for(body, 100))


def initialize(id: int = 1) -> bytes:
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}
    return json.dumps({"jsonrpc": "2.0", "id": id, "method": "initialize", "params": params}).encode() + b"\n"


def test_the_decorator_returns_the_function() -> None:
    server = Server("s")

    @server.tool
    def plain(a: int) -> int:
        return a + 1

    @server.tool(name="named", description="Other.")
    def other(a: int) -> int:
        return a + 2

    assert (plain(1), other(1)) == (2, 3)
    assert repr(server) == "Server('s', tools=['plain', 'named'])"
    with pytest.raises(TypeError, match="unexpected keyword argument 'descripton'"):
        server.tool(descripton="typo")(plain)  # type: ignore[call-overload]


def test_hints_may_name_classes_of_the_function_that_decorates() -> None:
    from dataclasses import dataclass

    @dataclass
    class Local:
        a: int

    server = Server("s")

    @server.tool
    def direct(value: Local) -> int:
        return value.a

    @server.tool(name="called")
    def by_call(value: Local) -> Local:
        return value

    server.add_tool(direct, name="added")

    async def body() -> None:
        async with Client(server) as client:
            for name in ("direct", "called", "added"):
                assert not (await client.call_tool(name, {"value": {"a": 1}})).is_error

    run(body())


def test_what_the_core_refuses_is_misuse() -> None:
    with pytest.raises(oxmcp.MisuseError):
        Server("s", page_size=-1)
    server = Server("s")
    with pytest.raises(oxmcp.MisuseError):
        server.tool(input_schema={"type": "strong"})(len)
    assert repr(server) == "Server('s', tools=[])"


def test_tools_come_and_go_while_clients_are_connected() -> None:
    async def body() -> None:
        server = everything.make()
        async with Client(server) as client:
            server.add_tool(lambda: "new", name="add")
            assert (await client.call_tool("add")).text == "new"
            assert server.remove_tool("add")
            assert not server.remove_tool("add")
            with pytest.raises(oxmcp.RpcError):
                await client.call_tool("add")
            assert "add" not in [tool.name for tool in await client.list_tools()]

    run(body())


def test_a_call_in_flight_outlives_its_tool() -> None:
    async def body() -> None:
        server = Server("s")
        called, released = asyncio.Event(), asyncio.Event()

        @server.tool
        async def wait() -> str:
            called.set()
            await released.wait()
            return "waited"

        async with Client(server) as client:
            call = asyncio.create_task(client.call_tool("wait"))
            await called.wait()
            assert server.remove_tool("wait")
            released.set()
            assert (await call).text == "waited"

    run(body())


def test_context_variables_reach_tools() -> None:
    async def body() -> None:
        everything.variable.set("from outside")
        async with Client(everything.make()) as client:
            for tool in ("context_async", "context_in_thread"):
                assert (await client.call_tool(tool)).text == "from outside"

    contextvars.copy_context().run(run, body())


def test_sync_tools_run_in_threads_of_their_own() -> None:
    server = Server("s", max_threads=8)
    barrier = threading.Barrier(8, timeout=100)
    threads: set[threading.Thread] = set()

    @server.tool
    def together() -> str:
        barrier.wait()
        threads.add(threading.current_thread())
        return threading.current_thread().name

    async def body() -> None:
        async with Client(server) as client:
            for _ in range(3):
                names = {r.text for r in await asyncio.gather(*(client.call_tool("together") for _ in range(8)))}
                assert len(names) == 8
            assert len(threads) == 8
            assert threading.main_thread() not in threads

    run(body())


def test_more_sync_calls_than_threads_wait_their_turn() -> None:
    server = Server("s", max_threads=2)
    running: list[int] = []
    most: list[int] = []

    @server.tool
    def busy() -> str:
        running.append(1)
        most.append(len(running))
        time.sleep(0.01)
        running.pop()
        return "done"

    async def body() -> None:
        async with Client(server) as client:
            results = await asyncio.gather(*(client.call_tool("busy") for _ in range(20)))
            assert {result.text for result in results} == {"done"}
            assert max(most) <= 2

    run(body())


def test_a_plain_function_may_return_an_awaitable() -> None:
    server = Server("s")

    async def inner(a: int) -> int:
        await asyncio.sleep(0)
        if a == 0:
            raise ValueError("zero")
        return a + 1

    @server.tool
    def outer(a: int) -> int:
        return inner(a)  # type: ignore[return-value]

    async def body() -> None:
        async with Client(server) as client:
            assert await client.call_tool("outer", {"a": 1}, into=int) == 2
            assert (await client.call_tool("outer", {"a": 0})).text == "zero"

    run(body())


def test_facts_are_gone_when_the_call_is_over() -> None:
    server = Server("s")
    kept: list[Context] = []

    @server.tool
    def keep(ctx: Context) -> str:
        kept.append(ctx)
        return "kept"

    async def body() -> None:
        async with Client(server) as client:
            await client.call_tool("keep")
            with pytest.raises(oxmcp.MisuseError, match="the call is over"):
                kept[0].request_id
            kept[0].report_progress(1)

    run(body())


def test_listening_ends_with_the_context_and_can_begin_again() -> None:
    async def body() -> None:
        server = everything.make()
        for _ in range(2):
            async with server.listen() as address:
                assert address.url == f"http://127.0.0.1:{address.port}/mcp"
                async with Client(address.url) as client:
                    assert (await client.call_tool("add", {"a": 1})).text == "2"
            with pytest.raises(oxmcp.ConnectError):
                await Client(address.url).connect()

    run(body())


def test_leaving_while_calls_are_in_flight_settles_them() -> None:
    async def body() -> None:
        server = everything.make()
        async with server.listen() as address:
            client = Client(address.url)
            await client.connect()
            calls = [await begun(client, tool) for tool in ("wait", "wait_in_thread")]
        for call in calls:
            with pytest.raises(oxmcp.McpError) as raised:
                await call
            assert not isinstance(raised.value, oxmcp.TimeoutError)
        await client.close()

    run(body())


def test_an_address_that_cannot_be_listened_on_is_an_error() -> None:
    async def body() -> None:
        server = everything.make()
        async with server.listen() as address:
            other = everything.make()
            with pytest.raises(oxmcp.McpError):
                async with other.listen(port=address.port):
                    pass
            with pytest.raises(oxmcp.MisuseError):
                async with other.listen(host="0.0.0.0"):
                    pass

    run(body())


def test_a_call_cancelled_before_it_began_is_forgotten() -> None:
    async def body() -> None:
        server = everything.make()
        async with Client(server) as client:
            dispatcher = server._core.dispatcher
            assert dispatcher is not None
            for _ in range(100):
                call = asyncio.create_task(client.call_tool("wait", {"seconds": 600}))
                await asyncio.sleep(0)
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
            # In order: when this is answered, the server has heard of all of them.
            await client.call_tool("echo", {"text": "x"})
            while dispatcher._tasks or dispatcher._contexts:
                await asyncio.sleep(0.01)

    run(body())


def test_a_sync_tool_may_need_the_loop_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oxmcp.server._GRACE", 100.0)
    server = Server("s")
    ended: list[str] = []

    async def note() -> None:
        ended.append("ended")

    async def body() -> None:
        loop = asyncio.get_running_loop()

        @server.tool
        def stubborn(ctx: Context) -> str:
            ctx.report_progress(1)
            while not ctx.cancelled:
                time.sleep(0.005)
            asyncio.run_coroutine_threadsafe(note(), loop).result()
            return ""

        async with server.listen() as address:
            client = Client(address.url)
            await client.connect()
            begun = asyncio.Event()
            call = asyncio.create_task(client.call_tool("stubborn", progress=lambda *_: begun.set()))
            await begun.wait()
        assert ended == ["ended"]
        with pytest.raises(oxmcp.McpError):
            await call
        await client.close()

    run(body())


def test_run_refuses_a_running_loop() -> None:
    async def body() -> None:
        before = sys.stdout
        with pytest.raises(oxmcp.MisuseError, match="run_async"):
            everything.make().run()
        assert sys.stdout is before

    run(body())


def test_run_refuses_what_it_does_not_know() -> None:
    with pytest.raises(oxmcp.MisuseError, match='the transports are "stdio" and "http"'):
        everything.make().run("carrier-pigeon")  # type: ignore[call-overload]
    with pytest.raises(oxmcp.MisuseError, match="stdio takes no options, not port"):
        everything.make().run("stdio", port=1)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="prot"):
        everything.make().run("http", prot=1)  # type: ignore[call-overload]


def test_close_ends_run(capsys: pytest.CaptureFixture[str]) -> None:
    server = everything.make()
    running = threading.Thread(target=server.run, args=("http",), kwargs={"port": 0}, daemon=True)
    running.start()
    until(lambda: "serving" in capsys.readouterr().err, lambda: "it does not serve")
    server.close()
    running.join(100)
    assert not running.is_alive()


def test_a_stdio_server_ends_when_its_input_does() -> None:
    for tool in ("wait", "wait_in_thread"):
        with subprocess.Popen(
            [sys.executable, EVERYTHING], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(initialize())
            process.stdin.flush()
            assert b'"result"' in process.stdout.readline()
            call = {"name": tool, "arguments": {"seconds": 600}, "_meta": {"progressToken": "begun"}}
            messages = [
                {"jsonrpc": "2.0", "method": "notifications/initialized"},
                {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call},
            ]
            process.stdin.write(b"".join(json.dumps(message).encode() + b"\n" for message in messages))
            process.stdin.flush()
            assert b"notifications/progress" in process.stdout.readline()
            process.stdin.close()
            assert process.wait(100) == 0


def test_what_tools_print_does_not_reach_the_peer(tmp_path: pathlib.Path) -> None:
    program = tmp_path / "printing.py"
    program.write_text(
        """
import os, sys
from oxmcp import Server
server = Server("printing")
print("before serving")

@server.tool
def shout() -> str:
    print("from print")
    sys.stdout.write("unfinished")
    os.system("echo from a child")
    return "done"

server.run()
"""
    )

    async def body() -> None:
        async with Client([sys.executable, str(program)], stderr="null") as client:
            assert (await client.call_tool("shout")).text == "done"

    run(body())
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        [sys.executable, program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=buffered,
    ) as process:
        messages = [
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
            {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "shout", "arguments": {}}},
        ]
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(initialize() + b"".join(json.dumps(m).encode() + b"\n" for m in messages))
        process.stdin.flush()
        lines = [process.stdout.readline() for _ in range(2)]
        process.stdin.close()
        lines += process.stdout.readlines()
        assert process.stderr is not None
        errors = process.stderr.read().decode()
    assert [json.loads(line)["id"] for line in lines] == [1, 2]
    for printed in ("before serving", "from print", "unfinished", "from a child"):
        assert printed in errors


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_an_http_server(how: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, EVERYTHING, "http", "0"], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("everything: serving http://127.0.0.1:")
        url = line.split()[2]
        request = urllib.request.Request(
            url, initialize(), {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        )
        with urllib.request.urlopen(request, timeout=100) as response:
            assert response.status == 200
        os.kill(process.pid, how)
        code = process.wait(100)
        assert code == (0 if how == signal.SIGINT else -signal.SIGTERM)
        assert process.stderr.read() == ""


@pytest.mark.parametrize("tool", [None, "wait", "wait_in_thread", "never_end"])
def test_keyboard_interrupt_ends_a_stdio_server(tool: str | None) -> None:
    with subprocess.Popen(
        [sys.executable, EVERYTHING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(initialize())
        process.stdin.flush()
        process.stdout.readline()
        if tool is not None:
            arguments = {} if tool == "never_end" else {"seconds": 600}
            call = {"name": tool, "arguments": arguments, "_meta": {"progressToken": "begun"}}
            message = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call}
            process.stdin.write(json.dumps(message).encode() + b"\n")
            process.stdin.flush()
            assert b"notifications/progress" in process.stdout.readline()
        os.kill(process.pid, signal.SIGINT)
        assert process.stderr.read() == b""
        assert process.wait(100) == 0


def test_errors_of_tools_are_logged_with_their_traceback(
    connect: Connect, caplog: pytest.LogCaptureFixture, transport: str
) -> None:
    if transport == "stdio":  # logged in the other process
        return

    async def body() -> None:
        async with connect() as client:
            await client.call_tool("fail", {"how": "value"})
            await client.call_tool("fail", {"how": "tool"})

    run(body())
    assert [record.message for record in caplog.records] == ["the tool fail raised"]
    assert caplog.records[0].exc_info is not None
    assert "bad value" in str(caplog.records[0].exc_info[1])
