"""Who may come in: one token, rarely tried, and a session that ends.

A request that changes something has to pass four guards: it comes from our own page (`kiosk.web`: ``Sec-Fetch-Site``
and ``Origin``), its cookie came along (``SameSite=Strict``: never from another site), its session is one of those that
were opened here, and it carries the session's CSRF token in a header, which a page of another origin can neither read
nor send. The last is flask-wtf's: the cookie alone must never be enough, whatever a browser makes of the rest.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from typing import ClassVar

from flask import Flask, current_app, session
from flask_limiter import Limiter, RateLimitExceeded
from flask_limiter.util import get_remote_address
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf  # type: ignore[import-untyped]

from kiosk.metrics import Metrics
from kiosk.upload import ApiError

# Tries from one address; the next ones wait, right or wrong. At this rate 96 bits last for ever, and a person who
# mistypes still gets in.
TRIES = "5 per minute; 60 per hour"

# Seconds without a request after which a session ends: somebody has left the office. The page asks for the log all the
# time while it is open, so this counts from when it was closed.
SESSION_S = 1_800.0

# Seconds after which a session ends however busy it is.
_LONGEST_SESSION_S = 12 * 3600.0

# Sessions at a time; the oldest goes. One person has one or two.
_MOST_SESSIONS = 16

_KEY = "session"


class Door:
    """The token, and the sessions that it opened. They live in this process alone: a restart ends them all."""

    EXTENSION: ClassVar[str] = "vernissage_door"

    def __init__(self, app: Flask, token: str, metrics: Metrics) -> None:
        self._token = token.encode()
        self._metrics = metrics
        self._sessions: dict[str, tuple[float, float]] = {}  # when each was opened, and when it was seen last
        self._changing = threading.Lock()
        app.secret_key = secrets.token_bytes(32)
        app.config.update(
            SESSION_COOKIE_NAME="vernissage_admin",
            SESSION_COOKIE_PATH="/admin",
            SESSION_COOKIE_HTTPONLY=True,
            SESSION_COOKIE_SAMESITE="Strict",
            # It lives as long as the session that it belongs to.
            WTF_CSRF_TIME_LIMIT=None,
            # The visitor's page has no session; its own guard is in `kiosk.web`.
            WTF_CSRF_CHECK_DEFAULT=False,
        )
        self._csrf = CSRFProtect(app)
        self._limiter = Limiter(get_remote_address, app=app, storage_uri="memory://", strategy="moving-window")

    def enter(self, token: str) -> None:
        """Open a session for whoever knows the token; raises `ApiError`: 401 where it is wrong, 429 where it was
        tried too often."""
        try:
            with self._limiter.limit(TRIES):
                pass
        except RateLimitExceeded as error:
            self._metrics.admin_sign_ins.labels("limited").inc()
            raise ApiError(429, "too_many_tries", "too many tries; wait a minute") from error
        if not hmac.compare_digest(token.encode(), self._token):
            self._metrics.admin_sign_ins.labels("refused").inc()
            raise ApiError(401, "wrong_token", "this is not the token")
        now = time.monotonic()
        name = secrets.token_urlsafe(18)
        with self._changing:
            self._sessions[name] = (now, now)
            while len(self._sessions) > _MOST_SESSIONS:
                del self._sessions[min(self._sessions, key=lambda each: self._sessions[each][1])]
        session.clear()  # and with it the CSRF token of whoever was here before
        session[_KEY] = name
        self._metrics.admin_sign_ins.labels("accepted").inc()

    def leave(self) -> None:
        """End the session of this request."""
        with self._changing:
            self._sessions.pop(session.get(_KEY, ""), None)
        session.clear()

    def is_open(self) -> bool:
        """Whether this request belongs to a session."""
        name, now = session.get(_KEY, ""), time.monotonic()
        with self._changing:
            opened_s, seen_s = self._sessions.get(name, (0.0, 0.0))
            if not opened_s:
                return False
            if now - seen_s > SESSION_S or now - opened_s > _LONGEST_SESSION_S:
                del self._sessions[name]
                return False
            self._sessions[name] = (opened_s, now)
            return True

    def check(self) -> None:
        """Raise `ApiError` unless this request carries its session's CSRF token."""
        try:
            self._csrf.protect()
        except CSRFError as error:
            raise ApiError(403, "csrf", f"load the page again ({error.description})") from error


def door() -> Door:
    """The application's."""
    found: Door = current_app.extensions[Door.EXTENSION]
    return found


def csrf_token() -> str:
    """Of this session, for the page."""
    token: str = generate_csrf()
    return token
