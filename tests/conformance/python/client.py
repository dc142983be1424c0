"""The client that the official conformance suite drives. usage: client.py URL

The suite names the scenario in MCP_CONFORMANCE_SCENARIO.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable

from oxmcp import Client


async def list_tools(client: Client) -> None:
    await client.list_tools()


async def call_sum(client: Client) -> None:
    [tool] = await client.list_tools()
    result = await client.call_tool(tool.name, {"a": 2, "b": 3})
    assert result.text == "The sum of 2 and 3 is 5", result


async def call_only_tool(client: Client) -> None:
    [tool] = await client.list_tools()
    await client.call_tool(tool.name, {})


async def echo_schema(client: Client) -> None:
    tools = {tool.name: tool for tool in await client.list_tools()}
    schema = tools["json_schema_2020_12_tool"].input_schema
    await client.call_tool("json_schema_echo", {"schema": schema})


# What a client does in each scenario, once it is connected.
SCENARIOS: dict[str, Callable[[Client], Awaitable[None]]] = {
    "initialize": list_tools,
    "request-metadata": list_tools,
    "json-schema-ref-no-deref": list_tools,
    "tools_call": call_sum,
    "http-standard-headers": call_only_tool,
    "json-schema-2020-12-preservation": echo_schema,
}


async def main() -> None:
    scenario = os.environ["MCP_CONFORMANCE_SCENARIO"]
    if scenario not in SCENARIOS:
        sys.exit(f"the Python client does not cover the scenario {scenario}")
    async with Client(
        sys.argv[1], client_info={"name": "oxmcp-conformance-python", "version": "0.1.0"}
    ) as client:
        print(f"{client.server_info.name} speaks {client.protocol_version}", file=sys.stderr)
        await SCENARIOS[scenario](client)


asyncio.run(main())
