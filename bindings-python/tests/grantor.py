"""An authorization server that grants everything to everybody, and a server that takes its tokens."""

from __future__ import annotations

import contextlib
import http.server
import itertools
import json
import socket
import threading
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator
from typing import Any

from oxmcp import ConnectError, Context, Server
from oxmcp.auth import AuthInfo, Protection


class Grantor:
    """The server, on a thread of its own. `asked` are the forms that its token endpoint was sent.

    Refresh tokens are good once. While `grants` is not set, it grants them nothing yet, and `is_waiting` is set."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.tokens: dict[str, str] = {}
        self.grants = threading.Event()
        self.grants.set()
        self.is_waiting = threading.Event()
        self._refresh: str | None = None
        self._numbers = itertools.count(1)
        grantor = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._say(*grantor._get(self.path))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                self._say(*grantor._post(self.path, body))

            def _say(self, status: int, said: Any) -> None:
                body = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Grantor:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def approve(self, url: str) -> str:
        """Where a user is sent back to who agrees."""
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        answer = {"state": asked["state"], "code": "code for " + asked.get("scope", "")}
        return f"{asked['redirect_uri']}?{urllib.parse.urlencode(answer)}"

    def browse(self, url: str) -> None:
        """What a browser does whose user agrees."""
        with urllib.request.urlopen(self.approve(url)) as page:
            assert page.status == 200

    def asked_by(self, grant: str) -> list[dict[str, str]]:
        """The forms that asked for that grant."""
        return [form for form in self.asked if form["grant_type"] == grant]

    async def verify(self, token: str, resource: str) -> AuthInfo | None:
        """Whose a token is."""
        scope = self.tokens.get(token)
        if scope is None:
            return None
        return AuthInfo(subject="ann", client_id="c", scopes=scope.split(), claims={"for": resource})

    @contextlib.asynccontextmanager
    async def guarded(self, **options: Any) -> AsyncIterator[str]:
        """Serves a tool that everybody may call who has a token, and one that needs a scope; gives the URL."""
        server = Server("guarded")

        @server.tool
        async def who(ctx: Context) -> str:
            return f"{ctx.auth.subject} {list(ctx.auth.scopes)}" if ctx.auth else "nobody"

        @server.tool(scopes=["files:write"])
        def write(ctx: Context) -> str:
            return f"{ctx.auth.subject} {list(ctx.auth.scopes)}" if ctx.auth else "nobody"

        verifier = options.pop("verifier", self.verify)
        async with listening(server, self.issuer, verifier, **options) as url:
            yield url

    def _get(self, path: str) -> tuple[int, Any]:
        if path != "/.well-known/oauth-authorization-server":
            return 404, "nothing is here"
        return 200, {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "registration_endpoint": f"{self.issuer}/register",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "private_key_jwt"],
        }

    def _post(self, path: str, body: bytes) -> tuple[int, Any]:
        if path == "/register":
            return 201, {**json.loads(body), "client_id": "registered"}
        form = dict(urllib.parse.parse_qsl(body.decode()))
        if path == "/introspect":
            scope = self.tokens.get(form["token"])
            return 200, {"active": scope is not None, "sub": "ann", "aud": "files", "scope": scope or ""}
        self.asked.append(form)
        kind = "urn:ietf:params:oauth:token-type:id-jag"
        if form.get("requested_token_type") == kind:
            return 200, {"access_token": "a-grant", "issued_token_type": kind, "token_type": "N_A"}
        if form["grant_type"] == "refresh_token":
            if form["refresh_token"] != self._refresh:
                return 400, {"error": "invalid_grant"}
            self._refresh = None
            if not self.grants.is_set():
                self.is_waiting.set()
                self.grants.wait()
        scope = form.get("code", "").removeprefix("code for ") or form.get("scope", "")
        number = next(self._numbers)
        token = f"s3cret-{number}"
        self.tokens[token] = scope
        granted = {"access_token": token, "token_type": "Bearer", "scope": scope}
        if form["grant_type"] in ("authorization_code", "refresh_token"):
            self._refresh = granted["refresh_token"] = f"r3fresh-{number}"
        return 200, granted

    def withdraw(self) -> None:
        """Has clients refresh their tokens, which is not granted before `grants` is set."""
        self.tokens.clear()
        self.is_waiting.clear()
        self.grants.clear()


@contextlib.asynccontextmanager
async def listening(server: Server, issuer: str, verifier: Any, **options: Any) -> AsyncIterator[str]:
    """Has a server listen that takes the tokens of an issuer, and gives its URL."""
    while True:
        # Its URL has to be known before it listens, and a port that was free may be somebody's by then.
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        url = f"http://127.0.0.1:{port}/mcp"
        try:
            async with server.listen(port=port, auth=Protection(url, issuer, verifier, **options)):
                yield url
            return
        except ConnectError:
            continue
