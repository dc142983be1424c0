"""How a client is known to an authorization server."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Literal, TypeAlias

from .. import options
from ..errors import MisuseError


Method: TypeAlias = Literal["client_secret_basic", "client_secret_post", "client_secret_jwt"]


@dataclass(frozen=True)
class PrivateKey:
    """A private key that signs what a client says of itself (`private_key_jwt`).

    * `pem`: the key, PKCS #8 for elliptic curves.
    * `algorithm`: `"ES256"`, `"EdDSA"`, `"RS256"` and the like.
    * `key_id`: the name by which the server knows the key.
    """

    pem: str | bytes = field(repr=False)
    algorithm: str
    key_id: str | None = None

    def _config(self) -> dict[str, Any]:
        pem = self.pem.decode() if isinstance(self.pem, bytes) else self.pem
        return _given(
            pem=secret("pem", pem),
            algorithm=options.text("algorithm", self.algorithm),
            keyId=options.text("key_id", self.key_id),
        )


@dataclass(frozen=True)
class Credentials:
    """A client as an authorization server knows it: public, with a secret, or with a private key.

    `token_endpoint_auth_method` says how the secret is used: `"client_secret_basic"`, `"client_secret_post"` or
    `"client_secret_jwt"`; as the server says to take it, if not given.
    `issuer` is the authorization server that knows the client; the credentials are never shown to another one. Without
    it, they belong to the first one that they were shown to.
    """

    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    _: KW_ONLY
    token_endpoint_auth_method: Method | None = None
    private_key: PrivateKey | None = None
    issuer: str | None = None

    def _config(self) -> dict[str, Any]:
        """The credentials as the core takes them."""
        if self.private_key is not None and not isinstance(self.private_key, PrivateKey):
            raise MisuseError(f"private_key is a PrivateKey, not a {type(self.private_key).__name__}")
        return _given(
            clientId=options.text("client_id", self.client_id),
            clientSecret=secret("client_secret", self.client_secret),
            tokenEndpointAuthMethod=options.text("token_endpoint_auth_method", self.token_endpoint_auth_method),
            privateKey=None if self.private_key is None else self.private_key._config(),
            issuer=options.text("issuer", self.issuer),
        )


def secret(name: str, value: Any) -> str | None:
    """A `str`, or None. What is wrong is not repeated."""
    if value is None or isinstance(value, str):
        return value
    raise MisuseError(f"{name} is a str, not a {type(value).__name__}")


def _given(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
