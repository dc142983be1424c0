"""The official SDK in an environment of its own, and programs that use it."""

from __future__ import annotations

import pathlib
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[2]


@pytest.fixture(scope="session")
def official_python() -> str:
    """The Python of the peer of the matrix that has the official SDK."""
    return str(ROOT / ".build" / "interop" / "mcp-2" / "bin" / "python")


@pytest.fixture
def serve() -> Iterator[Callable[[list[str]], str]]:
    """Starts a server's command and gives the URL that it prints when it listens."""
    running: list[subprocess.Popen[str]] = []

    def start(command: list[str]) -> str:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url, "the server ended before it listened"
        return url

    yield start
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def ours(module: str, *args: str) -> list[str]:
    """The command of a program beside this one that uses oxmcp."""
    return [sys.executable, str(HERE / module), *args]
