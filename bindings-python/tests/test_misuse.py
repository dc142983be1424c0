"""What users get wrong is refused, in words that name what they wrote and say what to do."""

from __future__ import annotations

import asyncio
import logging
import pathlib
import types
from functools import partial
from typing import Any

import everything
import pytest

import oxmcp
from oxmcp import Client, Context, MisuseError, Server, SyncClient

URL = "http://127.0.0.1:9/mcp"


def run(body: Any) -> Any:
    return asyncio.run(asyncio.wait_for(body, 100))


@pytest.mark.parametrize("kind", [Client, SyncClient])
@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ({"cmd": "x"}, {}, "the key 'cmd', .* command, args, env, cwd, stderr, url, headers"),
        ({"command": "x", "timeoutMs": 1}, {}, "'timeoutMs', .*keyword arguments"),
        ({"mcpServers": {"a": {"command": "x"}}}, {}, "one of the entries of 'mcpServers'"),
        ({}, {}, "needs either 'command' or 'url'"),
        ({"command": "x", "url": URL}, {}, "both 'command' and 'url'"),
        ({"command": "x", "args": "--flag"}, {}, "args is a list of str, not '--flag'"),
        ({"command": "x", "args": ["-p", 1]}, {}, "args is a list of str; 1 in it is none"),
        ({"command": "x", "env": ["A=1"]}, {}, "env is a dict of str to str"),
        (["x"], {"env": {"PORT": 1}}, r"env\['PORT'\] is a str, not 1"),
        (["x"], {"cwd": 1}, "cwd is a str or a path, not 1"),
        (["x"], {"stderr": "off"}, "stderr is 'inherit' or 'null', not 'off'"),
        (["x"], {"headers": {"A": "b"}}, "'headers' has no meaning for a command"),
        ({"command": "x", "headers": {}}, {}, "'headers' has no meaning for a command"),
        (URL, {"env": {"A": "b"}}, "'env' has no meaning for a URL"),
        (URL, {"cwd": "/"}, "'cwd' has no meaning for a URL"),
        (URL, {"headers": {"A": 1}}, r"headers\['A'\] is a str, not 1"),
        (Server("s"), {"headers": {"A": "b"}}, "'headers' has no meaning for a server of this process"),
        ("python srv.py", {}, r"a command is a list of words, here \['python', 'srv.py'\]"),
        ("uvx server", {}, r"here \['uvx', 'server'\]"),
        (URL, {"timeout": "5"}, "timeout is a number of seconds, zero or more, not '5'"),
        (URL, {"connect_timeout": -1}, "connect_timeout is a number of seconds"),
        (URL, {"max_message_bytes": "1"}, "max_message_bytes is a whole number of 1 or more, not '1'"),
        (URL, {"protocol_version": 2025}, "protocol_version is a str, not 2025"),
        (URL, {"client_info": "me"}, "client_info is an Implementation or a dict"),
    ],
)
def test_a_client_that_cannot_be(kind: Any, target: Any, options: Any, message: str) -> None:
    with pytest.raises(MisuseError, match=message):
        kind(target, **options)


def test_options_of_a_configuration_are_used_and_may_be_given_beside_it() -> None:
    config = {"command": "x", "env": {"A": "1"}, "cwd": pathlib.Path("/tmp")}
    assert Client(config)._config == {"command": "x", "env": {"A": "1"}, "cwd": "/tmp"}
    assert Client(config, env={"B": "2"})._config["env"] == {"B": "2"}
    assert Client({"url": URL, "headers": {"A": "b"}})._config == {"url": URL, "headers": {"A": "b"}}


def test_a_file_that_is_not_there_is_told_before_anything_starts(tmp_path: pathlib.Path) -> None:
    for client in (SyncClient("missing.py", cwd=tmp_path), SyncClient(tmp_path / "missing.py")):
        with pytest.raises(oxmcp.ConnectError, match=r"missing\.py' does not exist"):
            client.connect()
        assert not client.connected


def test_calls_with_wrong_arguments() -> None:
    async def body() -> None:
        async with Client(everything.make()) as client:
            for arguments in ([1], "a", 1):
                with pytest.raises(MisuseError, match="arguments is a dict or another mapping, not "):
                    await client.call_tool("add", arguments)  # type: ignore[call-overload]
            with pytest.raises(MisuseError, match="name is the name of a tool as a str, not 5"):
                await client.call_tool(5)  # type: ignore[call-overload]
            for timeout in ("5", -1, float("nan")):
                with pytest.raises(MisuseError, match="timeout is a number of seconds, zero or more, not "):
                    await client.call_tool("add", {"a": 1}, timeout=timeout)  # type: ignore[arg-type]
                with pytest.raises(MisuseError, match="timeout is a number of seconds"):
                    await client.list_tools(timeout=timeout)  # type: ignore[arg-type]
            with pytest.raises(MisuseError, match="max_timeout is a number of seconds"):
                await client.call_tool("add", {"a": 1}, max_timeout="5")  # type: ignore[call-overload]
            # Any mapping will do.
            assert await client.call_tool("add", types.MappingProxyType({"a": 1, "b": 2}), into=int) == 3

    run(body())


