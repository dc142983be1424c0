"""A server that offers every feature. usage: server.py stdio | sse; over HTTP+SSE it prints its URL when it listens."""

from __future__ import annotations

from everything import start
from mcp.server.sse import SseServerTransport
from mcp_1_server import Everything
from starlette.applications import Starlette
from starlette.routing import Mount, Route


class Server(Everything):
    async def send_report(self, token: str | int, progress: float, total: float | None, message: str | None) -> None:
        # Reports have no message yet.
        await self.session.send_progress_notification(token, progress, total)


server = Server("mcp-early", without=("ask_user", "wait", "waits"))


def sse() -> Starlette:
    transport = SseServerTransport("/messages/")

    class Endpoint:
        async def __call__(self, scope, receive, send) -> None:
            async with transport.connect_sse(scope, receive, send) as (read, write):
                await server.run(read, write, server.create_initialization_options())

    return Starlette(routes=[Route("/sse", Endpoint(), methods=["GET"]), Mount("/messages/", transport.handle_post_message)])


if __name__ == "__main__":
    start(server.serve_stdio, sse, "/sse")
