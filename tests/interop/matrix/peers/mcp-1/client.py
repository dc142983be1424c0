"""A client that uses every feature. usage: client.py REVISION FEATURE[,FEATURE...] URL | COMMAND [ARGS...]"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import Any

import anyio
import mcp.types as types
import mcp_1_client
from driver import echo, fill_in, logs, updates
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client


async def sample(context, params) -> types.CreateMessageResult:
    text = types.TextContent(type="text", text=echo(params.messages[-1].content.text))
    return types.CreateMessageResult(role="assistant", content=text, model="test-model")


async def elicit(context, params) -> types.ElicitResult:
    answer = fill_in(params.message)
    return types.ElicitResult(action="accept" if answer else "decline", content=answer)


async def roots(context) -> types.ListRootsResult:
    return mcp_1_client.listed_roots()


async def log(params) -> None:
    logs.tell([params.level, params.logger, params.data])


async def hear(message) -> None:
    if isinstance(message, types.ServerNotification) and isinstance(message.root, types.ResourceUpdatedNotification):
        updates.tell(str(message.root.params.uri))


class Features(mcp_1_client.Features):
    template_reference = types.ResourceTemplateReference

    async def call_tool(self, name: str, arguments: dict[str, Any], report: Any = None) -> types.CallToolResult:
        return await self.session.call_tool(name, arguments, progress_callback=report)

    async def list_templates(self) -> list[str]:
        return [it.uriTemplate for it in (await self.session.list_resource_templates()).resourceTemplates]

    async def cancellation(self) -> Any:
        begun = anyio.Event()

        async def report(*_: Any) -> None:
            begun.set()

        async with anyio.create_task_group() as group:
            # The SDK has no call for it: what is cancelled is named by its id, and ids are counted.
            request = self.session._request_id
            group.start_soon(lambda: self.call_tool("wait", {}, report))
            await begun.wait()
            params = types.CancelledNotificationParams(requestId=request)
            await self.session.send_notification(types.ClientNotification(types.CancelledNotification(params=params)))
            said = await self.until_cancelled()
            group.cancel_scope.cancel()
        return said


@asynccontextmanager
async def connected(streams):
    async with streams as (read, write, *_):
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


anyio.run(mcp_1_client.main, streamable_http_client, connected, Features)
