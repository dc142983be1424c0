"""Clients and servers end in any order, on any thread, at any time, and leave nothing behind."""

from __future__ import annotations

import asyncio
import gc
import os
import pathlib
import random
import subprocess
import sys
import textwrap
import threading
from typing import Any

import everything
import pytest
from conftest import EVERYTHING, begun, children, connected, servers, until

import oxmcp
from oxmcp import Client, SyncClient


def run(body: Any) -> Any:
    return asyncio.run(asyncio.wait_for(body, 100))


def program(tmp_path: pathlib.Path, text: str, *, code: int = 0, timeout: float = 100) -> str:
    """Runs a program that must end by itself with this exit code and nothing on stderr."""
    path = tmp_path / "program.py"
    head = f"""
    import asyncio, atexit, gc, os, sys, threading
    sys.path.insert(0, {str(EVERYTHING.parent)!r})
    import everything, oxmcp
    from oxmcp import Client, Server, SyncClient
    COMMAND = [sys.executable, {str(EVERYTHING)!r}]
    """
    path.write_text(textwrap.dedent(head) + textwrap.dedent(text))
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", path], capture_output=True, text=True, timeout=timeout
    )
    assert done.stderr == ""
    assert done.returncode == code
    return done.stdout


@pytest.mark.usefixtures("nothing_left")
def test_clients_close_in_any_order_from_any_task(transport: str) -> None:
    async def body() -> None:
        contexts = [connected(transport) for _ in range(20)]
        clients = [await context.__aenter__() for context in contexts]
        calls = [await begun(client, "wait") for client in clients]
        order = random.sample(range(20), 20)
        await asyncio.gather(*(asyncio.create_task(clients[n].close()) for n in order))
        for call in calls:
            with pytest.raises(oxmcp.ClosedError):
                await call
        for n in order:
            await contexts[n].__aexit__(None, None, None)

    run(body())


@pytest.mark.usefixtures("nothing_left")
def test_clients_close_from_other_threads_and_loops() -> None:
    async def body() -> None:
        clients = [Client([sys.executable, EVERYTHING]) for _ in range(6)]
        for client in clients:
            await client.connect()
        calls = [await begun(client, "wait") for client in clients]
        threads = [threading.Thread(target=asyncio.run, args=(client.close(),)) for client in clients]
        for thread in random.sample(threads, 6):
            thread.start()
        for call in calls:
            with pytest.raises(oxmcp.ClosedError):
                await call
        for thread in threads:
            thread.join()

    run(body())


def test_connecting_twice_does_not_harm_the_connection() -> None:
    async def body() -> None:
        client = Client(everything.make())
        first, second = await asyncio.gather(client.connect(), client.connect(), return_exceptions=True)
        assert first is None
        assert isinstance(second, oxmcp.MisuseError)
        assert (await client.call_tool("add", {"a": 1})).text == "2"
        await client.close()

    run(body())


@pytest.mark.usefixtures("nothing_left")
def test_a_client_outlives_its_loop() -> None:
    client = Client([sys.executable, EVERYTHING])
    asyncio.run(client.connect())

    async def use() -> str:
        return (await client.call_tool("add", {"a": 1})).text

    assert asyncio.run(use()) == "2"
    assert asyncio.run(use()) == "2"
    asyncio.run(client.close())


@pytest.mark.usefixtures("nothing_left")
def test_forgotten_clients_end_their_servers() -> None:
    async def body() -> None:
        clients = [Client([sys.executable, EVERYTHING]) for _ in range(3)]
        for client in clients:
            await client.connect()
        sync = SyncClient([sys.executable, EVERYTHING])
        sync.connect()
        assert len(servers()) == 4
        memory = Client(everything.make())
        await memory.connect()
        del client, clients, sync, memory
        gc.collect()

    run(body())
    until(lambda: not children(), lambda: f"still running: {children()}")


@pytest.mark.usefixtures("nothing_left")
def test_many_loops_one_after_the_other(transport: str) -> None:
    async def body() -> None:
        async with connected(transport) as client:
            assert (await client.call_tool("add", {"a": 1})).text == "2"

    for _ in range(5):
        run(body())


