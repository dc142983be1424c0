"""What clients of both kinds share: a connection's settings, state and end."""

from __future__ import annotations

import _thread
import atexit
import itertools
import os
import threading
import time
import weakref
from typing import Any

from . import options
from ._core import Channel, ClientHandle
from .errors import McpError, MisuseError
from .implementation import Implementation
from .server import Server
from .target import check_file, configuration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .auth.grants import Grant
    from .target import Target

# Kinds of events.
COMPLETED, FAILED, PROGRESS = 1, 2, 3

# Ids of operations, unique in the process.
ids = itertools.count(1)

# Seconds that connections still open have to end when the interpreter does.
_AT_EXIT = 2.0

# Seconds that synchronous clients which were given up have to keep tokens when the interpreter ends.
_KEEPING_AT_EXIT = 30.0


class Connection:
    """A connection to a server: closed, open, or closed again. Safe to use from any thread."""

    def __init__(
        self,
        target: Target,
        *,
        timeout: float | None = None,
        max_timeout: float | None = None,
        connect_timeout: float | None = None,
        protocol_version: str | None = None,
        client_info: Implementation | Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: str | Grant | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        stderr: str | None = None,
        max_message_bytes: int | None = None,
    ) -> None:
        """A client that is not connected yet; nothing is started before `connect` or a `with` block.

        * `target`: a URL (`"https://host/mcp"`), a command as a list of words, a `.py` or `.js` file, a configuration
          dict (`{"command", "args", "env", "cwd", "stderr"}` or `{"url", "headers", "auth"}`), or a `Server` of this
          process.
        * `timeout`: seconds without an answer or progress after which a call fails; 60 if not given. It does not
          bound connecting: that is `connect_timeout`.
        * `max_timeout`: seconds after which a call fails, progress or not; an hour if not given.
        * `connect_timeout`: seconds for connecting: starting or reaching the server and negotiating; 30 if not given.
        * `protocol_version`: the one revision of MCP to speak, such as `"2025-11-25"`, instead of negotiating.
        * `client_info`: `Implementation` or `{"name": ..., "version": ...}` to show to the server.
        * `headers`: HTTP headers for every request; for a URL only.
        * `auth`: a token that was given for this server, or how to get one when it wants authorization: `Code`,
          `ClientCredentials`, `Enterprise` or `Workload` of `oxmcp.auth`; for a URL only.
        * `env`, `cwd`, `stderr`: variables added to this process's, the folder to run in, and `"null"` to silence the
          server's stderr (`"inherit"` if not given); for a command or file only.
        * `max_message_bytes`: the largest message it takes; 16 MiB if not given.

        Raises `MisuseError` for a target or an option that cannot be used.
        """
        self._handle: ClientHandle | None = None
        self._opening: dict[str, Any] | None = None
        self._let_go: Callable[[], object] | None = None
        # Closes the handle of a client whose functions answer the core, and lets go of them when that is done.
        self._close_asking: Callable[[ClientHandle], object] | None = None
        self._lock = _thread.RLock()
        self._server = target if isinstance(target, Server) else None
        self._target = target
        given = {"headers": headers, "auth": auth, "env": env, "cwd": cwd, "stderr": stderr}
        self._config = configuration(target, given)
        auth = self._config.pop("auth", None)
        # What answers for the client what its configuration leaves to functions of the user's.
        self._grant: Grant | None = None
        if isinstance(auth, str):
            self._config["bearerToken"] = auth
        elif auth is not None:
            self._config["authorization"] = auth._config()
            self._grant = auth if auth._asks() else None
        if isinstance(client_info, Implementation):
            client_info = client_info.to_json()
        elif client_info is not None and not hasattr(client_info, "keys"):
            raise MisuseError(f"client_info is an Implementation or a dict with name and version, not {client_info!r}")
        settings = {
            "timeoutMs": options.milliseconds("timeout", timeout),
            "maxTimeoutMs": options.milliseconds("max_timeout", max_timeout),
            "connectTimeoutMs": options.milliseconds("connect_timeout", connect_timeout),
            "protocolVersion": options.text("protocol_version", protocol_version),
            "clientInfo": None if client_info is None else dict(client_info),
            "maxMessageBytes": options.whole("max_message_bytes", max_message_bytes, 1),
        }
        self._config.update((key, value) for key, value in settings.items() if value is not None)

    @property
    def server_info(self) -> Implementation:
        """The server's name and version."""
        return Implementation.from_json(self._negotiated()["serverInfo"])

    @property
    def protocol_version(self) -> str:
        """The negotiated revision of MCP."""
        version: str = self._negotiated()["protocolVersion"]
        return version

    @property
    def capabilities(self) -> dict[str, Any]:
        """What the server declared it can do."""
        capabilities: dict[str, Any] = self._negotiated()["capabilities"]
        return capabilities

    @property
    def instructions(self) -> str | None:
        """How the server says it is to be used."""
        return self._negotiated().get("instructions")

    @property
    def connected(self) -> bool:
        """Whether the client has been connected and not closed. The server may be gone all the same."""
        return self._handle is not None

    def __repr__(self) -> str:
        target = self._server or self._config.get("url") or self._config.get("command")
        return f"<{type(self).__name__} of {target!r}, {'connected' if self.connected else 'closed'}>"

    def __del__(self) -> None:
        # The core ends a connection whose handle is gone. Nothing to warn about.
        if getattr(self, "_close_asking", None) is not None:
            self._take()
        if getattr(self, "_let_go", None) is not None:
            self._release()

    def _open(
        self, id: int, channel: Channel, close_asking: Callable[[ClientHandle], object] | None = None
    ) -> None:
        """Starts connecting. Raises `MisuseError` when a connection is open. With functions that answer the core comes
        what closes the handle and lets go of them when that is done: before, there may be tokens to be kept."""
        with self._lock:
            if self._handle is not None:
                raise MisuseError("the client is connected already")
            check_file(self._target, self._config)
            server = None
            if self._server is not None:
                core, self._let_go = self._join_server(self._server)
                server = core.handle
            try:
                self._handle = ClientHandle.open(self._config, server, id, channel)
            except BaseException:
                self._release()
                raise
            self._close_asking = close_asking
            _open_connections.add(self)

    def _join_server(self, server: Server) -> tuple[Any, Callable[[], None]]:
        """Has the tools of a server of this process served, and returns its core and what ends that."""
        raise NotImplementedError

    def _live(self) -> ClientHandle:
        handle = self._handle
        if handle is None:
            if self._opening is not None:
                raise MisuseError("the client was closed; connect() opens it again")
            raise MisuseError("the client is not connected; use it in a `with` block, or call connect() first")
        return handle

    def _take(self) -> ClientHandle | None:
        """The handle for whoever closes the connection; None when somebody did. What answers the core is closed with
        it by this already."""
        with self._lock:
            handle, self._handle = self._handle, None
            close_asking, self._close_asking = self._close_asking, None
            _open_connections.discard(self)
        if handle is not None and close_asking is not None:
            close_asking(handle)
        return handle

    def _release(self) -> None:
        """Lets go of a server of this process."""
        with self._lock:
            let_go, self._let_go = self._let_go, None
        if let_go is not None:
            let_go()

    def _negotiated(self) -> dict[str, Any]:
        if self._opening is None:
            raise MisuseError("the client has not been connected; use it in a `with` block, or call connect() first")
        return self._opening


_open_connections: weakref.WeakSet[Connection] = weakref.WeakSet()

# Threads that answer for clients which are being closed.
answering_to_the_end: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


def _close_all() -> None:
    """Ends what is still open when the interpreter ends, so that no server process is left behind."""
    channel = Channel()
    open = 0
    for connection in list(_open_connections):
        handle = connection._take()
        if handle is None:
            continue
        try:
            handle.close(next(ids), channel)
        except McpError:  # of the parent process
            continue
        open += 1
    until = time.monotonic() + _AT_EXIT
    while open > 0 and (left := until - time.monotonic()) > 0:
        if channel.wait(left):
            open -= len(channel.drain(open))
    until = time.monotonic() + _KEEPING_AT_EXIT
    for thread in list(answering_to_the_end):
        thread.join(max(0, until - time.monotonic()))


atexit.register(_close_all)
