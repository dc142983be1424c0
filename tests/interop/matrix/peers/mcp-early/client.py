"""A client that uses every feature. usage: client.py REVISION FEATURE[,FEATURE...] URL | COMMAND [ARGS...]"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import Any

import anyio
import mcp.types as types
import mcp_1_client
from driver import Heard, logs, updates
from mcp import ClientSession
from mcp.client.sse import sse_client

reports = Heard()


async def hear(session: ClientSession) -> None:
    """Takes what the server asks and tells; the SDK leaves all of it to its user."""
    async for message in session.incoming_messages:
        match getattr(message, "root", None) or getattr(getattr(message, "request", None), "root", None):
            case types.ListRootsRequest():
                await message.respond(types.ClientResult(mcp_1_client.listed_roots()))
            case types.LoggingMessageNotification(params=params):
                logs.tell([params.level, params.logger, params.data])
            case types.ResourceUpdatedNotification(params=params):
                updates.tell(str(params.uri))
            case types.ProgressNotification(params=params):
                reports.tell([params.progress, params.total])


class Features(mcp_1_client.Features):
    template_reference = types.ResourceReference

    async def list_templates(self) -> list[str]:
        # The SDK has no call for it.
        request = types.ClientRequest(types.ListResourceTemplatesRequest(method="resources/templates/list"))
        listed = await self.session.send_request(request, types.ListResourceTemplatesResult)
        return [it.uriTemplate for it in listed.resourceTemplates]

    async def progress(self) -> Any:
        # The SDK has no call for it.
        params = types.CallToolRequestParams(name="count", arguments={"to": 3})
        params.meta = types.RequestParams.Meta(progressToken="counting")
        request = types.ClientRequest(types.CallToolRequest(method="tools/call", params=params))
        result = await self.session.send_request(request, types.CallToolResult)
        return {"text": result.content[0].text, "reports": [await reports.next() for _ in range(3)]}


@asynccontextmanager
async def connected(streams):
    async with streams as (read, write):
        async with ClientSession(read, write) as session, anyio.create_task_group() as group:
            group.start_soon(hear, session)
            yield session
            group.cancel_scope.cancel()


anyio.run(mcp_1_client.main, sse_client, connected, Features)
