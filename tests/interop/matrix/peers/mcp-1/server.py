"""A server that offers every feature. usage: server.py stdio | http; over HTTP it prints its URL when it listens."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import Any

from everything import start
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_1_server import Everything
from starlette.applications import Starlette
from starlette.routing import Route


class Server(Everything):
    def related(self) -> dict[str, Any]:
        return {"related_request_id": self.request_context.request_id}

    async def send_report(self, token: str | int, progress: float, total: float | None, message: str | None) -> None:
        request = str(self.request_context.request_id)
        await self.session.send_progress_notification(token, progress, total, message, related_request_id=request)


server = Server("mcp-1")


def http() -> Starlette:
    manager = StreamableHTTPSessionManager(server)

    class Endpoint:
        async def __call__(self, scope, receive, send) -> None:
            await manager.handle_request(scope, receive, send)

    @asynccontextmanager
    async def lifespan(app: Starlette):
        async with manager.run():
            yield

    return Starlette(routes=[Route("/mcp", Endpoint())], lifespan=lifespan)


if __name__ == "__main__":
    start(server.serve_stdio, http)