@pytest.mark.usefixtures("nothing_left")
def test_cancelled_connecting_leaves_nothing() -> None:
    async def body() -> None:
        for delay in (0, 0.01, 0.05):
            client = Client([sys.executable, "-c", "import time; time.sleep(600)"])
            task = asyncio.create_task(client.connect())
            await asyncio.sleep(delay)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not client.connected

    run(body())


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    ("target", "options", "error"),
    [
        (["/nowhere/to/be/found"], {}, oxmcp.ConnectError),
        ([sys.executable, "-c", "pass"], {}, oxmcp.ConnectError),
        ([sys.executable, "-c", "import time; time.sleep(600)"], {"connect_timeout": 0.3}, oxmcp.TimeoutError),
        ("http://127.0.0.1:9/mcp", {}, oxmcp.ConnectError),
        ({"command": "x", "url": "http://127.0.0.1:9/"}, {}, oxmcp.MisuseError),
        ({"comand": "x"}, {}, oxmcp.MisuseError),
        ([sys.executable], {"protocol_version": "1999-01-01"}, oxmcp.MisuseError),
    ],
    ids=str,
)
def test_a_server_that_is_not_there_is_a_clear_error(target: Any, options: Any, error: type[Exception]) -> None:
    async def body() -> None:
        with pytest.raises(error):
            async with Client(target, **options):
                pytest.fail("connected")

    run(body())
    with pytest.raises(error), SyncClient(target, **options):
        pytest.fail("connected")


@pytest.mark.parametrize("target", ["server", 1, [], [1], None], ids=str)
def test_what_is_no_target_is_misuse(target: Any) -> None:
    with pytest.raises(oxmcp.MisuseError):
        Client(target)


@pytest.mark.usefixtures("nothing_left")
def test_a_server_that_dies_settles_its_calls() -> None:
    async def body() -> None:
        async with Client([sys.executable, EVERYTHING]) as client:
            calls = [await begun(client, "wait") for _ in range(10)]
            [server] = servers()
            os.kill(server, 9)
            for call in calls:
                with pytest.raises(oxmcp.ClosedError):
                    await call
            with pytest.raises(oxmcp.ClosedError):
                await client.call_tool("add", {"a": 1})

    run(body())


def test_a_loop_that_cannot_watch_descriptors_is_woken_by_a_thread() -> None:
    class NoReaders(asyncio.SelectorEventLoop):
        def add_reader(self, fd: Any, callback: Any, *args: Any) -> Any:  # type: ignore[override]
            raise NotImplementedError

        def _add_reader(self, fd: Any, callback: Any, *args: Any) -> Any:
            # The loop's own pipe for call_soon_threadsafe.
            return super()._add_reader(fd, callback, *args)  # type: ignore[misc]

    async def body() -> None:
        async with Client(everything.make()) as client:
            texts = await asyncio.gather(*(client.call_tool("echo", {"text": str(n)}) for n in range(300)))
            assert [result.text for result in texts] == [str(n) for n in range(300)]
            assert (await client.call_tool("add", {"a": 1})).text == "2"

    loop = NoReaders()
    loop.run_until_complete(asyncio.wait_for(body(), 100))
    loop.close()


def test_a_forked_child_is_told_not_to_use_its_parents_client(tmp_path: pathlib.Path) -> None:
    printed = program(
        tmp_path,
        """
        client = SyncClient(COMMAND)
        client.connect()
        server = everything.make()
        pid = os.fork()
        if pid == 0:
            for use in (client.ping, client.close, lambda: server.tool(len, name="l")):
                try:
                    use()
                except oxmcp.MisuseError as error:
                    print("misuse:", error, flush=True)
            del client, server
            gc.collect()
            sys.exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        print(client.call_tool("add", {"a": 1}).text)
        client.close()
        """,
    )
    lines = printed.splitlines()
    assert lines[-1] == "2"
    assert len(lines) == 4
    assert all(line.startswith("misuse: ") and "fork" in line for line in lines[:-1])


