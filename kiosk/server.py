"""The application on the network, by cheroot.

Why not waitress: a viewer that stops reading without closing (a laptop that is put to sleep) keeps a
worker of waitress for ever, because its time limit does not count for requests in progress; with
cheroot the blocking write ends after `_TIMEOUT_S`. Waitress also writes uploads over 512 kB to disk
before the application sees them, and answers too large ones itself, not as JSON.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from cheroot import wsgi
from cheroot.errors import MaxSizeExceeded
from cheroot.server import HTTPConnection
from flask import Flask
from werkzeug.exceptions import RequestEntityTooLarge

from kiosk.broadcast import Broadcaster
from kiosk.streams import Subscription
from kiosk.upload import MAX_UPLOAD_BYTES

# Enough for the short requests of some pages, and for uploads, which wait for each other. Streams hold none.
_THREADS = 16

# Connections that may wait to be taken: after a pause of the network all pages come back at once.
_WAITING = 256

# Seconds that a client may be silent while it sends, or not read while it is sent something.
_TIMEOUT_S = 10

# Seconds for requests in progress when the kiosk closes; streams end by themselves.
_SHUTDOWN_S = 1.0

# Seconds between two looks for connections that have nothing more to say while it closes.
_TICK_S = 0.05

# Bytes of a request's line and headers.
_MAX_HEADER_BYTES = 32_768

# What is read and thrown away of a refused upload, so that its sender gets to see the refusal.
_DISCARD_BYTES, _DISCARD_S, _DISCARD_SILENCE_S = 100_000_000, 5.0, 0.3


class ServerError(ValueError):
    """The server cannot start; the message is one line with the way out."""


class Server:
    """The web server of one application."""

    def __init__(self, app: Flask, host: str, port: int) -> None:
        """Bind to `host` and `port` (0: any free one); raises `ServerError`."""
        try:
            listening = _listen(host, port)
        except OSError as error:
            # Python says the address again, in brackets.
            reason = (error.strerror or str(error)).partition(" (while")[0]
            raise ServerError(
                f"cannot listen on {host} port {port}: {reason}; choose another --port or --host"
            ) from error
        self._server = _Listening(
            listening,
            app,
            numthreads=_THREADS,
            request_queue_size=_WAITING,
            server_name="vernissage",
            timeout=_TIMEOUT_S,
            shutdown_timeout=_SHUTDOWN_S,
        )
        self._server.gateway = _Gateway
        self._server.max_request_header_size = _MAX_HEADER_BYTES
        self._server.prepare()
        self._thread = threading.Thread(target=self._server.serve, name="server", daemon=True)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.bind_addr[1])

    def start(self) -> None:
        """Serve, in a thread."""
        self._server.broadcaster.start()
        self._thread.start()

    def close(self) -> None:
        """Stop, after at most `_SHUTDOWN_S` seconds; a request that hangs is left behind."""
        until = time.monotonic() + _SHUTDOWN_S
        self._server.broadcaster.close()
        stopping = threading.Thread(target=self._server.stop, name="server stop", daemon=True)
        stopping.start()
        while stopping.is_alive() and time.monotonic() < until:
            self._server.hear_no_more()
            stopping.join(_TICK_S)


def _listen(host: str, port: int) -> socket.socket:
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listening = socket.create_server(address[:2], family=family)
    # Events and pictures are sent when they are there, not when a packet is full.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


class _Listening(wsgi.Server):
    """A server on a socket that listens already, with a thread that sends all streams. Left to itself,
    cheroot hides the reason why it cannot bind in a text of its own, and forgets to close what it tried."""

    def __init__(self, listening: socket.socket, app: Flask, **settings: Any) -> None:
        super().__init__(listening.getsockname()[:2], app, **settings)
        self.broadcaster = Broadcaster()
        self.connections: set[_Connection] = set()
        """All that are open, but for the streams."""
        self.ConnectionClass = _Connection
        self._bound = listening

    def hear_no_more(self) -> None:
        """End the waiting for what clients have yet to send. A thread waits `_TIMEOUT_S` for the request of a
        connection that a browser has opened in advance, and cheroot waits for its threads; a request that was received
        whole is still answered."""
        for connection in tuple(self.connections):
            with contextlib.suppress(OSError):  # it has ended, or is a stream by now
                connection.socket.shutdown(socket.SHUT_RD)

    def bind(self, family: int, type: int, proto: int = 0) -> socket.socket:
        self.socket = self._bound
        return self._bound


class _Connection(HTTPConnection):
    def __init__(self, server: _Listening, *arguments: Any) -> None:
        super().__init__(server, *arguments)
        server.connections.add(self)

    def close(self) -> None:
        self.server.connections.discard(self)
        super().close()


class _Gateway(wsgi.Gateway_10):
    def respond(self) -> None:
        response = self.req.server.wsgi_app(self.env, self.start_response)
        if isinstance(response, Subscription):
            return self._hand_over(response)
        try:
            for chunk in filter(None, response):
                self.write(chunk)
        finally:
            self.req.ensure_headers_sent()
            if hasattr(response, "close"):
                response.close()
        return None

    def _hand_over(self, stream: Subscription) -> None:
        """Have the broadcaster send the stream: this thread is free for the next request."""
        connection = self.req.conn
        try:
            # No chunks, whose lengths nobody needs: the stream ends when the connection does.
            self.req.response_protocol = "HTTP/1.0"
            self.req.outheaders.append((b"Connection", b"close"))
            self.req.ensure_headers_sent()
            taken = socket.socket(fileno=connection.socket.detach())
        except BaseException:
            stream.close()
            raise
        finally:
            self.req.close_connection = True
        connection.linger = True  # it is not cheroot's to close any more
        self.req.server.broadcaster.take(taken, stream)

    def get_environ(self) -> Any:  # cheroot's stub says None
        environ = super().get_environ()  # type: ignore[no-untyped-call]
        if self.req.chunked_read:
            # Each chunk is read whole by cheroot, whatever size it announces.
            self.req.rfile.maxlen = MAX_UPLOAD_BYTES
            environ["wsgi.input"] = _ChunkedBody(self.req.rfile)
        else:
            # cheroot says False; to Werkzeug only the absence of the key means that.
            environ.pop("wsgi.input_terminated", None)
        return environ

    def start_response(self, status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], object]:
        if status.startswith("413"):
            self._discard_body()
        write: Callable[[bytes], object] = super().start_response(status, headers, exc_info)
        return write

    def _discard_body(self) -> None:
        """Read what the client still sends, within limits: closing at once would reset the connection,
        and many clients would report that and not our answer."""
        left = _DISCARD_BYTES
        if not self.req.chunked_read:
            left = min(left, getattr(self.req.rfile, "remaining", 0))
        until = time.monotonic() + _DISCARD_S
        connection = self.req.conn
        connection.socket.settimeout(_DISCARD_SILENCE_S)
        with contextlib.suppress(OSError):
            while left > 0 and time.monotonic() < until:
                data = connection.rfile.read1(min(left, 65_536))
                if not data:
                    break
                left -= len(data)
        connection.socket.settimeout(_TIMEOUT_S)


class _ChunkedBody:
    """A chunked body that says "too large" in a way that the application understands."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def read(self, size: int = -1) -> bytes:
        try:
            data: bytes = self._body.read(size if size >= 0 else None)
        except MaxSizeExceeded as error:
            raise RequestEntityTooLarge from error
        except OSError as error:
            # cheroot's only sign of a chunk that is too large.
            if str(error) == "Request Entity Too Large":
                raise RequestEntityTooLarge from error
            raise
        return data
