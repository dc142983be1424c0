"""Bench client: connects once, runs the steps of a spec, prints what it measured. usage: client.py SPEC_JSON"""

import asyncio
import json
import sys
import time
from typing import Any

from oxmcp import Client

REVISIONS = {"modern": "2026-07-28", "legacy": "2025-11-25"}


async def main() -> None:
    spec = json.loads(sys.argv[1])
    target = spec["command"] if spec["transport"] == "stdio" else spec["url"]
    begin = time.perf_counter()
    async with Client(target, protocol_version=REVISIONS[spec["protocol"]]) as client:
        connect_s = time.perf_counter() - begin
        steps = [await Step(client, step).measure() for step in spec["steps"]]
        report = {"negotiated": client.protocol_version, "connect_s": connect_s, "steps": steps}
    print(json.dumps(report), flush=True)


class Step:
    """One step of the spec."""

    def __init__(self, client: Client, spec: dict[str, Any]) -> None:
        self.client = client
        self.spec = spec
        self.latencies: list[float] = []

    async def measure(self) -> dict[str, Any]:
        op, n = self.spec["op"], self.spec["n"]
        call = self.blob if op == "blob" else self.echo
        for _ in range(self.spec.get("warmup", 0)):
            await call()
        cpu, begin = time.process_time(), time.perf_counter()
        await {"seq": self.sequence, "conc": self.concurrent, "blob": self.sequence}[op](call)
        elapsed, used = time.perf_counter() - begin, time.process_time() - cpu
        latencies = {"lat_us": self.latencies} if op == "seq" else {}
        return {"op": op, "n": n, "elapsed_s": elapsed, "cpu_s": used, **latencies}

    async def sequence(self, call: Any) -> None:
        for _ in range(self.spec["n"]):
            begin = time.perf_counter()
            await call()
            self.latencies.append(round((time.perf_counter() - begin) * 1e6, 1))

    async def concurrent(self, call: Any) -> None:
        left = self.spec["n"]

        async def work() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                await call()

        await asyncio.gather(*(work() for _ in range(self.spec["inflight"])))

    async def echo(self) -> None:
        result = await self.client.call_tool("echo", {"text": "hello"})
        assert not result.is_error and result.text == "hello", result

    async def blob(self) -> None:
        size = self.spec["size"]
        result = await self.client.call_tool("blob", {"size": size})
        assert not result.is_error and len(result.text) == size, len(result.text)


asyncio.run(main())
