"""Clients of a server that wants authorization, and the server."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import pathlib
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from conftest import until
from grantor import Grantor, listening

import oxmcp
from oxmcp import Client, Context, MisuseError, Server, SyncClient, UnauthorizedError
from oxmcp.auth import (
    AuthInfo,
    ClientCredentials,
    Code,
    Credentials,
    Enterprise,
    FileTokens,
    Grant,
    IntrospectionVerifier,
    JwtVerifier,
    MemoryTokens,
    PrivateKey,
    Protection,
    Refused,
    TokenStore,
    Workload,
)
from oxmcp.callback_threads import CallbackThreads

BACK = "com.example.app:/authorized"

PEM = """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgpCVkLZFUnCfZwIJ6
4m/6dbTv1HJpEkdt7jTWo7kpKSShRANCAATH9dN2P4507mI49A83GXRnSRhOayfG
66W2DZ+3AsFe6yTH5H5tmi0WRkEYeiFB+P5IHpFP3Rc1wjMjBYZBVPrZ
-----END PRIVATE KEY-----
"""

NIGHTLY = Credentials("nightly", "s3cret")


def run(body: Any) -> Any:
    return asyncio.run(asyncio.wait_for(body, 100))


@pytest.fixture
def grantor() -> Iterator[Grantor]:
    with Grantor() as grantor:
        yield grantor


def in_own_window(show: Any, **options: Any) -> Code:
    return Code("Reports", redirect_uri=BACK, on_authorize=show, **options)


async def call(url: str, grant: Any, tool: str = "who") -> str:
    async with Client(url, auth=grant) as client:
        return (await client.call_tool(tool)).text


def test_a_user_authorizes_in_a_window_of_the_program_and_for_more_when_more_is_needed(grantor: Grantor) -> None:
    shown = []

    async def show(url: str) -> str:
        shown.append(url)
        return grantor.approve(url)

    def show_in_thread(url: str) -> str:
        assert threading.current_thread() is not threading.main_thread()
        return grantor.approve(url)

    async def body() -> None:
        async with grantor.guarded() as url:
            async with Client(url, auth=in_own_window(show)) as client:
                assert (await client.call_tool("who")).text == "ann []"
                assert (await client.call_tool("write")).text == "ann ['files:write']"
            assert len(shown) == 2 and all(url.startswith(f"{grantor.issuer}/authorize?") for url in shown)
            assert await call(url, in_own_window(show_in_thread, scopes=["a"])) == "ann ['a']"

    run(body())


def test_the_browser_comes_back_to_this_machine(grantor: Grantor) -> None:
    async def body() -> None:
        async with grantor.guarded() as url:
            assert await call(url, Code("Reports", open_browser=grantor.browse)) == "ann []"

    run(body())


def test_a_user_declines(grantor: Grantor, caplog: pytest.LogCaptureFixture) -> None:
    async def decline(url: str) -> str:
        raise Refused("the window was closed")

    async def fail(url: str) -> str:
        raise ValueError("there is no window")

    async def give_nothing(url: str) -> Any:
        return None

    async def body() -> None:
        async with grantor.guarded() as url:
            for show, why in [(decline, "the window was closed"), (fail, "ValueError: there is no window")]:
                with pytest.raises(UnauthorizedError, match=why):
                    await call(url, in_own_window(show))
            with pytest.raises(UnauthorizedError, match="does not fit"):
                await call(url, in_own_window(give_nothing))

    run(body())
    (logged,) = caplog.records
    assert "authorize" in logged.message and logged.exc_info is not None


def test_nobody_is_asked_any_more_when_connecting_is_given_up(grantor: Grantor) -> None:
    async def body() -> None:
        asked, cancelled = asyncio.Event(), asyncio.Event()

        async def never(url: str) -> str:
            asked.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.set()
                raise
            return url

        async with grantor.guarded() as url:
            client = Client(url, auth=in_own_window(never))
            connecting = asyncio.create_task(client.connect())
            await asked.wait()
            connecting.cancel()
            await cancelled.wait()
            with pytest.raises(asyncio.CancelledError):
                await connecting
            with pytest.raises(oxmcp.TimeoutError, match="did not authorize"):
                await call(url, in_own_window(never, patience=0.001))

    run(body())


def test_programs_speak_for_themselves_or_are_vouched_for(grantor: Grantor) -> None:
    async def token() -> str:
        return "a-jwt"

    grants: list[Grant] = [
        ClientCredentials("nightly", "s3cret", scopes=["a"], issuer=grantor.issuer),
        ClientCredentials("nightly", "s3cret", scopes=["a"], token_endpoint_auth_method="client_secret_post"),
        ClientCredentials("nightly", private_key=PrivateKey(PEM, "ES256", "k"), scopes=["a"]),
        Workload(NIGHTLY, token, scopes=["a"]),
        Workload(NIGHTLY, lambda: "a-jwt", scopes=["a"]),
        Enterprise(NIGHTLY, f"{grantor.issuer}/token", token, scopes=["a"], identity_provider_client=NIGHTLY),
    ]

    async def body() -> None:
        async with grantor.guarded() as url:
            for grant in grants:
                assert await call(url, grant) == "ann ['a']"

    run(body())
    asked = grantor.asked_by("client_credentials")
    assert [form.get("client_secret") for form in asked] == [None, "s3cret", None]
    bearer = grantor.asked_by("urn:ietf:params:oauth:grant-type:jwt-bearer")
    assert [form["assertion"] for form in bearer] == ["a-jwt", "a-jwt", "a-grant"]
    (exchange,) = grantor.asked_by("urn:ietf:params:oauth:grant-type:token-exchange")
    assert exchange["subject_token"] == "a-jwt"


def test_a_token_may_be_given(grantor: Grantor) -> None:
    async def body() -> None:
        async with grantor.guarded() as url:
            grantor.tokens["given"] = "a"
            assert await call(url, "given") == "ann ['a']"
            with pytest.raises(UnauthorizedError) as raised:
                await call(url, "s3cret")
            assert "s3cret" not in str(raised.value)
            with pytest.raises(UnauthorizedError):
                await call(url, "given", "write")
            async with Client({"url": url, "auth": "given"}) as client:
                await client.ping()

    run(body())


class Keychain(TokenStore):
    """A store of a user's own, with plain functions."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def read(self, key: str) -> str | None:
        return self.kept.get(key)

    def write(self, key: str, value: str | None) -> None:
        if value is None:
            del self.kept[key]
        else:
            self.kept[key] = value


