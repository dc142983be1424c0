"""Who makes a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class AuthInfo:
    """Who makes a request, as its access token says.

    * `subject`: the user, or the client if it speaks for itself; unique at its issuer alone.
    * `client_id`: the client that the token was issued to.
    * `issuer`: who issued the token.
    * `scopes`: what it is good for.
    * `expires_at`: when it expires, in seconds since 1970.
    * `claims`: everything that is said with the token.
    """

    subject: str | None = None
    client_id: str | None = None
    issuer: str | None = None
    scopes: Sequence[str] = ()
    expires_at: float | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, json: dict[str, Any]) -> AuthInfo:
        """What the core knows of it."""
        return cls(
            subject=json.get("subject"),
            client_id=json.get("clientId"),
            issuer=json.get("issuer"),
            scopes=json["scopes"],
            expires_at=json.get("expiresAt"),
            claims=json["claims"],
        )

    def to_claims(self) -> dict[str, Any]:
        """The same as the claims of a token."""
        given = {
            "sub": self.subject,
            "client_id": self.client_id,
            "iss": self.issuer,
            "scope": list(self.scopes) or None,
            "exp": self.expires_at,
        }
        return {**self.claims, **{name: value for name, value in given.items() if value is not None}}
