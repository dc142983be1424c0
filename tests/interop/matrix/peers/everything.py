"""What the Python servers of the matrix have in common: what they offer, and how they are started."""

from __future__ import annotations

import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

NOTE, BLOB, TEMPLATE = "test://note", "test://blob", "test://item/{id}"


def schema(**properties: str) -> dict[str, Any]:
    members = {name: {"type": kind} for name, kind in properties.items()}
    return {"type": "object", "properties": members, "required": list(members)}


# The tools, with what they take.
TOOLS = {
    "add": schema(a="integer", b="integer"),
    "fail": schema(),
    "ask_model": schema(),
    "ask_user": schema(message="string"),
    "show_roots": schema(),
    "log": schema(),
    "count": schema(to="integer"),
    "wait": schema(),
    "waits": schema(),
    "touch": schema(),
}

# What `ask_user` asks for.
NAME = schema(name="string")

begun = cancelled = 0


async def wait(report: Callable[[], Awaitable[None]]) -> None:
    """Waits for ever, once it has reported that it does."""
    global begun, cancelled
    begun += 1
    try:
        await report()
        await anyio.sleep_forever()
    except anyio.get_cancelled_exc_class():
        cancelled += 1
        raise


def waits() -> str:
    return f"{begun} begun, {cancelled} cancelled"


def read(uri: str) -> str | bytes:
    """What a resource holds."""
    if uri == NOTE:
        return "a note"
    return b"\x01\x02\x03" if uri == BLOB else f"item {uri.removeprefix('test://item/')}"


def greeting(name: str) -> str:
    """What the prompt says."""
    return f"Hello, {name}!"


def fitting(kind: str, value: str) -> list[str]:
    """How a value can be completed, for a reference of a kind."""
    values = ["Ada", "Alan", "Bo"] if kind == "ref/prompt" else ["1", "10", "2"]
    return [it for it in values if it.startswith(value)]


def start(stdio: Callable[[], None], app: Callable[[], Any], path: str = "/mcp") -> None:
    """Serves what the command line asks for: its own streams, or an app over HTTP, whose URL it prints when it listens."""
    if sys.argv[1] == "stdio":
        return stdio()
    import uvicorn

    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(f"http://127.0.0.1:{listening.getsockname()[1]}{path}", flush=True)
        uvicorn.Server(uvicorn.Config(app(), log_level="warning")).run(sockets=[listening])