class Shared(MemoryTokens):
    """A store with a lock of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.locks: list[str] = []
        self._lock = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def _locked(self, key: str) -> AsyncIterator[None]:
        async with self._lock:
            self.locks.append(f"took {key}")
            yield
            self.locks.append(f"let go {key}")

    def lock(self, key: str) -> Any:
        return self._locked(key)


@pytest.mark.parametrize("make", [lambda path: FileTokens(path), lambda _: MemoryTokens(), lambda _: Keychain()])
def test_tokens_are_kept_for_other_clients(grantor: Grantor, tmp_path: pathlib.Path, make: Callable[[Any], Any]) -> None:
    grant = ClientCredentials("nightly", "s3cret", store=make(tmp_path / "tokens.json"))

    async def body() -> None:
        async with grantor.guarded() as url:
            # At once: one of them alone asks for tokens.
            assert await asyncio.gather(*(call(url, grant) for _ in range(4))) == ["ann []"] * 4
            with SyncClientInThread(url, grant) as text:
                assert await text == "ann []"

    run(body())
    assert len(grantor.asked_by("client_credentials")) == 1


@contextlib.contextmanager
def SyncClientInThread(url: str, grant: Grant) -> Iterator[Any]:
    """A synchronous client beside the loop that serves it."""

    def call_it() -> str:
        with SyncClient(url, auth=grant) as client:
            return client.call_tool("who").text

    yield asyncio.to_thread(call_it)


def test_a_lock_of_a_store_is_held_while_tokens_are_asked_for(grantor: Grantor) -> None:
    store = Shared()

    async def body() -> None:
        async with grantor.guarded() as url:
            await call(url, ClientCredentials("nightly", "s3cret", store=store))

    run(body())
    took, let_go = store.locks[::2], store.locks[1::2]
    assert len(took) == len(let_go) > 0
    assert [lock.removeprefix("took ") for lock in took] == [lock.removeprefix("let go ") for lock in let_go]


def test_a_store_that_fails_says_so(grantor: Grantor) -> None:
    class Broken(Keychain):
        def read(self, key: str) -> str | None:
            raise OSError("the keychain is locked")

    class Odd(Keychain):
        def read(self, key: str) -> Any:
            return 53

    async def body() -> None:
        async with grantor.guarded() as url:
            for store, why in [(Broken(), "the keychain is locked"), (Odd(), "is a str, not a int")]:
                with pytest.raises(oxmcp.InternalError, match=why) as raised:
                    await call(url, ClientCredentials("nightly", "s3cret", store=store))
                assert "53" not in str(raised.value)

    logging.getLogger("oxmcp").setLevel(logging.CRITICAL)
    try:
        run(body())
    finally:
        logging.getLogger("oxmcp").setLevel(logging.NOTSET)


def asking() -> list[threading.Thread]:
    """The threads on which functions of synchronous clients' users run."""
    names = ("oxmcp-client", "oxmcp-callback")
    return [thread for thread in threading.enumerate() if thread.name in names]


