"""What the Python clients of the matrix have in common: each feature in turn, and a line of JSON for it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
from everything import BLOB, NOTE, TEMPLATE

# How long a feature may take, in seconds. A peer that never answers is a failure of that feature alone.
PATIENCE = 30

ROOTS = ["file:///work/a", "file:///work/b"]


async def drive(revision: str, features: Features, names: list[str]) -> None:
    """Has each of the features that are named exercised and prints what was seen, or what went wrong."""
    say({"feature": "revision", "saw": revision})
    for name in names:
        exercise: Callable[[], Awaitable[Any]] = getattr(features, name)
        try:
            with anyio.fail_after(PATIENCE):
                say({"feature": name, "saw": await exercise()})
        except Exception as error:
            say({"feature": name, "error": repr(error)})


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


logs, updates = Heard(), Heard()


class Features:
    """What is done and seen of each feature. A class for each SDK says how its calls are made.

    Those are `call_tool(name, arguments, report)` and `get_prompt(name, arguments)`, which give the SDK's results; `list_tools()`,
    `list_resources()`, `list_prompts()` and `read(uri)`, which give lists of its objects; `list_templates()`, `complete_prompt(name,
    argument, value)` and `complete_template(template, argument, value)`, which give texts; `failed(result)`; and `set_level(level)`,
    `subscribe(uri)` and `unsubscribe(uri)`.
    """

    async def call(self, tool: str, **arguments: Any) -> str:
        return (await self.call_tool(tool, arguments)).content[0].text

    async def tools(self) -> Any:
        failed = await self.call_tool("fail", {})
        return {
            "names": sorted(tool.name for tool in await self.list_tools()),
            "sum": await self.call("add", a=2, b=3),
            "failed": self.failed(failed) and "it failed" in failed.content[0].text,
        }

    async def resources(self) -> Any:
        return {
            "uris": sorted(str(it.uri) for it in await self.list_resources()),
            "templates": await self.list_templates(),
            "note": [it.text for it in await self.read(NOTE)],
            "blob": [it.blob for it in await self.read(BLOB)],
            "item": [it.text for it in await self.read("test://item/7")],
        }

    async def prompts(self) -> Any:
        prompt = await self.get_prompt("greet", {"name": "Ada"})
        return {
            "names": [it.name for it in await self.list_prompts()],
            "messages": [message.content.text for message in prompt.messages],
        }

    async def completion(self) -> Any:
        return {
            "names": await self.complete_prompt("greet", "name", "A"),
            "ids": await self.complete_template(TEMPLATE, "id", "1"),
        }

    async def sampling(self) -> Any:
        return await self.call("ask_model")

    async def elicitation(self) -> Any:
        return [await self.call("ask_user", message=message) for message in ("Your name?", "Your password?")]

    async def roots(self) -> Any:
        return await self.call("show_roots")

    async def logging(self) -> Any:
        await self.set_level("debug")
        await self.call("log")
        return [await logs.next(), await logs.next()]

    async def progress(self) -> Any:
        reports = []

        async def report(progress: float, total: float | None, message: str | None) -> None:
            reports.append([progress, total, message])

        result = await self.call_tool("count", {"to": 3}, report)
        return {"text": result.content[0].text, "reports": reports}

    async def cancellation(self) -> Any:
        with anyio.CancelScope() as scope:

            async def cancel(*_: Any) -> None:
                scope.cancel()

            await self.call_tool("wait", {}, cancel)
        return await self.until_cancelled()

    async def until_cancelled(self) -> str:
        """What the server says of its calls of `wait`, once one was cancelled."""
        while (said := await self.call("waits")) != "1 begun, 1 cancelled":
            await anyio.sleep(0.02)
        return said

    async def subscriptions(self) -> Any:
        await self.subscribe(NOTE)
        await self.call("touch")
        updated = await updates.next()
        await self.unsubscribe(NOTE)
        return updated
