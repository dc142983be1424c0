"""A client that uses every feature. usage: client.py REVISION FEATURE[,FEATURE...] URL | COMMAND [ARGS...]"""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from typing import Any

import anyio
import mcp.types as types
from driver import ROOTS, Heard, drive
from mcp import ClientSession, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from pydantic import AnyUrl

NOTE = AnyUrl("test://note")

logs, updates, reports = Heard(), Heard(), Heard()


async def hear(session: ClientSession) -> None:
    """Takes what the server asks and tells; the SDK leaves all of it to its user."""
    async for message in session.incoming_messages:
        match getattr(message, "root", None) or getattr(getattr(message, "request", None), "root", None):
            case types.ListRootsRequest():
                listed = types.ListRootsResult(roots=[types.Root(uri=uri) for uri in ROOTS])
                await message.respond(types.ClientResult(listed))
            case types.LoggingMessageNotification(params=params):
                logs.tell([params.level, params.logger, params.data])
            case types.ResourceUpdatedNotification(params=params):
                updates.tell(str(params.uri))
            case types.ProgressNotification(params=params):
                reports.tell([params.progress, params.total])


class Features:
    def __init__(self, session: ClientSession) -> None:
        self.session = session

    async def call(self, tool: str, **arguments: Any) -> str:
        return (await self.session.call_tool(tool, arguments)).content[0].text

    async def tools(self) -> Any:
        failed = await self.session.call_tool("fail", {})
        return {
            "names": sorted(tool.name for tool in (await self.session.list_tools()).tools),
            "sum": await self.call("add", a=2, b=3),
            "failed": failed.isError and "it failed" in failed.content[0].text,
        }

    async def resources(self) -> Any:
        async def read(uri: str) -> list[Any]:
            return (await self.session.read_resource(AnyUrl(uri))).contents

        return {
            "uris": sorted(str(it.uri) for it in (await self.session.list_resources()).resources),
            "templates": [it.uriTemplate for it in (await self.templates()).resourceTemplates],
            "note": [it.text for it in await read("test://note")],
            "blob": [it.blob for it in await read("test://blob")],
            "item": [it.text for it in await read("test://item/7")],
        }

    async def templates(self) -> types.ListResourceTemplatesResult:
        # The SDK has no call for it.
        request = types.ListResourceTemplatesRequest(method="resources/templates/list")
        return await self.session.send_request(types.ClientRequest(request), types.ListResourceTemplatesResult)

    async def prompts(self) -> Any:
        prompt = await self.session.get_prompt("greet", {"name": "Ada"})
        return {
            "names": [it.name for it in (await self.session.list_prompts()).prompts],
            "messages": [message.content.text for message in prompt.messages],
        }

    async def completion(self) -> Any:
        prompt = types.PromptReference(type="ref/prompt", name="greet")
        template = types.ResourceReference(type="ref/resource", uri="test://item/{id}")
        names = await self.session.complete(prompt, {"name": "name", "value": "A"})
        ids = await self.session.complete(template, {"name": "id", "value": "1"})
        return {"names": names.completion.values, "ids": ids.completion.values}

    async def roots(self) -> Any:
        return await self.call("show_roots")

    async def logging(self) -> Any:
        await self.session.set_logging_level("debug")
        await self.call("log")
        return [await logs.next(), await logs.next()]

    async def progress(self) -> Any:
        text = await self.reporting("count", {"to": 3})
        return {"text": text, "reports": [await reports.next() for _ in range(3)]}

    async def reporting(self, tool: str, arguments: dict[str, Any]) -> str:
        """Calls a tool that is to report progress, for which the SDK has no call."""
        params = types.CallToolRequestParams(name=tool, arguments=arguments)
        params.meta = types.RequestParams.Meta(progressToken=tool)
        request = types.ClientRequest(types.CallToolRequest(method="tools/call", params=params))
        return (await self.session.send_request(request, types.CallToolResult)).content[0].text

    async def subscriptions(self) -> Any:
        await self.session.subscribe_resource(NOTE)
        await self.call("touch")
        updated = await updates.next()
        await self.session.unsubscribe_resource(NOTE)
        return updated


@asynccontextmanager
async def connected(target: str, args: list[str]):
    if target.startswith("http"):
        connecting = sse_client(target)
    else:
        connecting = stdio_client(StdioServerParameters(command=target, args=args))
    async with connecting as (read, write):
        async with ClientSession(read, write) as session, anyio.create_task_group() as group:
            group.start_soon(hear, session)
            yield session
            group.cancel_scope.cancel()


async def main() -> None:
    _, features, target, *args = sys.argv[1:]
    async with connected(target, args) as session:
        agreed = await session.initialize()
        await drive(agreed.protocolVersion, Features(session), features.split(","))


anyio.run(main)