def test_a_synchronous_client_asks_its_functions_on_a_thread(grantor: Grantor) -> None:
    async def show(url: str) -> str:
        return grantor.approve(url)

    def use(url: str) -> None:
        for grant in [in_own_window(show), Code("Reports", open_browser=grantor.browse)]:
            with SyncClient(url, auth=grant) as client:
                assert client.call_tool("who").text == "ann []"
                assert client.call_tool("write").text == "ann ['files:write']"
        until(lambda: not asking(), lambda: f"threads are left: {asking()}")
        dropped = SyncClient(url, auth=in_own_window(show))
        dropped.connect()
        del dropped
        gc.collect()
        until(lambda: not asking(), lambda: f"threads are left: {asking()}")

        async def decline(url: str) -> str:
            raise Refused("no")

        client = SyncClient(url, auth=in_own_window(decline))
        for _ in range(2):
            with pytest.raises(UnauthorizedError, match="no"):
                client.connect()
        until(lambda: not asking(), lambda: f"threads are left: {asking()}")

    async def body() -> None:
        async with grantor.guarded() as url:
            await asyncio.to_thread(use, url)

    run(body())


@contextlib.contextmanager
def serving(grantor: Grantor) -> Iterator[str]:
    """Has a server listen on a thread of its own, so that loops of clients may end."""
    loop = asyncio.new_event_loop()
    guarded = grantor.guarded()
    url = loop.run_until_complete(guarded.__aenter__())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(guarded.__aexit__(None, None, None))
        loop.close()


def give_up_connecting(url: str, grant: Grant, grantor: Grantor) -> None:
    """Leaves to the end of the loop what is still to be done then."""

    async def body() -> None:
        connecting = asyncio.create_task(Client(url, auth=grant).connect())
        await asyncio.to_thread(grantor.is_waiting.wait)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        grantor.grants.set()

    run(body())


def give_up_closing(url: str, grant: Grant, grantor: Grantor) -> None:
    grantor.grants.set()

    async def body() -> None:
        client = Client(url, auth=grant)
        await client.connect()
        grantor.withdraw()
        calling = asyncio.create_task(client.call_tool("who"))
        await asyncio.to_thread(grantor.is_waiting.wait)
        closing = asyncio.create_task(client.close())
        with pytest.raises(oxmcp.ClosedError):
            await calling
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        grantor.grants.set()

    run(body())


def interrupt(url: str, grant: Grant, grantor: Grantor) -> None:
    """As Ctrl-C does."""
    main = threading.main_thread().ident
    assert main is not None

    def interrupt_it() -> None:
        grantor.is_waiting.wait()
        signal.pthread_kill(main, signal.SIGINT)

    interrupting = threading.Thread(target=interrupt_it)
    interrupting.start()
    with pytest.raises(KeyboardInterrupt):
        SyncClient(url, auth=grant).connect()
    interrupting.join()
    grantor.grants.set()
    until(lambda: not asking(), lambda: f"threads are left: {asking()}")


