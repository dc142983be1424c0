"""A client that uses every feature. usage: client.py REVISION FEATURE[,FEATURE...] URL | COMMAND [ARGS...]"""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from typing import Any

import anyio
import mcp.types as types
from driver import ROOTS, Heard, drive, echo, fill_in, until_cancelled
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from pydantic import AnyUrl

NOTE = AnyUrl("test://note")

logs, updates = Heard(), Heard()


async def sample(context, params) -> types.CreateMessageResult:
    text = types.TextContent(type="text", text=echo(params.messages[-1].content.text))
    return types.CreateMessageResult(role="assistant", content=text, model="test-model")


async def elicit(context, params) -> types.ElicitResult:
    answer = fill_in(params.message)
    return types.ElicitResult(action="accept" if answer else "decline", content=answer)


async def roots(context) -> types.ListRootsResult:
    return types.ListRootsResult(roots=[types.Root(uri=uri) for uri in ROOTS])


async def log(params) -> None:
    logs.tell([params.level, params.logger, params.data])


async def hear(message) -> None:
    if isinstance(message, types.ServerNotification) and isinstance(message.root, types.ResourceUpdatedNotification):
        updates.tell(str(message.root.params.uri))


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
            "templates": [it.uriTemplate for it in (await self.session.list_resource_templates()).resourceTemplates],
            "note": [it.text for it in await read("test://note")],
            "blob": [it.blob for it in await read("test://blob")],
            "item": [it.text for it in await read("test://item/7")],
        }

    async def prompts(self) -> Any:
        prompt = await self.session.get_prompt("greet", {"name": "Ada"})
        return {
            "names": [it.name for it in (await self.session.list_prompts()).prompts],
            "messages": [message.content.text for message in prompt.messages],
        }

    async def completion(self) -> Any:
        prompt = types.PromptReference(type="ref/prompt", name="greet")
        template = types.ResourceTemplateReference(type="ref/resource", uri="test://item/{id}")
        names = await self.session.complete(prompt, {"name": "name", "value": "A"})
        ids = await self.session.complete(template, {"name": "id", "value": "1"})
        return {"names": names.completion.values, "ids": ids.completion.values}

    async def sampling(self) -> Any:
        return await self.call("ask_model")

    async def elicitation(self) -> Any:
        return [await self.call("ask_user", message=message) for message in ("Your name?", "Your password?")]

    async def roots(self) -> Any:
        return await self.call("show_roots")

    async def logging(self) -> Any:
        await self.session.set_logging_level("debug")
        await self.call("log")
        return [await logs.next(), await logs.next()]

    async def progress(self) -> Any:
        reports = []

        async def report(progress, total, message) -> None:
            reports.append([progress, total, message])

        result = await self.session.call_tool("count", {"to": 3}, progress_callback=report)
        return {"text": result.content[0].text, "reports": reports}

    async def cancellation(self) -> Any:
        begun = anyio.Event()

        async def report(*_) -> None:
            begun.set()

        async with anyio.create_task_group() as group:
            # The SDK has no call for it: what is cancelled is named by its id, and ids are counted.
            request = self.session._request_id
            group.start_soon(lambda: self.session.call_tool("wait", {}, progress_callback=report))
            await begun.wait()
            params = types.CancelledNotificationParams(requestId=request)
            await self.session.send_notification(types.ClientNotification(types.CancelledNotification(params=params)))
            said = await until_cancelled(lambda: self.call("waits"))
            group.cancel_scope.cancel()
        return said

    async def subscriptions(self) -> Any:
        await self.session.subscribe_resource(NOTE)
        await self.call("touch")
        updated = await updates.next()
        await self.session.unsubscribe_resource(NOTE)
        return updated


@asynccontextmanager
async def connected(target: str, args: list[str]):
    if target.startswith("http"):
        connecting = streamable_http_client(target)
    else:
        connecting = stdio_client(StdioServerParameters(command=target, args=args))
    async with connecting as (read, write, *_):
        async with ClientSession(
            read,
            write,
            sampling_callback=sample,
            elicitation_callback=elicit,
            list_roots_callback=roots,
            logging_callback=log,
            message_handler=hear,
        ) as session:
            yield session


async def main() -> None:
    _, features, target, *args = sys.argv[1:]
    async with connected(target, args) as session:
        agreed = await session.initialize()
        await drive(agreed.protocolVersion, Features(session), features.split(","))


anyio.run(main)
