"""`client.py SPEC`: connects as SPEC says, makes its calls, closes, twice over, and prints what came of it as JSON."""

import asyncio
import glob
import json
import os
import sys
import time

from oxmcp import Client, McpError


async def main():
    spec = json.loads(sys.argv[1])
    rounds, fds = [], []
    for _ in range(2):
        rounds.append(await one_round(spec))
        fds.append(await settled(fds))
    print(json.dumps({"rounds": rounds, "fds": fds, "children": children()}))


async def one_round(spec):
    config = dict(spec["config"])
    options = {}
    if (millis := config.pop("connectTimeoutMs", None)) is not None:
        options["connect_timeout"] = millis / 1000
    if (version := config.pop("protocolVersion", None)) is not None:
        options["protocol_version"] = version
    try:
        client = await Client(config, **options).__aenter__()
    except McpError as error:
        return {"connect": failed(error)}
    try:
        calls = [await called(client, call) for call in spec["calls"]]
    finally:
        await client.__aexit__(None, None, None)
    return {"connect": {}, "calls": calls}


async def called(client, call):
    try:
        result = await client.call_tool(call["tool"], call["arguments"], timeout=call["timeoutMs"] / 1000)
    except McpError as error:
        return failed(error)
    return {"isError": result.is_error, "text": result.text}


def failed(error):
    return {"kind": error.kind, "message": str(error), "code": error.code, "data": error.data}


def open_fds():
    return len(os.listdir("/proc/self/fd"))


async def settled(before):
    """What is released in the background may take a moment: waits until no more is left than before."""
    until = time.monotonic() + 60
    while before and time.monotonic() < until and open_fds() > before[0]:
        await asyncio.sleep(0.02)
    return open_fds()


def children():
    lists = [open(path).read().split() for path in glob.glob("/proc/self/task/*/children")]
    return [pid for pids in lists for pid in pids]


asyncio.run(main())
