"""What the Python clients of the matrix have in common: each feature in turn, and a line of JSON for it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

# How long a feature may take, in seconds. A peer that never answers is a failure of that feature alone.
PATIENCE = 30

ROOTS = ["file:///work/a", "file:///work/b"]


async def drive(revision: str, client: Any, features: list[str]) -> None:
    """Calls the method of `client` that is named after each feature and prints what it saw, or what went wrong."""
    say({"feature": "revision", "saw": revision})
    for feature in features:
        exercise: Callable[[], Awaitable[Any]] = getattr(client, feature)
        try:
            with anyio.fail_after(PATIENCE):
                say({"feature": feature, "saw": await exercise()})
        except Exception as error:
            say({"feature": feature, "error": repr(error)})


def say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


def echo(text: str) -> str:
    """What the client's model answers."""
    return f"Echo: {text}"


def fill_in(message: str) -> dict[str, str] | None:
    """What the client's user answers; `None` when they decline."""
    return {"name": "Ada"} if message == "Your name?" else None


class Heard:
    """What a server told, in its order."""

    def __init__(self) -> None:
        self._send, self._receive = anyio.create_memory_object_stream[Any](100)

    def tell(self, what: Any) -> None:
        self._send.send_nowait(what)

    async def next(self) -> Any:
        return await self._receive.receive()


async def until_cancelled(waits: Callable[[], Awaitable[str]]) -> str:
    """What the server says of its calls of `wait`, once one was cancelled."""
    while (said := await waits()) != "1 begun, 1 cancelled":
        await anyio.sleep(0.02)
    return said
