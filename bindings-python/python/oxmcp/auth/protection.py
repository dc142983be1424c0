"""Who may use a server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, TypeAlias

from .. import options
from ..callback import called_as
from ..errors import MisuseError
from .credentials import Credentials, secret
from .info import AuthInfo
from .refused import Refused


@dataclass(frozen=True, kw_only=True)
class JwtVerifier:
    """Takes tokens that are JWTs, signed with the issuer's keys, for this server, and good now.

    * `issuer`: the protection's first authorization server if not given.
    * `jwks_url`: where the issuer's keys are; its metadata says so if not given.
    * `algorithms`: what tokens may be signed with: RS256, PS256, ES256 and EdDSA if not given.
    * `audiences`: names of this server in tokens, beside the URL of its resource.
    """

    issuer: str | None = None
    jwks_url: str | None = None
    algorithms: Sequence[str] | None = None
    audiences: Sequence[str] = ()

    def _config(self) -> dict[str, Any]:
        jwt = {
            "issuer": options.text("issuer", self.issuer),
            "jwksUrl": options.text("jwks_url", self.jwks_url),
            "algorithms": options.texts("algorithms", self.algorithms),
            "audiences": options.texts("audiences", self.audiences),
        }
        return {"jwt": {name: value for name, value in jwt.items() if value is not None}}


@dataclass(frozen=True)
class IntrospectionVerifier:
    """Asks the issuer each time what a token is (RFC 7662): for tokens that say nothing themselves or may be withdrawn.

    * `client`: this server, as the issuer knows it.
    * `url`: where to ask; the issuer's metadata says so if not given.
    * `issuer`, `audiences`: as for `JwtVerifier`.
    * `at_once`: how many tokens are asked about at once; 64 if not given.
    """

    client: Credentials
    _: KW_ONLY
    url: str | None = None
    issuer: str | None = None
    audiences: Sequence[str] = ()
    at_once: int | None = None

    def _config(self) -> dict[str, Any]:
        introspection = {
            "client": self.client._config(),
            "url": options.text("url", self.url),
            "issuer": options.text("issuer", self.issuer),
            "audiences": options.texts("audiences", self.audiences),
            "atOnce": options.whole("at_once", self.at_once, 1),
        }
        return {"introspection": {name: value for name, value in introspection.items() if value is not None}}


# Whose a token is, as `AuthInfo` or as its claims; None if it is no good.
Verified: TypeAlias = "AuthInfo | Mapping[str, Any] | None"
Verify: TypeAlias = Callable[[str, str], "Verified | Awaitable[Verified]"]


@dataclass(frozen=True)
class Protection:
    """Whose tokens a server takes, and what it tells everybody else.

        auth = Protection("https://mcp.example.com/mcp", "https://auth.example.com", JwtVerifier(), scopes=["mcp"])
        server.run("http", auth=auth)

    * `resource`: the URL by which clients know the server.
    * `authorization_servers`: one, or several, that issue tokens for it.
    * `verifier`: a `JwtVerifier`, an `IntrospectionVerifier`, or a function of your own, async or not, that is given a
      token and the resource. It returns an `AuthInfo` or the token's claims, and None, or raises `Refused`, when the
      token is no good. It has to refuse tokens that were issued for another resource or have expired. Any other
      exception means that nobody can say now: the client is told to try again later. It has 15 seconds. A function that
      is not async runs in one of 64 threads that the process has for verifiers; let it not wait for others without a
      limit of its own, for it keeps its thread.
    * `scopes`: what every request needs; tools may need more (`@server.tool(scopes=[...])`).
    * `scopes_supported`: what clients may ask for; `scopes` if not given.
    * `name`, `documentation`: what the server is called before users, and the URL of a page about it.
    * `require_dpop`: whether only tokens that are bound to a key are taken.
    * `require_dpop_nonce`: whether proofs of that key have to hold a nonce of this server; with `dpop_nonce_key`, a
      secret of at least 32 characters, several servers take each other's.
    * `implies`: scopes that open what others do: `{"files": ["files:read", "files:write"]}`.
    """

    resource: str
    authorization_servers: str | Sequence[str]
    verifier: JwtVerifier | IntrospectionVerifier | Verify
    _: KW_ONLY
    scopes: Sequence[str] = ()
    scopes_supported: Sequence[str] = ()
    name: str | None = None
    documentation: str | None = None
    require_dpop: bool = False
    require_dpop_nonce: bool = False
    dpop_nonce_key: str | None = field(default=None, repr=False)
    implies: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def _config(self) -> dict[str, Any]:
        """The protection as the core takes it."""
        servers = self.authorization_servers
        if isinstance(servers, str):
            servers = [servers]
        config = {
            **self._verifier(),
            "resource": options.text("resource", self.resource),
            "authorizationServers": options.texts("authorization_servers", servers),
            "scopes": options.texts("scopes", self.scopes),
            "scopesSupported": options.texts("scopes_supported", self.scopes_supported),
            "name": options.text("name", self.name),
            "documentation": options.text("documentation", self.documentation),
            "requireDpop": self.require_dpop,
            "requireDpopNonce": self.require_dpop_nonce,
            "dpopNonceKey": secret("dpop_nonce_key", self.dpop_nonce_key),
            "implies": {scope: options.texts("implies", implied) for scope, implied in self.implies.items()},
        }
        return {name: value for name, value in config.items() if value is not None}

    def _verifier(self) -> dict[str, Any]:
        if isinstance(self.verifier, (JwtVerifier, IntrospectionVerifier)):
            return self.verifier._config()
        if callable(self.verifier):
            return {"verify": True}
        raise MisuseError(
            f"verifier is a JwtVerifier, an IntrospectionVerifier or a function, not a {type(self.verifier).__name__}"
        )

    async def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """Answers the core, which asks whose a token is."""
        assert callable(self.verifier)
        verified = await called_as("verifier", self.verifier, question["token"], question["resource"])
        if verified is None:
            raise Refused("it is not known here")
        if isinstance(verified, AuthInfo):
            return verified.to_claims()
        if isinstance(verified, Mapping):
            return dict(verified)
        raise TypeError(f"a verifier returns an AuthInfo, claims or None, not a {type(verified).__name__}")

    def _lock(self, key: str) -> Any:
        raise NotImplementedError
