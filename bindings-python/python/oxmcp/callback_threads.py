"""Threads for functions of the user's that the core asks often, such as verifiers."""

from __future__ import annotations

import itertools
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds after which a thread ends that has nothing to do.
_IDLE = 10.0


class CallbackThreads:
    """Up to `limit` daemon threads, started when work comes and none is free. What finds none waits until one is; whoever
    left it there takes it back when nobody wants it any more."""

    def __init__(self, name: str, limit: int) -> None:
        self.limit = limit
        self._name = name
        self._changed = threading.Condition(threading.Lock())
        self._numbers = itertools.count()
        # In the order in which they came.
        self._waiting: dict[int, Callable[[], None]] = {}
        self._threads = 0
        self._idle = 0

    def submit(self, job: Callable[[], None]) -> Callable[[], None]:
        """Has a thread run the job, which must not raise. Returns what takes it back if no thread has begun with it."""
        with self._changed:
            number = next(self._numbers)
            self._waiting[number] = job
            if len(self._waiting) <= self._idle:
                self._changed.notify()
            elif self._threads < self.limit:
                self._start(number)

        def take_back() -> None:
            with self._changed:
                self._waiting.pop(number, None)

        return take_back

    def _start(self, number: int) -> None:
        # A daemon, so that a function that never returns cannot keep the process from ending.
        thread = threading.Thread(target=self._work, name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the process can have no more
            if self._threads == 0:
                del self._waiting[number]
                raise
        else:
            self._threads += 1

    def _work(self) -> None:
        while (job := self._next()) is not None:
            job()
            del job

    def _next(self) -> Callable[[], None] | None:
        """Waits for a job; None when none has come for long."""
        with self._changed:
            while not self._waiting:
                self._idle += 1
                came = self._changed.wait(_IDLE)
                self._idle -= 1
                if not came and not self._waiting:
                    self._threads -= 1
                    return None
            return self._waiting.pop(next(iter(self._waiting)))
