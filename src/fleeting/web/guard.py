"""Stands before every route: who may ask, under which name, how often; and what browsers may do with answers.

Requests, sockets, static files, ``/docs`` and ``/metrics`` alike pass through here, before any of them is
looked at. In order: the host has to be one of the server's own (a page that points a name of its own at this
machine is refused), the token has to be right where there is one, what changes anything may not come from a
page of another site, and one address may not ask too often.
"""

from __future__ import annotations

import hmac
import logging
import socket
import time
from collections import deque
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fleeting.web.logs import fault, log
from fleeting.web.metrics import Metrics
from fleeting.web.refusals import refusal
from fleeting.web.settings import LOOPBACK, ServiceSettings, is_loopback

COOKIE = "fleeting_token"
SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
"""Methods that change nothing."""
UPLOADS = frozenset(("/api/jobs", "/api/jobs/local", "/api/pictures"))
METHODS = frozenset(("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"))
MINUTE = 60.0
FAULT = "this program hit a fault; its log says where: please report it"
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; style-src 'self'; script-src"
    " 'self'; connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'; form-action 'self';"
    " object-src 'none'"
)
REPORT_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline';"
    " frame-ancestors 'self'; base-uri 'none'; form-action 'none'; sandbox allow-scripts allow-popups"
)
"""Of a report, which holds its own script and style: it stands alone, without this site's cookies."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}
"""Headers of every answer that does not have its own."""


class Rates:
    """How often each address has asked in the last minute; refuses what exceeds ``most``."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._asked: dict[str, deque[float]] = {}

    def wait(self, address: str) -> float:
        """Seconds until the address may ask again; 0 counts as a request of it."""
        now = time.monotonic()
        asked = self._asked.setdefault(address, deque())
        while asked and asked[0] <= now - MINUTE:
            asked.popleft()
        if len(asked) >= self._most:
            return asked[0] + MINUTE - now
        asked.append(now)
        if len(self._asked) > 10_000:  # forget those who have gone
            self._asked = {key: times for key, times in self._asked.items() if times[-1] > now - MINUTE}
        return 0.0


class Guard:
    """The ASGI app around all others."""

    def __init__(self, app: ASGIApp, settings: ServiceSettings, metrics: Metrics) -> None:
        self._app, self._settings, self._metrics = app, settings, metrics
        self._requests = Rates(settings.limits.requests)
        self._uploads = Rates(settings.limits.uploads)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request or a socket on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refused = self._refused(scope)
        if scope["type"] == "websocket":
            await self._socket(refused, scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                self._cover(scope["path"], MutableHeaders(scope=message))
            await send(message)

        try:
            await (refused or self._app)(scope, receive, watched)
        except ClientDisconnect:
            log("request was cut off by its sender")
        except Exception as error:  # a fault of ours ends this request, not the server
            log("request hit a fault", level=logging.ERROR, **fault(error))
            if not status:
                await refusal(500, FAULT)(scope, receive, watched)
        finally:
            self._tell(scope, status, time.perf_counter() - started)

    async def _socket(self, refused: Response | None, scope: Scope, receive: Receive, send: Send) -> None:
        if refused is None:
            await self._app(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.close", "code": 4000 + refused.status_code})

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        """Log and count a request by its route, which holds no name."""
        route = getattr(scope.get("route"), "path", None) or "other"
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._metrics.asked(method, route, status, seconds)
        log("request", method=method, route=route, status=status, ms=round(1000 * seconds, 1))

    def _refused(self, scope: Scope) -> Response | None:
        """The answer that refuses a request; None where it may pass."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_own(host):
            return refusal(
                421, "the request names another host than this server's; see --name of fleeting serve"
            )
        if (answer := self._unknown(scope, headers)) is not None:
            return answer
        origin = headers.get("origin")
        unsafe = scope["type"] == "websocket" or scope["method"] not in SAFE
        if unsafe and origin is not None and _place(origin) != host.casefold():
            return refusal(403, "the request comes from a page of another site; use the page of this server")
        return self._too_often(scope)

    def _is_own(self, host: str) -> bool:
        """Whether a Host header names this server: nobody else's name may lead here."""
        name = _name(host)
        if name is None:
            return False
        settings = self._settings
        if name in LOOPBACK or name in {one.casefold() for one in (*settings.names, settings.host)}:
            return True
        if is_loopback(settings.host):
            return False
        return _is_address(name) or name == socket.gethostname().casefold()

    def _unknown(self, scope: Scope, headers: Headers) -> Response | None:
        """The answer to one who lacks the token, or brings it in the address; None where all is well."""
        token = self._settings.token
        if token is None:
            return None
        asked = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))
        if scope["type"] == "http" and scope["path"] == "/" and _same(asked.get("token", ""), token):
            answer = RedirectResponse("/", 303)
            answer.set_cookie(COOKIE, quote(token), httponly=True, samesite="strict", max_age=30 * 86400)
            return answer
        kind, _, given = headers.get("authorization", "").partition(" ")
        given = given.strip() if kind.casefold() == "bearer" else ""
        if _same(given, token) or _same(_cookie(headers.get("cookie", "")), quote(token)):
            return None
        sentence = "a token is needed: open the address that fleeting serve printed, or send it as Bearer"
        return refusal(401, sentence, {"WWW-Authenticate": "Bearer"})

    def _too_often(self, scope: Scope) -> Response | None:
        address = (scope.get("client") or ("",))[0]
        wait = self._requests.wait(address)
        if not wait and scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in UPLOADS:
            wait = self._uploads.wait(address)
        if not wait:
            return None
        sentence = f"more requests in a minute than this server takes; ask again in {wait:.0f} s"
        return refusal(429, sentence, {"Retry-After": str(int(wait) + 1)})

    def _cover(self, path: str, headers: MutableHeaders) -> None:
        """Add the headers that tell browsers what they may do with an answer."""
        report = path.startswith("/api/jobs/") and path.endswith("/report")
        report = report or (path.startswith("/api/runs/") and path.endswith(".html"))
        headers["Content-Security-Policy"] = REPORT_POLICY if report else POLICY
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
        if report:
            headers["X-Frame-Options"] = "SAMEORIGIN"


def _name(host: str) -> str | None:
    """The name in a Host header, without a port; None where it is no host."""
    if not host or set(host) & set("/\\@?#% "):
        return None
    with suppress(ValueError):
        return urlsplit(f"//{host}").hostname
    return None


def _place(origin: str) -> str:
    """The host and port in an Origin header; "" where there are none."""
    with suppress(ValueError):
        return urlsplit(origin).netloc.casefold()
    return ""


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _same(given: str, token: str) -> bool:
    """Whether two texts are alike, in a time that does not tell how much of them is."""
    return hmac.compare_digest(given.encode(errors="replace"), token.encode(errors="replace"))


def _cookie(header: str) -> str:
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""
