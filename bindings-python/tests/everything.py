"""A server with a tool of every kind. Run as `python everything.py [http PORT]`."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

from oxmcp import Context, Image, Server, TextContent, ToolError, ToolResult

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="default")

# Names of the waiting calls that have begun, and of those that saw their cancellation.
begun: set[str] = set()
cancelled: set[str] = set()


@dataclass
class Sum:
    total: int
    of: list[int]


def make() -> Server:
    """The server; each is independent."""
    server = Server("everything", version="1.2.3", instructions="Use the tools.", page_size=5)

    @server.tool(title="Adder", annotations={"readOnlyHint": True})
    def add(a: int, b: int = 1) -> int:
        "Add two numbers."
        return a + b

    @server.tool
    async def echo(text: str) -> str:
        return text

    @server.tool
    def sum_up(numbers: list[int]) -> Sum:
        return Sum(sum(numbers), numbers)

    @server.tool
    async def count(n: int, ctx: Context) -> str:
        for i in range(n):
            await ctx.report_progress(i + 1, n, f"step {i + 1}")
        return f"counted to {n}"

    @server.tool
    def count_in_thread(n: int, ctx: Context) -> str:
        for i in range(n):
            ctx.report_progress(i + 1)
        return f"counted to {n}"

    # The tools that wait report progress when they have begun.
    @server.tool
    async def wait(seconds: float, ctx: Context, name: str = "wait") -> str:
        begun.add(name)
        ctx.report_progress(1)
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            cancelled.add(name)
            raise
        return "waited"

    @server.tool
    def wait_in_thread(seconds: float, ctx: Context, name: str = "wait_in_thread") -> str:
        begun.add(name)
        ctx.report_progress(1)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if ctx.cancelled:
                cancelled.add(name)
                return "cancelled"
            time.sleep(0.005)
        return "waited"

    @server.tool
    def never_end(ctx: Context) -> None:
        ctx.report_progress(1)
        threading.Event().wait()

    @server.tool
    def has_begun(name: str) -> bool:
        return name in begun

    @server.tool
    def was_cancelled(name: str) -> bool:
        return name in cancelled

    @server.tool
    def fail(how: str) -> str:
        if how == "tool":
            raise ToolError("the tool says no")
        if how == "value":
            raise ValueError("bad value")
        if how == "empty":
            raise KeyError()
        if how == "key":
            raise KeyError("missing")
        if how == "exit":
            raise SystemExit(3)
        raise AssertionError(how)

    @server.tool
    async def fail_async(how: str) -> str:
        return fail(how)

    @server.tool
    def picture() -> list[Any]:
        return ["a picture:", Image(data=b"\x89PNG", format="png"), TextContent("end")]

    @server.tool
    def full() -> ToolResult:
        return ToolResult("full", structured_content={"a": 1}, meta={"m": 2})

    @server.tool
    def unwritable() -> Any:
        return object()

    @server.tool
    async def facts(ctx: Context) -> dict[str, Any]:
        info = ctx.client_info
        return {
            "revision": ctx.protocol_version,
            "client": None if info is None else info.name,
            "id": type(ctx.request_id).__name__,
            "thread": threading.current_thread() is threading.main_thread(),
            "cancelled": ctx.cancelled,
        }

    @server.tool
    async def blob(size: int) -> str:
        return "x" * size

    @server.tool
    async def context_async() -> str:
        return variable.get()

    @server.tool
    def context_in_thread() -> str:
        return variable.get()

    return server


if __name__ == "__main__":
    if sys.argv[1:2] == ["http"]:
        make().run("http", port=int(sys.argv[2]))
    else:
        make().run()
