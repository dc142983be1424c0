"""Authorization: how a client gets at servers that want it, and how a server sees who asks.

    from oxmcp import Client
    from oxmcp.auth import Code, FileTokens

    async with Client(url, auth=Code("Report Builder", store=FileTokens("tokens.json"))) as client:
        ...

Nothing happens until the server asks for it. Then the user authorizes the client in the browser, and the call goes on.
"""

from .credentials import Credentials as Credentials, PrivateKey as PrivateKey
from .grants import (
    ClientCredentials as ClientCredentials,
    Code as Code,
    Enterprise as Enterprise,
    Grant as Grant,
    Workload as Workload,
)
from .info import AuthInfo as AuthInfo
from .protection import (
    IntrospectionVerifier as IntrospectionVerifier,
    JwtVerifier as JwtVerifier,
    Protection as Protection,
)
from .refused import Refused as Refused
from .tokens import FileTokens as FileTokens, MemoryTokens as MemoryTokens, TokenStore as TokenStore

__all__ = [
    "AuthInfo",
    "ClientCredentials",
    "Code",
    "Credentials",
    "Enterprise",
    "FileTokens",
    "Grant",
    "IntrospectionVerifier",
    "JwtVerifier",
    "MemoryTokens",
    "PrivateKey",
    "Protection",
    "Refused",
    "TokenStore",
    "Workload",
]
