"""A server that offers every feature. usage: server.py stdio | http; over HTTP it prints its URL when it listens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import everything
import mcp_types as types
from everything import BLOB, NAME, NOTE, TEMPLATE, fitting, greeting, read, start
from fastmcp import Context, FastMCP
from fastmcp.exceptions import ToolError

server = FastMCP("fastmcp")


@dataclass
class Name:
    name: str


@server.tool
async def add(a: int, b: int) -> int:
    return a + b


@server.tool
async def fail() -> str:
    raise ToolError("it failed")


@server.tool
async def ask_model(ctx: Context) -> str | types.InputRequiredResult:
    message = types.SamplingMessage(role="user", content=types.TextContent(type="text", text="Say something."))
    if modern(ctx):
        params = types.CreateMessageRequestParams(messages=[message], max_tokens=10)
        answer = given(ctx)
        if answer is None:
            return needs(types.CreateMessageRequest(params=params))
    else:
        answer = await ctx.session.create_message([message], max_tokens=10, related_request_id=ctx.request_id)
    return f"the model said: {answer.content.text}"


@server.tool
async def ask_user(message: str, ctx: Context) -> str | types.InputRequiredResult:
    if not modern(ctx):
        answer = await ctx.elicit(message, Name)
        return f"accept {answer.data.name}" if answer.action == "accept" else answer.action
    answer = given(ctx)
    if answer is None:
        form = types.ElicitRequestFormParams(message=message, requested_schema=NAME)
        return needs(types.ElicitRequest(params=form))
    return f"accept {answer.content['name']}" if answer.action == "accept" else answer.action


@server.tool
async def show_roots(ctx: Context) -> str | types.InputRequiredResult:
    answer = given(ctx) if modern(ctx) else await ctx.session.list_roots()
    if answer is None:
        return needs(types.ListRootsRequest())
    return " ".join(str(root.uri) for root in answer.roots)


def modern(ctx: Context) -> bool:
    """Whether there is no session, and questions are asked with an answer that needs input."""
    return ctx.session.protocol_version >= "2026-07-28"


def given(ctx: Context) -> Any:
    return (ctx.input_responses or {}).get("question")


def needs(question: Any) -> types.InputRequiredResult:
    return types.InputRequiredResult(input_requests={"question": question})


@server.tool
async def log(ctx: Context) -> str:
    await ctx.log("once", level="debug", logger_name="tale")
    await ctx.log("the end", level="error", logger_name="tale")
    return "logged"


@server.tool
async def count(to: int, ctx: Context) -> str:
    for step in range(1, to + 1):
        await ctx.report_progress(step, to, f"step {step}")
    return "counted"


@server.tool
async def wait(ctx: Context) -> None:
    await everything.wait(lambda: ctx.report_progress(1))


@server.tool
async def waits() -> str:
    return everything.waits()


@server.resource(NOTE)
async def note() -> str:
    return read(NOTE)


@server.resource(BLOB)
async def blob() -> bytes:
    return read(BLOB)


@server.resource(TEMPLATE)
async def item(id: str) -> str:
    return read(f"test://item/{id}")


@server.prompt
async def greet(name: str) -> str:
    return greeting(name)


@server.completion
async def complete(reference, argument, context) -> list[str]:
    return fitting(reference.type, argument.value)


if __name__ == "__main__":
    start(lambda: server.run("stdio", show_banner=False, log_level="WARNING"), server.http_app)
