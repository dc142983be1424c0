"""A server that offers every feature. usage: server.py stdio | sse; over HTTP+SSE it prints its URL when it listens."""

from __future__ import annotations

import socket
import sys
from typing import Any

import anyio
import mcp.types as types
import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.sse import SseServerTransport
from mcp.server.stdio import stdio_server
from pydantic import AnyUrl
from starlette.applications import Starlette
from starlette.routing import Mount, Route

NOTE = AnyUrl("test://note")



class SubscribableServer(Server):
    """Declares subscriptions, which the SDK never does by itself."""

    def get_capabilities(self, *args: Any) -> types.ServerCapabilities:
        capabilities = super().get_capabilities(*args)
        capabilities.resources.subscribe = True
        return capabilities


server = SubscribableServer("mcp-early")


def schema(**properties: str) -> dict[str, Any]:
    members = {name: {"type": kind} for name, kind in properties.items()}
    return {"type": "object", "properties": members, "required": list(members)}


TOOLS = {
    "add": schema(a="integer", b="integer"),
    "fail": schema(),
    "ask_model": schema(),
    "show_roots": schema(),
    "log": schema(),
    "count": schema(to="integer"),
    "touch": schema(),
}


@server.list_tools()
async def list_tools() -> list[types.Tool]:
    return [types.Tool(name=name, inputSchema=arguments) for name, arguments in TOOLS.items()]


@server.call_tool()
async def call_tool(name: str, arguments: dict[str, Any]) -> list[types.TextContent]:
    return [types.TextContent(type="text", text=await run(name, arguments))]


async def run(name: str, arguments: dict[str, Any]) -> str:
    session = server.request_context.session
    match name:
        case "add":
            return str(arguments["a"] + arguments["b"])
        case "fail":
            raise ValueError("it failed")
        case "ask_model":
            message = types.SamplingMessage(role="user", content=types.TextContent(type="text", text="Say something."))
            answer = await session.create_message([message], max_tokens=10)
            return f"the model said: {answer.content.text}"
        case "show_roots":
            return " ".join(str(root.uri) for root in (await session.list_roots()).roots)
        case "log":
            await session.send_log_message("debug", "once", "tale")
            await session.send_log_message("error", "the end", "tale")
            return "logged"
        case "count":
            for step in range(1, arguments["to"] + 1):
                await report(step, arguments["to"])
            return "counted"
        case "touch":
            await session.send_resource_updated(NOTE)
            return "touched"
    raise ValueError(f"there is no tool {name}")


async def report(progress: float, total: float) -> None:
    context = server.request_context
    if context.meta is not None and context.meta.progressToken is not None:
        await context.session.send_progress_notification(context.meta.progressToken, progress, total)


@server.list_resources()
async def list_resources() -> list[types.Resource]:
    return [types.Resource(uri=NOTE, name="note"), types.Resource(uri=AnyUrl("test://blob"), name="blob")]


@server.list_resource_templates()
async def list_templates() -> list[types.ResourceTemplate]:
    return [types.ResourceTemplate(uriTemplate="test://item/{id}", name="item")]


@server.read_resource()
async def read_resource(uri: AnyUrl) -> str | bytes:
    if uri == NOTE:
        return "a note"
    return b"\x01\x02\x03" if str(uri) == "test://blob" else f"item {str(uri).removeprefix('test://item/')}"


@server.subscribe_resource()
async def subscribe(uri: AnyUrl) -> None:
    pass


@server.unsubscribe_resource()
async def unsubscribe(uri: AnyUrl) -> None:
    pass


@server.list_prompts()
async def list_prompts() -> list[types.Prompt]:
    return [types.Prompt(name="greet", arguments=[types.PromptArgument(name="name", required=True)])]


@server.get_prompt()
async def get_prompt(name: str, arguments: dict[str, str] | None) -> types.GetPromptResult:
    content = types.TextContent(type="text", text=f"Hello, {(arguments or {})['name']}!")
    return types.GetPromptResult(messages=[types.PromptMessage(role="user", content=content)])


@server.completion()
async def complete(ref, argument) -> types.Completion:
    values = ["Ada", "Alan", "Bo"] if ref.type == "ref/prompt" else ["1", "10", "2"]
    return types.Completion(values=[value for value in values if value.startswith(argument.value)])


@server.set_logging_level()
async def set_level(level) -> None:
    pass


async def stdio() -> None:
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def sse() -> Starlette:
    transport = SseServerTransport("/messages/")

    class Endpoint:
        async def __call__(self, scope, receive, send) -> None:
            async with transport.connect_sse(scope, receive, send) as (read, write):
                await server.run(read, write, server.create_initialization_options())

    return Starlette(routes=[Route("/sse", Endpoint(), methods=["GET"]), Mount("/messages/", transport.handle_post_message)])


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        anyio.run(stdio)
    else:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            print(f"http://127.0.0.1:{listening.getsockname()[1]}/sse", flush=True)
            uvicorn.Server(uvicorn.Config(sse(), log_level="warning")).run(sockets=[listening])
