"""Where clients keep their tokens."""

from __future__ import annotations

import asyncio
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

# How soon a lock that somebody else holds is tried again: at first, and at most. In seconds.
_FIRST_RETRY, _LAST_RETRY = 0.002, 0.1


@dataclass(frozen=True)
class FileTokens:
    """A file that its user alone can read, for all processes that name it: one alone asks for new tokens at a time."""

    path: str | os.PathLike[str]


class TokenStore(ABC):
    """A store of your own, a keychain for example, which several clients may share.

    Keys and values are text; what they mean is the library's affair. Values are secrets: keep them where only their
    user gets at them. Each method may be async, or a plain function, which runs in one of 32 threads that the process
    has for stores; it has 30 seconds.
    """

    @abstractmethod
    def read(self, key: str) -> str | None | Awaitable[str | None]:
        """What is kept under `key`."""

    @abstractmethod
    def write(self, key: str, value: str | None) -> None | Awaitable[None]:
        """Keeps `value` under `key`, or nothing any more. When it is done, it is kept for good."""

    def lock(self, key: str) -> AbstractAsyncContextManager[None]:
        """Holds `key`, when nobody else who shares the store does: only one client at a time asks for new tokens so,
        and the others use what it got. A client may hold several keys at a time. As it is, the clients of this object
        exclude each other; a store that several processes share needs a lock that they share too."""
        with _guard:
            locks: dict[str, threading.Lock] = self.__dict__.setdefault("_oxmcp_locks", {})
            return _held(locks.setdefault(key, threading.Lock()))


class MemoryTokens(TokenStore):
    """Keeps tokens for as long as it lives: for clients of one process that share them."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    async def read(self, key: str) -> str | None:
        """What is kept under `key`."""
        return self._kept.get(key)

    async def write(self, key: str, value: str | None) -> None:
        """Keeps `value` under `key`, or nothing any more."""
        if value is None:
            self._kept.pop(key, None)
        else:
            self._kept[key] = value


# For the locks of every store.
_guard = threading.Lock()


@asynccontextmanager
async def _held(lock: threading.Lock) -> AsyncIterator[None]:
    # Whoever holds it may be on another loop.
    pause = _FIRST_RETRY
    while not lock.acquire(blocking=False):
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LAST_RETRY)
    try:
        yield
    finally:
        lock.release()
