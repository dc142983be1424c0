"""The everything server over every transport, in both eras."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import pathlib
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import everything
import oxmcp
from oxmcp import Client

EVERYTHING = pathlib.Path(__file__).parent / "everything.py"

TRANSPORTS = ["memory", "stdio", "http"]
REVISIONS = ["2025-11-25", "2026-07-28"]

Connect = Callable[..., AbstractAsyncContextManager[Client]]


@contextlib.asynccontextmanager
async def connected(transport: str, **options: Any) -> AsyncIterator[Client]:
    """A client of an everything server of its own."""
    if transport == "stdio":
        async with Client([sys.executable, str(EVERYTHING)], **options) as client:
            yield client
    elif transport == "memory":
        async with Client(everything.make(), **options) as client:
            yield client
    else:
        async with everything.make().listen() as address, Client(address.url, **options) as client:
            yield client


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=REVISIONS)
def revision(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def connect(transport: str, revision: str) -> Connect:
    """Connects to an everything server: every transport in both eras."""
    return lambda **options: connected(transport, protocol_version=revision, **options)


async def begun(client: Client, tool: str, **arguments: Any) -> asyncio.Task[Any]:
    """A call of one of the tools that wait, in a task; its tool has begun."""
    event = asyncio.Event()
    call = client.call_tool(tool, {"seconds": 600, **arguments}, progress=lambda *_: event.set())
    task = asyncio.create_task(call)
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    assert not task.done(), task
    return task


async def until_cancelled(client: Client, name: str) -> None:
    """Waits until the tool called with this name has seen its cancellation."""
    while not await client.call_tool("was_cancelled", {"name": name}, into=bool):
        await asyncio.sleep(0.01)


async def timed_out(client: Client, tool: str, name: str) -> oxmcp.TimeoutError:
    """Calls one of the tools that wait until a call times out whose tool had begun; returns the error."""
    timeout = 0.1
    while True:
        with pytest.raises(oxmcp.TimeoutError) as raised:
            await client.call_tool(tool, {"seconds": 600, "name": name}, timeout=timeout)
        if await client.call_tool("has_begun", {"name": name}, into=bool):
            return raised.value
        timeout *= 2


def open_files() -> dict[str, str]:
    """The file descriptors of this process and what they are."""
    files = {}
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            files[fd] = os.readlink(f"/proc/self/fd/{fd}")
    return files


def children() -> list[int]:
    """The processes this one has started and that still are there."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                stat = pathlib.Path(f"/proc/{entry}/stat").read_text()
                if int(stat.rpartition(")")[2].split()[1]) == os.getpid():
                    found.append(int(entry))
    return found


def servers() -> list[int]:
    """The server processes among them. Each has a guardian beside it, a shell."""
    found = []
    for child in children():
        with contextlib.suppress(OSError):
            if not pathlib.Path(f"/proc/{child}/cmdline").read_bytes().startswith(b"/bin/sh\0"):
                found.append(child)
    return found


def until(condition: Callable[[], object], otherwise: Callable[[], str]) -> None:
    """Waits until a condition holds; fails the test, saying `otherwise`, when it does not within a minute."""
    end = time.monotonic() + 60
    while not condition():
        if time.monotonic() > end:
            pytest.fail(otherwise())
        time.sleep(0.02)


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Fails the test when it leaves file descriptors or child processes behind."""
    warm_up()
    gc.collect()
    before = open_files()
    yield

    def left() -> dict[str, str]:
        gc.collect()
        # Listing the descriptors opens one.
        return {fd: what for fd, what in open_files().items() if fd not in before and not what.startswith("/proc/")}

    until(lambda: not left() and not children(), lambda: f"left open: {left()}; left running: {children()}")


def warm_up() -> None:
    """Has the runtime open what it keeps for the life of the process."""
    asyncio.run(_one_of_each())


async def _one_of_each() -> None:
    for transport in TRANSPORTS:
        async with connected(transport) as client:
            await client.ping()
