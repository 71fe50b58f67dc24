"""Lets in only pages of our own: no foreign host names, no foreign origins."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})


class Door:
    """ASGI middleware against DNS rebinding (Host) and cross-site posts (Origin)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 421 or 403."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not is_ours(f"http://{headers.get('host', '')}"):
            await PlainTextResponse("Wrong host.", 421)(scope, receive, send)
        elif not is_ours(headers.get("origin") or "http://localhost"):
            await PlainTextResponse("Wrong origin.", 403)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def is_ours(address: str) -> bool:
    """Whether an address is on this computer's loopback."""
    try:
        host = urlsplit(address).hostname
    except ValueError:
        return False
    return host is not None and (host in HOSTS or f"[{host}]" in HOSTS)
