"""A client that uses every feature. usage: client.py REVISION FEATURE[,FEATURE...] URL | COMMAND [ARGS...]"""

from __future__ import annotations

import sys
from typing import Any

import anyio
import mcp_types as types
from driver import ROOTS, Heard, drive, echo, fill_in, until_cancelled
from mcp import Client, StdioServerParameters

NOTE = "test://note"

logs, updates = Heard(), Heard()


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


class Features:
    def __init__(self, client: Client) -> None:
        self.client = client
        self.modern = client.protocol_version >= "2026-07-28"

    async def call(self, tool: str, **arguments: Any) -> str:
        return (await self.client.call_tool(tool, arguments)).content[0].text

    async def tools(self) -> Any:
        failed = await self.client.call_tool("fail", {})
        return {
            "names": sorted(tool.name for tool in (await self.client.list_tools()).tools),
            "sum": await self.call("add", a=2, b=3),
            "failed": failed.is_error and "it failed" in failed.content[0].text,
        }

    async def resources(self) -> Any:
        return {
            "uris": sorted(str(it.uri) for it in (await self.client.list_resources()).resources),
            "templates": [it.uri_template for it in (await self.client.list_resource_templates()).resource_templates],
            "note": [it.text for it in (await self.client.read_resource(NOTE)).contents],
            "blob": [it.blob for it in (await self.client.read_resource("test://blob")).contents],
            "item": [it.text for it in (await self.client.read_resource("test://item/7")).contents],
        }

    async def prompts(self) -> Any:
        prompt = await self.client.get_prompt("greet", {"name": "Ada"})
        return {
            "names": [it.name for it in (await self.client.list_prompts()).prompts],
            "messages": [message.content.text for message in prompt.messages],
        }

    async def completion(self) -> Any:
        prompt = types.PromptReference(type="ref/prompt", name="greet")
        template = types.ResourceTemplateReference(type="ref/resource", uri="test://item/{id}")
        names = await self.client.complete(prompt, {"name": "name", "value": "A"})
        ids = await self.client.complete(template, {"name": "id", "value": "1"})
        return {"names": names.completion.values, "ids": ids.completion.values}

    async def sampling(self) -> Any:
        return await self.call("ask_model")

    async def elicitation(self) -> Any:
        return [await self.call("ask_user", message=message) for message in ("Your name?", "Your password?")]

    async def roots(self) -> Any:
        return await self.call("show_roots")

    async def logging(self) -> Any:
        if not self.modern:
            await self.client.set_logging_level("debug")
        await self.call("log")
        return [await logs.next(), await logs.next()]

    async def progress(self) -> Any:
        reports = []

        async def report(progress, total, message) -> None:
            reports.append([progress, total, message])

        result = await self.client.call_tool("count", {"to": 3}, progress_callback=report)
        return {"text": result.content[0].text, "reports": reports}

    async def cancellation(self) -> Any:
        with anyio.CancelScope() as scope:

            async def cancel(*_) -> None:
                scope.cancel()

            await self.client.call_tool("wait", {}, progress_callback=cancel)
        return await until_cancelled(lambda: self.call("waits"))

    async def subscriptions(self) -> Any:
        if self.modern:
            async with self.client.listen(resource_subscriptions=[NOTE]) as subscription:
                await self.call("touch")
                async for event in subscription:
                    return event.uri
        await self.client.subscribe_resource(NOTE)
        await self.call("touch")
        updated = await updates.next()
        await self.client.unsubscribe_resource(NOTE)
        return updated


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
