"""A client that uses every feature. usage: client.py REVISION FEATURE[,FEATURE...] URL | COMMAND [ARGS...]"""

from __future__ import annotations

import sys
from typing import Any

import anyio
import driver
import mcp_types as types
from driver import ROOTS, drive, echo, fill_in, logs, updates
from everything import NOTE
from fastmcp import Client
from fastmcp.client.elicitation import ElicitResult
from fastmcp.client.messages import MessageHandler
from fastmcp.client.transports import StdioTransport, StreamableHttpTransport
from mcp.client.subscriptions import listen


async def sample(messages, params, context) -> str:
    return echo(messages[-1].content.text)


async def elicit(message, response_type, params, context) -> Any:
    return fill_in(message) or ElicitResult(action="decline")


async def log(message) -> None:
    logs.tell([message.level, message.logger, message.data])


class Listener(MessageHandler):
    async def on_resource_updated(self, message: types.ResourceUpdatedNotification) -> None:
        updates.tell(str(message.params.uri))


class Features(driver.Features):
    def __init__(self, client: Client) -> None:
        self.client = client
        self.modern = client.protocol_version >= "2026-07-28"

    async def call_tool(self, name: str, arguments: dict[str, Any], report: Any = None) -> Any:
        meta = {"io.modelcontextprotocol/logLevel": "debug"} if self.modern else None
        return await self.client.call_tool(
            name, arguments, progress_handler=report, raise_on_error=False, meta=meta
        )

    def failed(self, result: Any) -> bool:
        return result.is_error

    async def list_tools(self) -> list[Any]:
        return await self.client.list_tools()

    async def list_resources(self) -> list[Any]:
        return await self.client.list_resources()

    async def list_templates(self) -> list[str]:
        return [it.uri_template for it in await self.client.list_resource_templates()]

    async def read(self, uri: str) -> list[Any]:
        return await self.client.read_resource(uri)

    async def list_prompts(self) -> list[Any]:
        return await self.client.list_prompts()

    async def get_prompt(self, name: str, arguments: dict[str, str]) -> types.GetPromptResult:
        return await self.client.get_prompt(name, arguments)

    async def complete_prompt(self, name: str, argument: str, value: str) -> list[str]:
        return await self.complete(types.PromptReference(type="ref/prompt", name=name), argument, value)

    async def complete_template(self, template: str, argument: str, value: str) -> list[str]:
        return await self.complete(types.ResourceTemplateReference(type="ref/resource", uri=template), argument, value)

    async def complete(self, reference: Any, argument: str, value: str) -> list[str]:
        return (await self.client.complete(reference, {"name": argument, "value": value})).values

    async def set_level(self, level: str) -> None:
        if not self.modern:
            await self.client.set_logging_level(level)

    # The client has no calls of its own for subscriptions; its session is that of `mcp`.

    async def subscribe(self, uri: str) -> None:
        await self.client.session.subscribe_resource(uri)

    async def unsubscribe(self, uri: str) -> None:
        await self.client.session.unsubscribe_resource(uri)

    async def subscriptions(self) -> Any:
        if not self.modern:
            return await super().subscriptions()
        async with listen(self.client.session, resource_subscriptions=[NOTE]) as subscription:
            await self.call("touch")
            async for event in subscription:
                return event.uri


async def main() -> None:
    revision, features, target, *args = sys.argv[1:]
    if target.startswith("http"):
        transport = StreamableHttpTransport(target)
    else:
        transport = StdioTransport(target, args, keep_alive=False)
    connecting = Client(
        transport,
        mode=revision if revision >= "2026-07-28" else "legacy",
        roots=ROOTS,
        sampling_handler=sample,
        elicitation_handler=elicit,
        log_handler=log,
        message_handler=Listener(),
    )
    async with connecting as client:
        await drive(client.protocol_version, Features(client), features.split(","))


anyio.run(main)
