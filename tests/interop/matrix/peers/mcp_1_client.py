"""What the clients of `mcp` 1.x have in common: their `ClientSession`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import driver
import mcp.types as types
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from pydantic import AnyUrl


class Features(driver.Features):
    """Every version has another name for a reference to a template, `template_reference`."""

    template_reference: type

    def __init__(self, session: ClientSession) -> None:
        self.session = session

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> types.CallToolResult:
        return await self.session.call_tool(name, arguments)

    def failed(self, result: types.CallToolResult) -> bool:
        return result.isError

    async def list_tools(self) -> list[Any]:
        return (await self.session.list_tools()).tools

    async def list_resources(self) -> list[Any]:
        return (await self.session.list_resources()).resources

    async def read(self, uri: str) -> list[Any]:
        return (await self.session.read_resource(AnyUrl(uri))).contents

    async def list_prompts(self) -> list[Any]:
        return (await self.session.list_prompts()).prompts

    async def get_prompt(self, name: str, arguments: dict[str, str]) -> types.GetPromptResult:
        return await self.session.get_prompt(name, arguments)

    async def complete_prompt(self, name: str, argument: str, value: str) -> list[str]:
        return await self.complete(types.PromptReference(type="ref/prompt", name=name), argument, value)

    async def complete_template(self, template: str, argument: str, value: str) -> list[str]:
        return await self.complete(self.template_reference(type="ref/resource", uri=template), argument, value)

    async def complete(self, reference: Any, argument: str, value: str) -> list[str]:
        return (await self.session.complete(reference, {"name": argument, "value": value})).completion.values

    async def set_level(self, level: str) -> None:
        await self.session.set_logging_level(level)

    async def subscribe(self, uri: str) -> None:
        await self.session.subscribe_resource(AnyUrl(uri))

    async def unsubscribe(self, uri: str) -> None:
        await self.session.unsubscribe_resource(AnyUrl(uri))


def listed_roots() -> types.ListRootsResult:
    return types.ListRootsResult(roots=[types.Root(uri=uri) for uri in driver.ROOTS])


Connected = Callable[[AbstractAsyncContextManager[Any]], AbstractAsyncContextManager[ClientSession]]


async def main(http: Callable[[str], AbstractAsyncContextManager[Any]], connected: Connected, features: type[Features]) -> None:
    """Does what the command line asks for, given how to open streams to a URL, and a session over streams."""
    _, names, target, *args = sys.argv[1:]
    if target.startswith("http"):
        streams = http(target)
    else:
        streams = stdio_client(StdioServerParameters(command=target, args=args))
    async with connected(streams) as session:
        agreed = await session.initialize()
        await driver.drive(agreed.protocolVersion, features(session), names.split(","))
