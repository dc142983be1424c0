"""How clients are authorized by servers that want it."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, TypeAlias

from .. import options
from ..callback import called, called_as
from ..errors import MisuseError
from .credentials import Credentials, Method, PrivateKey, secret
from .refused import Refused
from .tokens import FileTokens, TokenStore

# Gives something that vouches for the client, anew each time.
Vouching: TypeAlias = Callable[[], "str | Awaitable[str]"]


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What the ways to be authorized have in common.

    * `scopes`: what to ask for, beside what the server says it needs.
    * `store`: where tokens are kept: `FileTokens` or a `TokenStore`; in memory, for this client, if not given.
    * `account`: for whom the client is authorized, where clients of several users share a store: any name that the
      program has for them. `Enterprise` needs one with a `store`.
    * `dpop`: whether tokens are bound to a key of the client; if the server asks for it, if not given.
    * `patience`: seconds that the user has, beyond the limits of connecting and of calls; 300 if not given.
    * `trust`: URLs of servers that may be asked although they are in a private network.
    """

    scopes: Sequence[str] = ()
    store: FileTokens | TokenStore | None = None
    account: str | None = None
    dpop: bool | None = None
    patience: float | None = None
    trust: Sequence[str] = ()

    def _config(self) -> dict[str, Any]:
        """The plan as the core takes it."""
        config = {
            **self._own_config(),
            "scopes": options.texts("scopes", self.scopes),
            "trust": options.texts("trust", self.trust),
            "patienceMs": options.milliseconds("patience", self.patience),
            "dpop": self.dpop,
            "account": options.text("account", self.account),
        }
        if isinstance(self.store, FileTokens):
            config["store"] = {"file": os.path.abspath(self.store.path)}
        elif isinstance(self.store, TokenStore):
            config["store"] = {"ask": True}
        elif self.store is not None:
            raise MisuseError(f"store is FileTokens or a TokenStore, not a {type(self.store).__name__}")
        return {name: value for name, value in config.items() if value is not None}

    def _own_config(self) -> dict[str, Any]:
        raise NotImplementedError

    def _asks(self) -> bool:
        """Whether the plan leaves something to functions of the user's."""
        return isinstance(self.store, TokenStore)

    async def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """Answers what the core asks for this grant."""
        assert isinstance(self.store, TokenStore)
        if question["ask"] == "readTokens":
            kept = await called_as("store", self.store.read, question["key"])
            return {"value": secret("what a TokenStore has read", kept)}
        await called_as("store", self.store.write, question["key"], question["value"])
        return {}

    def _lock(self, key: str) -> AbstractAsyncContextManager[object]:
        assert isinstance(self.store, TokenStore)
        return self.store.lock(key)


@dataclass(frozen=True)
class Code(Grant):
    """The user authorizes the client, in the browser of this machine.

        Client(url, auth=Code("Report Builder"))

    * `name`: what servers call the client before their users.
    * `callback_port`: the one port of this machine that the browser comes back to, at `/callback`; any free one if not
      given.
    * `open_browser`: a function that shows the user a URL in another way, by printing it for example.
    * `redirect_uri`, `on_authorize`: for programs with windows or pages of their own, in place of the browser: a
      function that is given a URL, takes the user there, and returns the URL to which they were redirected, which is
      `redirect_uri` and a query. It raises `Refused` when the user declines.
    * `registered`: the client as authorization servers know it already.
    * `metadata_url`: the `https` URL of a document about the client, for servers that take such documents.
    """

    name: str
    _: KW_ONLY
    callback_port: int | None = None
    open_browser: Callable[[str], object] | None = None
    redirect_uri: str | None = None
    on_authorize: Callable[[str], str | Awaitable[str]] | None = None
    registered: Sequence[Credentials] = ()
    metadata_url: str | None = None

    def _own_config(self) -> dict[str, Any]:
        if (self.redirect_uri is None) != (self.on_authorize is None):
            raise MisuseError(
                "redirect_uri and on_authorize go together: where users come back to, and what takes them there"
            )
        code: dict[str, Any] = {
            "name": options.text("name", self.name),
            "registered": [client._config() for client in self.registered],
            "metadataUrl": options.text("metadata_url", self.metadata_url),
            "redirectUri": options.text("redirect_uri", self.redirect_uri),
        }
        if self.callback_port is not None or self.open_browser is not None:
            port = options.whole("callback_port", self.callback_port, 1, 65535)
            code["browser"] = {"port": port or 0, "ask": self.open_browser is not None}
        return {"code": {name: value for name, value in code.items() if value is not None}}

    def _asks(self) -> bool:
        return self.on_authorize is not None or self.open_browser is not None or super()._asks()

    async def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        if question["ask"] == "authorize" and self.on_authorize is not None:
            return {"url": secret("what on_authorize returns", await called(self.on_authorize, question["url"]))}
        if question["ask"] == "openBrowser" and self.open_browser is not None:
            await called(self.open_browser, question["url"])
            return {}
        return await super()._answer(question)


@dataclass(frozen=True)
class ClientCredentials(Grant):
    """The client speaks for itself, without a user: with a secret, or with a private key.

    Client(url, auth=ClientCredentials("nightly", "s3cret"))
    """

    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    _: KW_ONLY
    token_endpoint_auth_method: Method | None = None
    private_key: PrivateKey | None = None
    issuer: str | None = None

    def _own_config(self) -> dict[str, Any]:
        client = Credentials(
            self.client_id,
            self.client_secret,
            token_endpoint_auth_method=self.token_endpoint_auth_method,
            private_key=self.private_key,
            issuer=self.issuer,
        )
        return {"clientCredentials": client._config()}


@dataclass(frozen=True)
class Enterprise(Grant):
    """An organisation's identity provider vouches for its user, who is signed in there already.

    * `client`: the client, as the MCP server's authorization server knows it.
    * `token_endpoint`: the identity provider's.
    * `id_token`: a function that returns the ID token of the user, or a SAML assertion with `saml=True`. It is called
      whenever tokens are needed.
    * `identity_provider_client`: the client as the identity provider knows it, if it has to show who it is.
    """

    client: Credentials
    token_endpoint: str
    id_token: Vouching
    _: KW_ONLY
    identity_provider_client: Credentials | None = None
    saml: bool = False

    def _own_config(self) -> dict[str, Any]:
        enterprise = {
            "client": self.client._config(),
            "tokenEndpoint": options.text("token_endpoint", self.token_endpoint),
            "saml": self.saml,
        }
        if self.identity_provider_client is not None:
            enterprise["identityProviderClient"] = self.identity_provider_client._config()
        return {"enterprise": enterprise}

    def _asks(self) -> bool:
        return True

    async def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        if question["ask"] == "idToken":
            return await _vouched("id_token", self.id_token)
        return await super()._answer(question)


@dataclass(frozen=True)
class Workload(Grant):
    """The platform that a program runs on vouches for it with a JWT, which `assertion` returns. It is called whenever
    tokens are needed."""

    client: Credentials
    assertion: Vouching

    def _own_config(self) -> dict[str, Any]:
        return {"workload": {"client": self.client._config()}}

    def _asks(self) -> bool:
        return True

    async def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        if question["ask"] == "assertion":
            return await _vouched("assertion", self.assertion)
        return await super()._answer(question)


async def _vouched(name: str, function: Vouching) -> dict[str, Any]:
    token = secret(f"what {name} returns", await called(function))
    if token is None:
        raise Refused(f"{name} returned nothing")
    return {"token": token}
