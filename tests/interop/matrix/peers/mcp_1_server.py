"""What the servers of `mcp` 1.x have in common: all that its low-level server does alike in every version."""

from __future__ import annotations

from typing import Any

import anyio
import everything
import mcp.types as types
from everything import BLOB, NAME, NOTE, TEMPLATE, TOOLS, fitting, greeting
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from pydantic import AnyUrl


class Everything(Server):
    """A server that offers every feature, but for the tools that its version is `without`."""

    def __init__(self, name: str, without: tuple[str, ...] = ()) -> None:
        super().__init__(name)
        tools = {tool: arguments for tool, arguments in TOOLS.items() if tool not in without}

        @self.list_tools()
        async def list_tools() -> list[types.Tool]:
            return [types.Tool(name=tool, inputSchema=arguments) for tool, arguments in tools.items()]

        @self.call_tool()
        async def call_tool(tool: str, arguments: dict[str, Any]) -> list[types.TextContent]:
            if tool not in tools:
                raise ValueError(f"there is no tool {tool}")
            return [types.TextContent(type="text", text=await getattr(self, f"tool_{tool}")(**arguments))]

        @self.list_resources()
        async def list_resources() -> list[types.Resource]:
            return [types.Resource(uri=AnyUrl(NOTE), name="note"), types.Resource(uri=AnyUrl(BLOB), name="blob")]

        @self.list_resource_templates()
        async def list_templates() -> list[types.ResourceTemplate]:
            return [types.ResourceTemplate(uriTemplate=TEMPLATE, name="item")]

        @self.read_resource()
        async def read_resource(uri: AnyUrl) -> str | bytes:
            return everything.read(str(uri))

        @self.subscribe_resource()
        async def subscribe(uri: AnyUrl) -> None:
            pass

        @self.unsubscribe_resource()
        async def unsubscribe(uri: AnyUrl) -> None:
            pass

        @self.list_prompts()
        async def list_prompts() -> list[types.Prompt]:
            return [types.Prompt(name="greet", arguments=[types.PromptArgument(name="name", required=True)])]

        @self.get_prompt()
        async def get_prompt(prompt: str, arguments: dict[str, str] | None) -> types.GetPromptResult:
            content = types.TextContent(type="text", text=greeting((arguments or {})["name"]))
            return types.GetPromptResult(messages=[types.PromptMessage(role="user", content=content)])

        @self.completion()
        async def complete(ref: Any, argument: Any, *_: Any) -> types.Completion:
            return types.Completion(values=fitting(ref.type, argument.value))

        @self.set_logging_level()
        async def set_level(level: str) -> None:
            pass

    def get_capabilities(self, *args: Any) -> types.ServerCapabilities:
        # The SDK never declares subscriptions by itself.
        capabilities = super().get_capabilities(*args)
        capabilities.resources.subscribe = True
        return capabilities

    @property
    def session(self) -> Any:
        return self.request_context.session

    def related(self) -> dict[str, Any]:
        """What ties a message to the call in which it is sent, where the version can say it."""
        return {}

    async def tool_add(self, a: int, b: int) -> str:
        return str(a + b)

    async def tool_fail(self) -> str:
        raise ValueError("it failed")

    async def tool_ask_model(self) -> str:
        message = types.SamplingMessage(role="user", content=types.TextContent(type="text", text="Say something."))
        answer = await self.session.create_message([message], max_tokens=10, **self.related())
        return f"the model said: {answer.content.text}"

    async def tool_ask_user(self, message: str) -> str:
        answer = await self.session.elicit(message, NAME, **self.related())
        return f"accept {answer.content['name']}" if answer.action == "accept" else answer.action

    async def tool_show_roots(self) -> str:
        return " ".join(str(root.uri) for root in (await self.session.list_roots()).roots)

    async def tool_log(self) -> str:
        await self.session.send_log_message("debug", "once", "tale", **self.related())
        await self.session.send_log_message("error", "the end", "tale", **self.related())
        return "logged"

    async def tool_count(self, to: int) -> str:
        for step in range(1, to + 1):
            await self.report(step, to, f"step {step}")
        return "counted"

    async def tool_wait(self) -> str:
        await everything.wait(lambda: self.report(1, None, None))
        return "waited"

    async def tool_waits(self) -> str:
        return everything.waits()

    async def tool_touch(self) -> str:
        await self.session.send_resource_updated(AnyUrl(NOTE))
        return "touched"

    async def report(self, progress: float, total: float | None, message: str | None) -> None:
        """Reports progress, if the client asked for it, with as much of it as the version can say."""
        meta = self.request_context.meta
        if meta is not None and meta.progressToken is not None:
            await self.send_report(meta.progressToken, progress, total, message)

    async def send_report(self, token: str | int, progress: float, total: float | None, message: str | None) -> None:
        raise NotImplementedError

    def serve_stdio(self) -> None:
        async def serve() -> None:
            async with stdio_server() as (read, write):
                await self.run(read, write, self.create_initialization_options())

        anyio.run(serve)