@pytest.mark.parametrize("give_up", [give_up_connecting, give_up_closing, interrupt])
@pytest.mark.parametrize("make", [MemoryTokens, Keychain])
def test_tokens_that_are_refreshed_are_kept_though_the_client_was_given_up(
    grantor: Grantor, give_up: Callable[..., None], make: Callable[[], TokenStore]
) -> None:
    shown = []

    async def show(url: str) -> str:
        shown.append(url)
        return grantor.approve(url)

    grant = in_own_window(show, store=make())
    try:
        with serving(grantor) as url:
            assert run(call(url, grant)) == "ann []"
            grantor.withdraw()
            give_up(url, grant, grantor)
            assert run(call(url, grant)) == "ann []"
    finally:
        grantor.grants.set()
    # Tokens that were lost would have been asked of the user again.
    assert len(shown) == 1


def test_a_verifier_decides(grantor: Grantor, caplog: pytest.LogCaptureFixture) -> None:
    def plain(token: str, resource: str) -> Any:
        match token:
            case "claims":
                return {"sub": "bob", "scope": "a b", "exp": 4102444800, "team": resource}
            case "info":
                return AuthInfo(subject="eve", scopes=["a"], expires_at=4102444800.0)
            case "refused":
                raise Refused("it was stolen")
            case "odd":
                return 7
            case "broken":
                raise OSError("the database is away")
        return None

    async def later(token: str, resource: str) -> Any:
        return plain(token, resource)

    async def body(verifier: Any) -> None:
        server = Server("guarded")
        seen: list[Any] = []

        @server.tool
        def who(ctx: Context) -> str:
            seen.append(ctx.auth)
            return "done"

        async with listening(server, grantor.issuer, verifier, scopes=["a"]) as url:
            assert await call(url, "claims") == await call(url, "info") == "done"
            bob, eve = seen
            claims = {"sub": "bob", "scope": "a b", "exp": 4102444800, "team": url}
            assert bob == AuthInfo(subject="bob", scopes=["a", "b"], expires_at=4102444800, claims=claims)
            assert (eve.subject, eve.scopes, eve.expires_at) == ("eve", ["a"], 4102444800)
            for token, why in [("refused", "it was stolen"), ("unknown", "not known here")]:
                with pytest.raises(UnauthorizedError, match=why):
                    await call(url, token)
            for token in ["odd", "broken"]:
                with pytest.raises(oxmcp.McpError, match="cannot be checked now") as raised:
                    await call(url, token)
                assert "database" not in str(raised.value)
        async with Client(server) as client:
            await client.call_tool("who")
        assert seen[-1] is None

    run(body(plain))
    run(body(later))
    assert "the database is away" in caplog.text


def test_a_plain_verifier_that_hangs_gets_no_more_threads_than_there_are_for_verifiers(grantor: Grantor) -> None:
    limit = 64
    goes_on = threading.Event()
    threads: list[threading.Thread] = []

    def verify(token: str, resource: str) -> Any:
        threads.append(threading.current_thread())
        goes_on.wait()
        return {"sub": "ann"} if token == "good" else None

    async def body() -> None:
        async with grantor.guarded(verifier=verify) as url:
            strangers = [asyncio.create_task(call(url, f"made-up-{n}")) for n in range(limit + 36)]
            try:
                await asyncio.to_thread(until, lambda: len(threads) >= limit, lambda: f"{len(threads)} were asked")
            finally:
                goes_on.set()
            for answer in await asyncio.gather(*strangers, return_exceptions=True):
                assert isinstance(answer, oxmcp.McpError)
            assert await call(url, "good") == "ann []"

    run(body())
    assert len(set(threads)) <= limit < len(threads)


def test_what_waits_for_a_thread_can_be_taken_back() -> None:
    threads = CallbackThreads("oxmcp-test", 1)
    begun, goes_on, done = threading.Event(), threading.Event(), threading.Event()
    ran = []

    def first() -> None:
        begun.set()
        goes_on.wait()

    def third() -> None:
        ran.append("third")
        done.set()

    threads.submit(first)
    assert begun.wait(60)
    take_back = threads.submit(lambda: ran.append("second"))
    threads.submit(third)
    take_back()
    goes_on.set()
    assert done.wait(60)
    take_back()
    assert ran == ["third"]