def test_a_client_says_whether_it_was_ever_connected() -> None:
    async def body() -> None:
        client = Client(everything.make())
        with pytest.raises(MisuseError, match="is not connected"):
            await client.ping()
        async with client:
            await client.ping()
        with pytest.raises(MisuseError, match="was closed"):
            await client.call_tool("add", {"a": 1})
        async with client:
            await client.ping()

    run(body())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"port": "x"}, "port is a whole number from 0 to 65535, not 'x'"),
        ({"port": 99999}, "port is a whole number from 0 to 65535, not 99999"),
        ({"port": True}, "port is a whole number"),
        ({"host": 1}, "host is a str, not 1"),
        ({"path": b"/mcp"}, "path is a str"),
        ({"allowed_hosts": "a.example"}, "allowed_hosts is a list of str, not 'a.example'"),
        ({"allowed_origins": [1]}, "allowed_origins is a list of str; 1 in it is none"),
    ],
)
def test_an_address_that_cannot_be(options: Any, message: str) -> None:
    with pytest.raises(MisuseError, match=message):
        Server("s").listen(**options)
    with pytest.raises(MisuseError, match=message):
        Server("s").run("http", **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"version": 1.0}, r"version is a str, not 1\.0"),
        ({"page_size": 0}, "page_size is a whole number of 1 or more, not 0"),
        ({"max_message_bytes": "1"}, "max_message_bytes is a whole number"),
        ({"max_threads": 0}, "max_threads is a whole number of 1 or more"),
    ],
)
def test_a_server_that_cannot_be(options: Any, message: str) -> None:
    with pytest.raises(MisuseError, match=message):
        Server("s", **options)
    with pytest.raises(MisuseError, match="name is a str"):
        Server(None)  # type: ignore[arg-type]


def test_the_constructors_explain_their_parameters() -> None:
    for kind in (Client, SyncClient, Server):
        doc = kind.__init__.__doc__
        assert doc is not None
        names = kind.__init__.__code__.co_varnames[1 : kind.__init__.__code__.co_kwonlyargcount + 2]
        assert "timeout" in names or "page_size" in names
        for name in names:
            assert f"`{name}`" in doc, name


class Adder:
    def __init__(self, base: int) -> None:
        self.base = base

    def add(self, a: int) -> int:
        "Add to the base."
        return self.base + a

    @classmethod
    def make(cls, a: int) -> int:
        return cls(a).base

    @staticmethod
    def same(a: int) -> int:
        return a


def test_a_method_without_its_object_is_no_tool() -> None:
    server = Server("s")
    with pytest.raises(MisuseError, match=r"'self' would be .* server\.add_tool\(Adder\(\.\.\.\)\.add\)"):
        server.tool(Adder.add)
    with pytest.raises(MisuseError, match="method without its object"):

        class Greeter:
            @server.tool(name="greet")
            def greet(self, name: str) -> str:
                return name

    server.add_tool(Adder(1).add)
    server.add_tool(Adder.make)
    server.add_tool(Adder.same)

    @server.tool
    def alone(self: int) -> int:  # no method, whatever its parameter is called
        return self

    async def body() -> None:
        async with Client(server) as client:
            for name, argument, answer in [("add", "a", 3), ("make", "a", 2), ("same", "a", 2), ("alone", "self", 2)]:
                assert await client.call_tool(name, {argument: 2}, into=int) == answer

    run(body())


class Connection:
    """Something without a JSON form."""


def query(connection: Connection, text: str, ctx: Context, limit: int = 3) -> str:
    "Ask the database."
    return f"{type(connection).__name__} {text} {limit}"


async def query_later(connection: Connection, text: str, limit: int = 3) -> str:
    "Ask the database later."
    return f"{type(connection).__name__} {text} {limit}"


def test_a_partial_is_a_tool_named_and_described_as_what_it_calls() -> None:
    server = Server("s")
    server.add_tool(partial(query, Connection()))
    server.add_tool(partial(partial(query_later, connection=Connection()), limit=5))

    async def body() -> None:
        async with Client(server) as client:
            first, second = await client.list_tools()
            assert (first.name, first.description) == ("query", "Ask the database.")
            assert (second.name, second.description) == ("query_later", "Ask the database later.")
            assert set(first.input_schema["properties"]) == {"text", "limit"}
            assert first.input_schema["properties"]["text"] == {"type": "string"}
            # What is bound is not the caller's to give.
            assert set(second.input_schema["properties"]) == {"text"}
            assert (await client.call_tool("query", {"text": "a"})).text == "Connection a 3"
            assert (await client.call_tool("query_later", {"text": "b"})).text == "Connection b 5"
            assert (await client.call_tool("query_later", {"text": "b", "limit": 9})).is_error

    run(body())


def test_what_a_partial_has_bound_cannot_be_given_as_any_argument() -> None:
    server = Server("s")

    def act(**given: str) -> str:
        return " ".join(f"{name}={value}" for name, value in sorted(given.items()))

    server.add_tool(partial(act, user="me"))

    async def body() -> None:
        async with Client(server) as client:
            assert (await client.call_tool("act", {"to": "you"})).text == "to=you user=me"
            assert (await client.call_tool("act", {"user": "root"})).is_error

    run(body())


def test_a_tool_that_replaces_another_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    server = Server("s")
    server.tool(Adder.same)
    assert not caplog.records
    server.tool(name="same")(lambda: "new")
    [record] = caplog.records
    assert (record.name, record.levelno) == ("oxmcp", logging.WARNING)
    assert "the tool same was there already" in record.getMessage()
    server.add_tool(lambda: "newer", name="same")  # which says that it replaces
    assert len(caplog.records) == 1
