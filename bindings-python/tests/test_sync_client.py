"""The synchronous client."""

from __future__ import annotations

import asyncio
import os
import pathlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import everything
import pytest
from conftest import EVERYTHING

import oxmcp
from oxmcp import SyncClient


@pytest.fixture(params=["memory", "stdio"])
def client(request: pytest.FixtureRequest, revision: str) -> Iterator[SyncClient]:
    target: Any = everything.make() if request.param == "memory" else [sys.executable, EVERYTHING]
    with SyncClient(target, protocol_version=revision) as client:
        yield client


def test_it_does_what_the_async_client_does(client: SyncClient, revision: str) -> None:
    assert client.protocol_version == revision
    assert client.server_info.name == "everything"
    client.ping()
    assert client.list_tools() == list(client.tools())
    assert client.call_tool("add", {"a": 1, "b": 2}).text == "3"
    assert client.call_tool("add", {"a": 1, "b": 2}, into=int) == 3
    assert client.call_tool("fail", {"how": "tool"}).is_error
    with pytest.raises(oxmcp.ToolError):
        client.call_tool("fail", {"how": "tool"}, into=int)
    with pytest.raises(oxmcp.RpcError):
        client.call_tool("nothing")
    with pytest.raises(oxmcp.TimeoutError):
        client.call_tool("wait", {"seconds": 600}, timeout=0.1)
    client.close()
    client.close()
    with pytest.raises(oxmcp.MisuseError):
        client.ping()


def test_progress_is_reported_on_the_calling_thread(client: SyncClient) -> None:
    seen: list[float] = []
    threads = set()

    def progress(value: float, total: float | None, message: str | None) -> None:
        threads.add(threading.current_thread())
        seen.append(value)
        if value == 1:
            raise ValueError("logged, and no more")

    assert client.call_tool("count", {"n": 3}, progress=progress).text == "counted to 3"
    assert seen == [1, 2, 3]
    assert threads == {threading.current_thread()}


def test_a_progress_callback_may_call_tools(client: SyncClient) -> None:
    sums: list[int] = []

    def progress(value: float, total: float | None, message: str | None) -> None:
        sums.append(client.call_tool("add", {"a": int(value), "b": 10}, into=int))

    client.call_tool("count", {"n": 3}, progress=progress)
    assert sums == [11, 12, 13]


def test_an_async_progress_callback_is_misuse(client: SyncClient) -> None:
    async def progress(value: float, total: float | None, message: str | None) -> None:
        pass

    with pytest.raises(oxmcp.MisuseError, match="must be a plain function"):
        client.call_tool("count", {"n": 3}, progress=progress)
    assert client.call_tool("add", {"a": 1}).text == "2"


def test_many_threads_share_a_client(client: SyncClient) -> None:
    def work(thread: int) -> list[str]:
        return [client.call_tool("echo", {"text": f"{thread}.{n}"}).text for n in range(50)]

    with ThreadPoolExecutor(16) as pool:
        for thread, texts in enumerate(pool.map(work, range(16))):
            assert texts == [f"{thread}.{n}" for n in range(50)]


def test_other_threads_run_while_one_waits(client: SyncClient) -> None:
    begun = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(client.call_tool, "wait", {"seconds": 600}, progress=lambda *_: begun.set())
        begun.wait()
        assert client.call_tool("add", {"a": 1}).text == "2"
        assert not call.done()
        client.close()
        assert isinstance(call.exception(), oxmcp.ClosedError)


def test_it_works_inside_a_running_loop(client: SyncClient) -> None:
    async def body() -> str:
        return client.call_tool("add", {"a": 1}).text

    assert asyncio.run(body()) == "2"


def test_waiting_for_ones_own_loop_is_misuse() -> None:
    async def body() -> None:
        server = everything.make()
        async with server.listen() as address:
            with pytest.raises(oxmcp.MisuseError, match="would wait for itself"):
                SyncClient(server).connect()
            with SyncClient(address.url) as client:  # over HTTP the core answers by itself
                assert client.list_tools()
            inner = SyncClient(server)
            await asyncio.to_thread(inner.connect)
            assert (await asyncio.to_thread(inner.call_tool, "add", {"a": 1})).text == "2"
            await asyncio.to_thread(inner.close)

    asyncio.run(asyncio.wait_for(body(), 100))


def test_ctrl_c_interrupts_a_wait(tmp_path: pathlib.Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        f"""
import sys, time
sys.path.insert(0, {str(EVERYTHING.parent)!r})
import everything
from oxmcp import SyncClient
with SyncClient(everything.make()) as client:
    try:
        begun = lambda *_: print("begun", flush=True)
        client.call_tool("wait", {{"seconds": 600, "name": "ctrl-c"}}, progress=begun)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    while not client.call_tool("was_cancelled", {{"name": "ctrl-c"}}, into=bool):
        time.sleep(0.02)
    print("cancelled", flush=True)
"""
    )
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        os.kill(process.pid, signal.SIGINT)
        assert process.stdout.read() == "interrupted\ncancelled\n"
        assert process.wait(100) == 0