def test_scopes_imply_others_and_tokens_may_have_to_be_bound(grantor: Grantor) -> None:
    async def body() -> None:
        async with grantor.guarded(implies={"files": ["files:write"]}) as url:
            assert await call(url, ClientCredentials("a", "b", scopes=["files"]), "write") == "ann ['files', 'files:write']"
        nonces: list[dict[str, Any]] = [{"require_dpop_nonce": True}, {"dpop_nonce_key": "0123456789abcdef" * 2}]
        for nonce in nonces:
            async with grantor.guarded(require_dpop=True, **nonce) as url:
                grantor.tokens["unbound"] = ""
                with pytest.raises(UnauthorizedError, match="bound to a key"):
                    await call(url, "unbound")

    run(body())


def test_the_issuer_is_asked(grantor: Grantor) -> None:
    verifier = IntrospectionVerifier(NIGHTLY, url=f"{grantor.issuer}/introspect", audiences=["files"], at_once=8)

    async def body() -> None:
        async with grantor.guarded(verifier=verifier) as url:
            grantor.tokens["good"] = "a"
            assert await call(url, "good") == "ann ['a']"
            with pytest.raises(UnauthorizedError):
                await call(url, "bad")
        async with grantor.guarded(verifier=JwtVerifier(algorithms=["ES256"])) as url:
            with pytest.raises(UnauthorizedError, match="no JWT"):
                await call(url, "good")

    run(body())


URL = "http://127.0.0.1:9/mcp"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Client(URL, auth=b"s3cret"), "auth is a token as a str, or a Code, .* not a bytes"),  # type: ignore[arg-type]
        (lambda: Client(["x"], auth="s3cret"), "'auth' has no meaning for a command"),
        (lambda: Client(Server("s"), auth="s3cret"), "'auth' has no meaning for a server of this process"),
        (lambda: SyncClient(URL, auth=Code("a", redirect_uri=BACK)), "redirect_uri and on_authorize go together"),
        (lambda: Client(URL, auth=Code("a", scopes="b")), "scopes is a list of str, not 'b'"),
        (lambda: Client(URL, auth=Code("a", store="f")), "store is FileTokens or a TokenStore, not a str"),  # type: ignore[arg-type]
        (lambda: Client(URL, auth=Code("a", patience="1")), "patience is a number of seconds"),  # type: ignore[arg-type]
        (lambda: Client(URL, auth=Code("a", callback_port=0)), "callback_port is a whole number from 1"),
        (lambda: Client(URL, auth=ClientCredentials("a", b"s3cret")), "client_secret is a str, not a bytes"),  # type: ignore[arg-type]
        (lambda: Client(URL, auth=ClientCredentials("a", private_key=PEM)), "private_key is a PrivateKey, not a str"),  # type: ignore[arg-type]
        (lambda: Server("s").listen(auth="s3cret"), "auth is a Protection .* not a str"),  # type: ignore[arg-type]
        (lambda: Server("s").listen(auth=Protection(URL, URL, "s3cret")), "verifier is a JwtVerifier"),  # type: ignore[arg-type]
        (lambda: Server("s").tool(scopes="a")(in_own_window), "scopes is a list of str, not 'a'"),
    ],
)
def test_what_makes_no_sense_is_refused_and_secrets_are_not_repeated(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(MisuseError, match=message) as raised:
        make()
    assert "s3cret" not in str(raised.value)


def test_secrets_are_not_shown() -> None:
    shown = [
        Credentials("a", "s3cret"),
        PrivateKey("s3cret", "ES256"),
        ClientCredentials("a", "s3cret"),
        Workload(Credentials("a", "s3cret"), lambda: "s3cret"),
        Client(URL, auth="s3cret"),
        Client(URL, auth=ClientCredentials("a", "s3cret")),
        Protection(URL, URL, JwtVerifier(), dpop_nonce_key="s3cret"),
    ]
    assert "s3cret" not in repr(shown)
    with pytest.raises(MisuseError) as raised:
        run(call(URL, ClientCredentials("a", private_key=PrivateKey("s3cret", "ES256"))))
    assert "s3cret" not in str(raised.value)
