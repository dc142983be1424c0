"""The everything server over every transport, in both eras."""

from __future__ import annotations

import contextlib
import os
import pathlib
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import everything
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


def open_files() -> dict[str, str]:
    """The file descriptors of this process and what they are."""
    files = {}
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            files[fd] = os.readlink(f"/proc/self/fd/{fd}")
    return files


@pytest.fixture
def no_leaked_files() -> Iterator[None]:
    """Fails the test when it leaves file descriptors behind."""
    import gc
    import time

    gc.collect()
    before = open_files()
    yield
    for _ in range(100):
        gc.collect()
        after = open_files()
        # The runtime's own descriptors, made at first use, stay.
        left = {
            fd: what
            for fd, what in after.items()
            if fd not in before and not what.startswith("anon_inode:") and what != "/proc/self/fd"
        }
        if len(left) <= 2 or not _grew(before, left):
            return
        time.sleep(0.02)
    pytest.fail(f"left open: {left}")


def _grew(before: dict[str, str], left: dict[str, str]) -> bool:
    return bool(left)
