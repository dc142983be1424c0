"""A client that uses every feature. usage: client.py REVISION FEATURE[,FEATURE...] URL | COMMAND [ARGS...]"""

from __future__ import annotations

import sys
from typing import Any

import anyio
import driver
import mcp_types as types
from driver import ROOTS, drive, echo, fill_in, logs, updates
from everything import NOTE
from mcp import Client, StdioServerParameters


async def sample(context, params) -> types.CreateMessageResult:
    text = echo(params.messages[-1].content.text)
    return types.CreateMessageResult(
        role="assistant", content=types.TextContent(type="text", text=text), model="test-model"
    )


async def elicit(context, params) -> types.ElicitResult:
    answer = fill_in(params.message)
    return types.ElicitResult(action="accept" if answer else "decline", content=answer)


async def roots(context) -> types.ListRootsResult:
    return types.ListRootsResult(roots=[types.Root(uri=uri) for uri in ROOTS])


async def log(params) -> None:
    logs.tell([params.level, params.logger, params.data])


async def hear(message) -> None:
    if isinstance(message, types.ResourceUpdatedNotification):
        updates.tell(str(message.params.uri))


class Features(driver.Features):
    def __init__(self, client: Client) -> None:
        self.client = client
        self.modern = client.protocol_version >= "2026-07-28"

    async def call_tool(self, name: str, arguments: dict[str, Any], report: Any = None) -> types.CallToolResult:
        return await self.client.call_tool(name, arguments, progress_callback=report)

    def failed(self, result: types.CallToolResult) -> bool:
        return result.is_error

    async def list_tools(self) -> list[Any]:
        return (await self.client.list_tools()).tools

    async def list_resources(self) -> list[Any]:
        return (await self.client.list_resources()).resources

    async def list_templates(self) -> list[str]:
        return [it.uri_template for it in (await self.client.list_resource_templates()).resource_templates]

    async def read(self, uri: str) -> list[Any]:
        return (await self.client.read_resource(uri)).contents

    async def list_prompts(self) -> list[Any]:
        return (await self.client.list_prompts()).prompts

    async def get_prompt(self, name: str, arguments: dict[str, str]) -> types.GetPromptResult:
        return await self.client.get_prompt(name, arguments)

    async def complete_prompt(self, name: str, argument: str, value: str) -> list[str]:
        return await self.complete(types.PromptReference(type="ref/prompt", name=name), argument, value)

    async def complete_template(self, template: str, argument: str, value: str) -> list[str]:
        return await self.complete(types.ResourceTemplateReference(type="ref/resource", uri=template), argument, value)

    async def complete(self, reference: Any, argument: str, value: str) -> list[str]:
        return (await self.client.complete(reference, {"name": argument, "value": value})).completion.values

    async def set_level(self, level: str) -> None:
        if not self.modern:
            await self.client.set_logging_level(level)

    async def subscribe(self, uri: str) -> None:
        await self.client.subscribe_resource(uri)

    async def unsubscribe(self, uri: str) -> None:
        await self.client.unsubscribe_resource(uri)

    async def subscriptions(self) -> Any:
        if not self.modern:
            return await super().subscriptions()
        async with self.client.listen(resource_subscriptions=[NOTE]) as subscription:
            await self.call("touch")
            async for event in subscription:
                return event.uri


async def main() -> None:
    revision, features, target, *args = sys.argv[1:]
    server = target if target.startswith("http") else StdioServerParameters(command=target, args=args)
    connecting = Client(
        server,
        mode=revision if revision >= "2026-07-28" else "legacy",
        log_level="debug",
        sampling_callback=sample,
        elicitation_callback=elicit,
        list_roots_callback=roots,
        logging_callback=log,
        message_handler=hear,
    )
    async with connecting as client:
        await drive(client.protocol_version, Features(client), features.split(","))


anyio.run(main)