def test_a_forked_child_makes_clients_and_servers_of_its_own(tmp_path: pathlib.Path) -> None:
    printed = program(
        tmp_path,
        """
        import multiprocessing

        def over_stdio() -> None:
            with SyncClient(COMMAND) as own:
                print("stdio", own.call_tool("add", {"a": 1}).text, flush=True)

        def in_memory() -> None:
            with SyncClient(everything.make()) as own:
                print("memory", own.call_tool("add", {"a": 2}).text, flush=True)

        async def over_http() -> None:
            async with everything.make().listen() as address, Client(address.url) as own:
                print("http", (await own.call_tool("add", {"a": 3})).text, flush=True)

        def every_way() -> None:
            over_stdio()
            in_memory()
            asyncio.run(over_http())

        client = SyncClient(COMMAND)
        client.connect()
        child = multiprocessing.get_context("fork").Process(target=every_way)
        child.start()
        child.join()
        assert child.exitcode == 0, child.exitcode
        print("parent", client.call_tool("add", {"a": 4}).text)
        client.close()
        """,
    )
    assert printed.splitlines() == ["stdio 2", "memory 3", "http 4", "parent 5"]


def test_forking_in_the_middle_of_calls_leaves_no_child_hanging(tmp_path: pathlib.Path) -> None:
    printed = program(
        tmp_path,
        """
        import signal

        client = SyncClient(COMMAND)
        client.connect()
        over = threading.Event()

        def work() -> None:
            while not over.is_set():
                client.call_tool("add", {"a": 1})

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            pid = os.fork()
            if pid == 0:
                # A child that waits for a lock is ended by this.
                signal.alarm(60)
                try:
                    client.ping()
                except oxmcp.MisuseError:
                    pass
                del client
                gc.collect()
                sys.exit(0)
            assert os.waitpid(pid, 0)[1] == 0
        over.set()
        for thread in threads:
            thread.join()
        print(client.call_tool("add", {"a": 1}).text)
        client.close()
        """,
    )
    assert printed == "2\n"


@pytest.mark.parametrize(
    "text",
    [
        # Open when the interpreter ends, with calls in flight and nobody left to take the answers.
        """
        client = Client(COMMAND)
        async def main():
            await client.connect()
            begun = asyncio.Event()
            call = client.call_tool("wait", {"seconds": 600}, progress=lambda *_: begun.set())
            asyncio.ensure_future(call)
            await begun.wait()
        asyncio.run(main())
        """,
        # A loop that is closed with its client still connected, by an exit handler.
        """
        client = Client(everything.make())
        loop = asyncio.new_event_loop()
        atexit.register(loop.close)
        loop.run_until_complete(client.connect())
        loop.run_until_complete(client.ping())
        """,
        # A thread that waits for an answer.
        """
        client = SyncClient(COMMAND)
        client.connect()
        begun = threading.Event()
        def call():
            try:
                client.call_tool("wait", {"seconds": 600}, progress=lambda *_: begun.set())
            except oxmcp.ClosedError:
                pass
        threading.Thread(target=call, daemon=True).start()
        begun.wait()
        """,
        # A sync tool that does not return.
        """
        server = Server("s")
        begun = threading.Event()
        @server.tool
        def forever() -> str:
            begun.set()
            threading.Event().wait()
            return ""
        client = SyncClient(server)
        client.connect()
        while not begun.is_set():
            try:
                client.call_tool("forever", timeout=0.1)
            except oxmcp.TimeoutError:
                pass
        """,
        # Closed by an exit handler, and by finalizers in the interpreter's last moments.
        """
        first, second = SyncClient(COMMAND), SyncClient(COMMAND)
        first.connect(), second.connect()
        atexit.register(first.close)
        class Holder:
            def __init__(self): self.client = second
            def __del__(self): self.client.close()
        sys.holder = Holder()
        """,
        # Ended in the middle of everything.
        """
        client = SyncClient(COMMAND)
        client.connect()
        os._exit(0)
        """,
    ],
    ids=["in-flight", "open-loop", "waiting-thread", "endless-tool", "handlers", "os-exit"],
)
def test_the_interpreter_ends_cleanly(tmp_path: pathlib.Path, text: str) -> None:
    program(tmp_path, text)


def test_an_open_servers_process_ends_with_its_client(tmp_path: pathlib.Path) -> None:
    printed = program(
        tmp_path,
        """
        client = SyncClient(COMMAND)
        client.connect()
        import conftest
        print(*conftest.children())
        """,
    )
    pids = printed.split()
    # The server and its guardian.
    assert len(pids) == 2

    def there() -> list[str]:
        return [pid for pid in pids if pathlib.Path(f"/proc/{pid}").exists()]

    until(lambda: not there(), lambda: f"still there: {there()}")
