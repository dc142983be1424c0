"""Servers: tools from Python functions."""

from __future__ import annotations

import _thread
import itertools
import sys

from . import options as _options
from ._core import Channel, ServerHandle
from .errors import MisuseError
from .function import Function
from .stdout import Aside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager
    from types import EllipsisType, FrameType
    from typing import Any, Literal, TypeVar, overload

    from .auth.protection import Protection
    from .dispatch import Dispatcher
    from .tool import ToolAnnotations
    from .workers import Workers

    F = TypeVar("F", bound=Callable[..., Any])

# Seconds that sync tools which still run have to end, when their server has.
_GRACE = 0.5

# Seconds that the core has to release everything.
_CLOSING = 5.0


class HttpAddress:
    """Where a server listens."""

    __slots__ = ("host", "port", "url")

    def __init__(self, url: str, host: str, port: int) -> None:
        self.url = url
        self.host = host
        self.port = port

    def __repr__(self) -> str:
        return f"HttpAddress({self.url!r})"


class Server:
    """An MCP server whose tools are Python functions.

        server = Server("demo", version="1.0")

        @server.tool
        def add(a: int, b: int) -> int:
            "Add two numbers."
            return a + b

        server.run()

    It speaks every revision of MCP; the functions never learn which. It may be used from any thread.
    """

    def __init__(
        self,
        name: str,
        *,
        version: str = "0.0.0",
        title: str | None = None,
        description: str | None = None,
        instructions: str | None = None,
        website_url: str | None = None,
        icons: Sequence[dict[str, Any]] | None = None,
        page_size: int | None = None,
        max_message_bytes: int | None = None,
        max_threads: int = 40,
    ) -> None:
        """A server without tools that serves nobody yet.

        * `name`, `version`: what clients are told it is.
        * `title`, `description`, `website_url`, `icons`: the same for people; an icon is
          `{"src": ..., "mimeType": ..., "sizes": [...]}`.
        * `instructions`: how the tools are to be used, for the model.
        * `page_size`: tools in one page of `tools/list`; 100 if not given.
        * `max_message_bytes`: the largest message it takes; 16 MiB if not given.
        * `max_threads`: how many sync tools may run at once; more wait.

        Raises `MisuseError` for an option that cannot be used.
        """
        if not isinstance(name, str):
            raise MisuseError(f"name is a str, not {name!r}")
        text, whole = _options.text, _options.whole
        given = {
            "name": name,
            "version": text("version", version),
            "title": text("title", title),
            "description": text("description", description),
            "instructions": text("instructions", instructions),
            "websiteUrl": text("website_url", website_url),
            "icons": icons,
            "pageSize": whole("page_size", page_size, 1),
            "maxMessageBytes": whole("max_message_bytes", max_message_bytes, 1),
        }
        self._config = {key: value for key, value in given.items() if value is not None}
        self._max_threads = whole("max_threads", max_threads, 1) or 1
        self._functions: dict[int, Function] = {}
        self._targets: dict[str, int] = {}
        self._ids = itertools.count(1)
        self._lock = _thread.RLock()
        self._workers: Workers | None = None
        self._core = self._new_core()

    @property
    def name(self) -> str:
        """The server's name."""
        return str(self._config["name"])

    def __repr__(self) -> str:
        return f"Server({self.name!r}, tools={list(self._targets)})"

    if TYPE_CHECKING:

        @overload
        def tool(self, fn: F, /) -> F: ...
        @overload
        def tool(
            self,
            fn: None = None,
            /,
            *,
            name: str | None = None,
            title: str | None = None,
            description: str | None = None,
            annotations: ToolAnnotations | dict[str, Any] | None = None,
            icons: list[dict[str, Any]] | None = None,
            meta: dict[str, Any] | None = None,
            input_schema: dict[str, Any] | None = None,
            output_schema: dict[str, Any] | EllipsisType | None = ...,
            scopes: Sequence[str] | None = None,
        ) -> Callable[[F], F]: ...

    def tool(self, fn: Any = None, /, **options: Any) -> Any:
        """Makes a function a tool: `@server.tool`, or `@server.tool(name=..., ...)`.

        The name, the description and the schemas come from the function's name, docstring and type hints, unless
        given. An async function runs on the event loop, any other in a thread of its own. With `input_schema` the
        arguments arrive as they came; `output_schema=None` switches structured results off. `scopes` are what the
        access token of a call needs, beside what every request does, where the server is protected (`auth`).

        Raises `MisuseError` when the function cannot be a tool, and returns it unchanged otherwise. A tool of that name
        is replaced, with a warning to the logger "oxmcp".
        """
        names = _local_names(sys._getframe(1))

        def decorate(fn: Any) -> Any:
            return self._add(fn, {**options, "names": names(fn)}, replaces=False)

        return decorate if fn is None else decorate(fn)

    def add_tool(
        self,
        fn: Callable[..., Any],
        *,
        name: str | None = None,
        title: str | None = None,
        description: str | None = None,
        annotations: ToolAnnotations | dict[str, Any] | None = None,
        icons: list[dict[str, Any]] | None = None,
        meta: dict[str, Any] | None = None,
        input_schema: dict[str, Any] | None = None,
        output_schema: dict[str, Any] | EllipsisType | None = ...,
        scopes: Sequence[str] | None = None,
    ) -> None:
        """Adds a function as a tool, or replaces the tool of that name; see `tool`."""
        options = {
            "name": name,
            "title": title,
            "description": description,
            "annotations": annotations,
            "icons": icons,
            "meta": meta,
            "input_schema": input_schema,
            "output_schema": output_schema,
            "scopes": scopes,
            "names": _local_names(sys._getframe(1))(fn),
        }
        self._add(fn, options)

    def remove_tool(self, name: str) -> bool:
        """Removes a tool; false when there is none of that name. Calls in flight go on."""
        target = self._targets.pop(name, None)
        if target is None:
            return False
        self._core.handle.remove_tool(name)
        return True

    if TYPE_CHECKING:

        @overload
        def run(self, transport: Literal["stdio"] = "stdio") -> None: ...
        @overload
        def run(
            self,
            transport: Literal["http"],
            *,
            host: str = "127.0.0.1",
            port: int = 8000,
            path: str = "/mcp",
            allowed_hosts: Sequence[str] | None = None,
            allowed_origins: Sequence[str] | None = None,
            auth: Protection | None = None,
        ) -> None: ...

    def run(self, transport: str = "stdio", **options: Any) -> None:
        """Serves until the peer closes (stdio), `close` or Ctrl-C.

        For "http", the options are those of `listen`; the port is 8000 if not given. Raises `MisuseError` inside a
        running event loop: use `run_async` there.
        """
        if _loop_runs():
            raise MisuseError("this thread's event loop is running already; use `await server.run_async(...)`")
        core = self._core
        served: tuple[int, Aside] | None = None
        let_interrupts: Callable[[], object] = _do_nothing
        try:
            # The core answers the handshake and lists the tools by itself: it starts before asyncio is loaded.
            served = self._serve_stdio(core, transport, options) if transport == "stdio" else None
            let_interrupts = _hold_interrupts()
            import asyncio

            asyncio.run(self._run(core, transport, options, served, let_interrupts, loud=True))
        except KeyboardInterrupt:
            # It may have come before the loop took over.
            self._close_core(core)
            if served is not None:
                served[1].end()
        finally:
            let_interrupts()

    if TYPE_CHECKING:

        @overload
        async def run_async(self, transport: Literal["stdio"] = "stdio") -> None: ...
        @overload
        async def run_async(
            self,
            transport: Literal["http"],
            *,
            host: str = "127.0.0.1",
            port: int = 8000,
            path: str = "/mcp",
            allowed_hosts: Sequence[str] | None = None,
            allowed_origins: Sequence[str] | None = None,
            auth: Protection | None = None,
        ) -> None: ...

    async def run_async(self, transport: str = "stdio", **options: Any) -> None:
        """Like `run`, on the running event loop. Cancelling it closes the server."""
        core = self._core
        served = self._serve_stdio(core, transport, options) if transport == "stdio" else None
        await self._run(core, transport, options, served, _do_nothing, loud=False)

    def listen(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        path: str = "/mcp",
        allowed_hosts: Sequence[str] | None = None,
        allowed_origins: Sequence[str] | None = None,
        auth: Protection | None = None,
    ) -> AbstractAsyncContextManager[HttpAddress]:
        """Serves Streamable HTTP while the context lasts.

            async with server.listen(port=8000) as address:
                print(address.url)
                await asyncio.Event().wait()

        Port 0 takes any free one. Names in `allowed_hosts` and `allowed_origins` are accepted in the headers Host and
        Origin, beside the loopback names; a `host` that is not a loopback address needs `allowed_hosts`. `auth` is a
        `Protection` of `oxmcp.auth`: whose access tokens are taken.

        Leaving the context closes the whole server, as `close` does: its other addresses and the clients of it in
        this process end too. For addresses that end one by one, use a `Server` for each.
        """
        from contextlib import asynccontextmanager

        given = {
            "host": _options.text("host", host),
            "port": _options.whole("port", port, 0, 65535),
            "path": _options.text("path", path),
            "allowedHosts": _options.texts("allowed_hosts", allowed_hosts),
            "allowedOrigins": _options.texts("allowed_origins", allowed_origins),
        }
        config: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
        if auth is not None:
            if not hasattr(auth, "_verifier"):
                raise MisuseError(f"auth is a Protection of oxmcp.auth, not a {type(auth).__name__}")
            config["protection"] = auth._config()

        async def listening() -> AsyncIterator[HttpAddress]:
            core = self._core
            dispatcher = self._attach(core)
            try:
                id = next(self._ids)
                if auth is not None:
                    dispatcher.questions.answerers[id] = auth
                listens = dispatcher.operation(id)
                core.handle.listen_http(config, id, core.channel)
                address = await listens
                yield HttpAddress(address["url"], address["host"], address["port"])
            finally:
                await self._shut(core, dispatcher)

        return asynccontextmanager(listening)()

    def close(self) -> None:
        """Stops serving, on every transport, and cancels the calls in flight; `run` returns. The server can serve again
        afterwards."""
        self._close_core(self._core)

    def _new_core(self) -> _Core:
        channel = Channel(questions=True)
        core = _Core(ServerHandle(self._config, channel), channel, next(self._ids))
        for target in self._targets.values():
            function = self._functions[target]
            core.handle.add_tool(function.definition, target, function.scopes)
        return core

    def _add(self, fn: Any, options: dict[str, Any], *, replaces: bool = True) -> Any:
        function = Function(fn, **options)
        if not replaces and function.name in self._targets:
            import logging

            logging.getLogger("oxmcp").warning("the tool %s was there already and is replaced", function.name)
        target = next(self._ids)
        self._functions[target] = function
        try:
            self._core.handle.add_tool(function.definition, target, function.scopes)
        except BaseException:
            del self._functions[target]
            raise
        self._targets[function.name] = target
        return fn

    def _serve_stdio(self, core: _Core, transport: str, options: dict[str, Any]) -> tuple[int, Aside]:
        if options:
            raise MisuseError(f"{transport} takes no options, not {', '.join(options)}")
        id = next(self._ids)
        core.handle.serve_stdio(id, core.channel)
        return id, Aside()

    async def _run(
        self,
        core: _Core,
        transport: str,
        options: dict[str, Any],
        served: tuple[int, Aside] | None,
        started: Callable[[], object],
        *,
        loud: bool,
    ) -> None:
        started()
        if served is not None:
            dispatcher = self._attach(core)
            id, aside = served
            try:
                await dispatcher.operation(id)
            finally:
                aside.end()
                await self._shut(core, dispatcher)
        elif transport == "http":
            async with self.listen(**{"port": 8000, **options}) as address:
                if loud:
                    print(f"{self.name}: serving {address.url} (Ctrl-C ends it)", file=sys.stderr, flush=True)
                dispatcher = self._attach(core)
                try:
                    await dispatcher.closed
                finally:
                    self._detach(core, dispatcher)
        else:
            raise MisuseError(f'the transports are "stdio" and "http", not {transport!r}')

    def _attach(self, core: _Core) -> Dispatcher:
        """Has the calls served by the running loop, unless another loop does so already."""
        import asyncio

        from .dispatch import Dispatcher
        from .workers import Workers

        with self._lock:
            dispatcher = self._join(core)
            if dispatcher is not None:
                return dispatcher
            if self._workers is None:
                self._workers = Workers(self._max_threads)
            dispatcher = core.dispatcher = Dispatcher(
                core.handle,
                core.channel,
                core.close_id,
                self._functions,
                self._workers,
                asyncio.get_running_loop(),
            )
            dispatcher.users = 1
            return dispatcher

    def _join(self, core: _Core) -> Dispatcher | None:
        """Like `_attach`, when a loop serves the calls already; None otherwise."""
        with self._lock:
            dispatcher = core.dispatcher
            if dispatcher is None or dispatcher.loop.is_closed():
                return None
            dispatcher.users += 1
            return dispatcher

    def _detach(self, core: _Core, dispatcher: Dispatcher) -> None:
        """Takes one `_attach` or `_join` back, on any thread."""
        with self._lock:
            dispatcher.users -= 1
            if dispatcher.users > 0:
                return
            if core.dispatcher is dispatcher:
                core.dispatcher = None
        dispatcher.stop()

    async def _shut(self, core: _Core, dispatcher: Dispatcher) -> None:
        """Closes a core, waits until everything is released, and detaches."""
        try:
            self._close_core(core)
            await dispatcher.wait_closed(_CLOSING)
        finally:
            self._detach(core, dispatcher)
            workers, self._workers = self._workers, None
            if workers is not None:
                await workers.close(_GRACE)

    def _close_core(self, core: _Core) -> None:
        with self._lock:
            if core.closing:
                return
            core.closing = True
            if self._core is core:
                self._core = self._new_core()
        core.handle.close(core.close_id, core.channel)


class _Core:
    """One life of a server, from its first use until it is closed."""

    __slots__ = ("channel", "close_id", "closing", "dispatcher", "handle")

    def __init__(self, handle: ServerHandle, channel: Channel, close_id: int) -> None:
        self.handle = handle
        self.channel = channel
        self.close_id = close_id
        self.closing = False
        self.dispatcher: Dispatcher | None = None


def _loop_runs() -> bool:
    """Whether an event loop runs on this thread. asyncio is not loaded to find out."""
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None


def _hold_interrupts() -> Callable[[], object]:
    """Has Ctrl-C wait until what this returns is called. It would leave an event loop half made, whose remains then
    complain."""
    # Not `signal`: the import of that could be interrupted too.
    signal: Any = __import__("_signal")
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        return _do_nothing
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    return lambda: signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _do_nothing() -> None:
    pass


def _local_names(frame: FrameType) -> Callable[[Any], dict[str, Any] | None]:
    """The local names that the hints of a function may use: those of the function it was defined in, which is the
    one that decorates it."""

    def names(fn: Any) -> dict[str, Any] | None:
        local = frame.f_locals is not frame.f_globals and frame.f_globals is getattr(fn, "__globals__", None)
        return dict(frame.f_locals) if local else None

    return names
