"""Threads for tools that are plain functions."""

from __future__ import annotations

import threading
import time
from _queue import Empty, SimpleQueue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Workers:
    """Up to `limit` daemon threads, started when work comes and none is free.

    They are daemons so that a tool that never returns cannot keep the process from ending, as threads of
    `concurrent.futures` would.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._threads: list[threading.Thread] = []
        self._desk = _Desk()

    def submit(self, job: Callable[[], None]) -> None:
        """Has a thread run the job, which must not raise."""
        desk = self._desk
        with desk.lock:
            desk.jobs.put(job)
            if desk.idle:
                desk.idle -= 1
            elif len(self._threads) < self._limit:
                name = f"oxmcp-tool-{len(self._threads)}"
                thread = threading.Thread(target=_work, args=(desk,), name=name, daemon=True)
                self._threads.append(thread)
                thread.start()

    async def close(self, grace: float) -> None:
        """Lets the threads end when their work is done, and waits up to `grace` seconds for that. The loop goes on
        meanwhile: that work may need it."""
        import asyncio

        desk = self._desk
        with desk.lock:
            threads, self._threads = self._threads, []
            for _ in threads:
                desk.jobs.put(None)
            self._desk = _Desk()
        until = time.monotonic() + grace
        pause = 0.001
        while any(thread.is_alive() for thread in threads) and time.monotonic() < until:
            await asyncio.sleep(pause)
            pause = min(2 * pause, 0.05)

    def __del__(self) -> None:
        for _ in self._threads:
            self._desk.jobs.put(None)


class _Desk:
    """Where work is left. `idle` counts the threads that wait for work which is not there yet."""

    __slots__ = ("idle", "jobs", "lock")

    def __init__(self) -> None:
        self.jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self.lock = threading.Lock()
        self.idle = 0


def _work(desk: _Desk) -> None:
    while True:
        job: Callable[[], None] | None
        with desk.lock:
            try:
                job = desk.jobs.get_nowait()
                waits = False
            except Empty:
                desk.idle += 1
                waits = True
        if waits:
            job = desk.jobs.get()
        if job is None:
            return
        job()
        del job
