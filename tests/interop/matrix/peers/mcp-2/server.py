"""A server that offers every feature. usage: server.py stdio | http; over HTTP it prints its URL when it listens."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import anyio
import mcp_types as types
from everything import BLOB, NAME, NOTE, TEMPLATE, TOOLS, fitting, greeting, read, start, wait, waits
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourceUpdated
from mcp.shared.exceptions import MCPError

bus = InMemorySubscriptionBus()


async def list_tools(ctx, params) -> types.ListToolsResult:
    tools = [types.Tool(name=name, input_schema=arguments) for name, arguments in TOOLS.items()]
    return types.ListToolsResult(tools=tools)


async def call_tool(ctx, params) -> types.CallToolResult | types.InputRequiredResult:
    answer = await run(ctx, params, params.arguments or {})
    if isinstance(answer, types.InputRequiredResult):
        return answer
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=answer)], is_error=params.name == "fail"
    )


async def run(ctx, params, arguments: dict[str, Any]) -> str | types.InputRequiredResult:
    match params.name:
        case "add":
            return str(arguments["a"] + arguments["b"])
        case "fail":
            return "it failed"
        case "ask_model":
            message = types.SamplingMessage(role="user", content=types.TextContent(type="text", text="Say something."))
            request = types.CreateMessageRequestParams(messages=[message], max_tokens=10)
            answer = await ask(ctx, params, types.CreateMessageRequest(params=request), types.CreateMessageResult)
            if isinstance(answer, types.InputRequiredResult):
                return answer
            return f"the model said: {answer.content.text}"
        case "ask_user":
            form = types.ElicitRequestFormParams(message=arguments["message"], requested_schema=NAME)
            answer = await ask(ctx, params, types.ElicitRequest(params=form), types.ElicitResult)
            if isinstance(answer, types.InputRequiredResult):
                return answer
            return f"accept {answer.content['name']}" if answer.action == "accept" else answer.action
        case "show_roots":
            answer = await ask(ctx, params, types.ListRootsRequest(), types.ListRootsResult)
            if isinstance(answer, types.InputRequiredResult):
                return answer
            return " ".join(str(root.uri) for root in answer.roots)
        case "log":
            await ctx.session.send_log_message("debug", "once", "tale", ctx.request_id)
            await ctx.session.send_log_message("error", "the end", "tale", ctx.request_id)
            return "logged"
        case "count":
            for step in range(1, arguments["to"] + 1):
                await ctx.session.report_progress(step, arguments["to"], f"step {step}")
            return "counted"
        case "wait":
            await wait(lambda: ctx.session.report_progress(1))
        case "waits":
            return waits()
        case "touch":
            if modern(ctx):
                await bus.publish(ResourceUpdated(uri=NOTE))
            else:
                await ctx.session.send_resource_updated(NOTE)
            return "touched"
    raise MCPError(types.INVALID_PARAMS, f"there is no tool {params.name}")


def modern(ctx) -> bool:
    return ctx.protocol_version >= "2026-07-28"


async def ask(ctx, params, request, answer: type) -> Any:
    """Asks the client: with a request in a session, with an answer that needs input where there is none."""
    if not modern(ctx):
        return await ctx.session.send_request(request, answer)
    given = (params.input_responses or {}).get("question")
    return given or types.InputRequiredResult(input_requests={"question": request})


async def list_resources(ctx, params) -> types.ListResourcesResult:
    resources = [types.Resource(uri=NOTE, name="note"), types.Resource(uri=BLOB, name="blob")]
    return types.ListResourcesResult(resources=resources)


async def list_templates(ctx, params) -> types.ListResourceTemplatesResult:
    template = types.ResourceTemplate(uri_template=TEMPLATE, name="item")
    return types.ListResourceTemplatesResult(resource_templates=[template])


async def read_resource(ctx, params) -> types.ReadResourceResult:
    uri = str(params.uri)
    held = read(uri)
    if isinstance(held, bytes):
        contents = types.BlobResourceContents(uri=uri, blob=b64encode(held).decode())
    else:
        contents = types.TextResourceContents(uri=uri, text=held)
    return types.ReadResourceResult(contents=[contents])


async def list_prompts(ctx, params) -> types.ListPromptsResult:
    arguments = [types.PromptArgument(name="name", required=True)]
    return types.ListPromptsResult(prompts=[types.Prompt(name="greet", arguments=arguments)])


async def get_prompt(ctx, params) -> types.GetPromptResult:
    content = types.TextContent(type="text", text=greeting(params.arguments["name"]))
    return types.GetPromptResult(messages=[types.PromptMessage(role="user", content=content)])


async def complete(ctx, params) -> types.CompleteResult:
    values = fitting(params.ref.type, params.argument.value)
    return types.CompleteResult(completion=types.Completion(values=values))


async def agree(ctx, params) -> types.EmptyResult:
    return types.EmptyResult()


server = Server(
    "mcp-2",
    on_list_tools=list_tools,
    on_call_tool=call_tool,
    on_list_resources=list_resources,
    on_list_resource_templates=list_templates,
    on_read_resource=read_resource,
    on_subscribe_resource=agree,
    on_unsubscribe_resource=agree,
    on_subscriptions_listen=ListenHandler(bus),
    on_list_prompts=list_prompts,
    on_get_prompt=get_prompt,
    on_completion=complete,
    on_set_logging_level=agree,
)


async def stdio() -> None:
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


if __name__ == "__main__":
    start(lambda: anyio.run(stdio), server.streamable_http_app)
