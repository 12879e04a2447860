"""Sends streams to their receivers, all from one thread.

A thread for each would do for a dozen. With 200 receivers of events and 50 of pictures every frame would wake 250
threads, which ask for the interpreter's lock one after the other, and the thread that judges frames would wait in
that queue. Here a message is one `send` that does not block for each receiver, and the lock is free meanwhile.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass

from kiosk.streams import Channel, Subscription

# Seconds that a receiver may take for one message; then it has gone, or cannot follow at all.
STALLED_S = 10.0

# Bytes that the system holds for a receiver: three pictures of 720p. More would be seconds of lag for a slow one.
_BUFFER_BYTES = 400_000

# Bytes that are read at a time of what a receiver says, which is of no interest: only its end is.
_IGNORED_BYTES = 4_096

# Seconds between two looks for those that have stalled.
_TICK_S = 0.5

log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Receiver:
    connection: socket.socket
    subscription: Subscription
    number: int = 0
    """Of the last message that was begun."""
    rest: memoryview | None = None
    """What of it has not been sent."""
    since_s: float = 0.0
    """When it was begun."""

    @property
    def channel(self) -> Channel:
        return self.subscription.channel


class Broadcaster:
    """One thread for all streams of a server."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._bell, self._button = socket.socketpair()
        for end in (self._bell, self._button):
            end.setblocking(False)
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._coming: deque[_Receiver] = deque()
        self._receivers: set[_Receiver] = set()
        self._channels: dict[Channel, int] = {}  # with the number of the message that was sent last
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="broadcast", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def take(self, connection: socket.socket, subscription: Subscription) -> None:
        """Send `subscription` over `connection` from now on, and close both when it ends. For any thread."""
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        self._coming.append(_Receiver(connection, subscription))
        self._ring()

    def close(self, timeout_s: float = 2.0) -> None:
        """Let all receivers go."""
        self._closing.set()
        self._ring()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _ring(self) -> None:
        # Full: it rings already. Closed: nobody is there any more.
        with contextlib.suppress(OSError):
            self._button.send(b"\0")

    def _work(self) -> None:
        try:
            while not self._closing.is_set():
                for key, events in self._selector.select(_TICK_S):
                    if key.data is None:
                        self._hear()
                    else:
                        self._serve(key.data, events)
                self._welcome()
                self._spread()
                self._weed()
        except Exception:
            log.exception("streams have ended")  # pages reconnect, and get no more than the state
        finally:
            for receiver in (*self._receivers, *self._coming):
                self._let_go(receiver)
            self._selector.close()
            self._bell.close()
            self._button.close()

    def _hear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._bell.recv(_IGNORED_BYTES):
                pass

    def _welcome(self) -> None:
        while self._coming:
            receiver = self._coming.popleft()
            if receiver.channel not in self._channels:
                self._channels[receiver.channel] = 0
                receiver.channel.listen(self._ring)
            self._receivers.add(receiver)
            self._selector.register(receiver.connection, selectors.EVENT_READ, receiver)
            self._begin(receiver)

    def _spread(self) -> None:
        """Send what is new to all who have no message in hand."""
        # Events first: they are small, and the label waits for them.
        for channel in sorted(self._channels, key=lambda channel: channel.kind):
            message = channel.newest
            if channel.closed:
                for receiver in [each for each in self._receivers if each.channel is channel]:
                    self._let_go(receiver)
            elif message is not None and message.number != self._channels[channel]:
                self._channels[channel] = message.number
                receivers = [each for each in self._receivers if each.channel is channel]
                for receiver in receivers:
                    self._begin(receiver)
                if receivers:
                    delay_s = time.monotonic() - message.at_s
                    channel.metrics.stream_delay_seconds.labels(channel.kind).observe(delay_s)

    def _begin(self, receiver: _Receiver) -> None:
        """Send the newest message, unless it is known already, or another is still being sent."""
        channel = receiver.channel
        message = channel.newest
        if message is None or message.number <= receiver.number or receiver.rest is not None:
            return
        data = message.data if receiver.number else channel.opening + message.data
        if receiver.number:
            channel.metrics.stream_skipped.labels(channel.kind).inc(message.number - receiver.number - 1)
        receiver.number = message.number
        receiver.since_s = time.monotonic()
        receiver.rest = memoryview(data)
        self._send(receiver)

    def _send(self, receiver: _Receiver) -> None:
        assert receiver.rest is not None
        try:
            sent = receiver.connection.send(receiver.rest)
        except BlockingIOError:
            sent = 0
        except OSError:
            return self._let_go(receiver)
        receiver.channel.metrics.stream_bytes.labels(receiver.channel.kind).inc(sent)
        left = receiver.rest[sent:]
        was_waiting = self._selector.get_key(receiver.connection).events & selectors.EVENT_WRITE
        receiver.rest = left if left else None
        if bool(left) != bool(was_waiting):
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if left else 0)
            self._selector.modify(receiver.connection, events, receiver)
        return None

    def _serve(self, receiver: _Receiver, events: int) -> None:
        if receiver not in self._receivers:
            return
        if events & selectors.EVENT_READ:
            try:
                if not receiver.connection.recv(_IGNORED_BYTES):
                    return self._let_go(receiver)
            except BlockingIOError:
                pass
            except OSError:
                return self._let_go(receiver)
        if events & selectors.EVENT_WRITE and receiver.rest is not None:
            self._send(receiver)
            if receiver in self._receivers:
                self._begin(receiver)
        return None

    def _weed(self) -> None:
        now = time.monotonic()
        for receiver in [each for each in self._receivers if each.rest is not None]:
            if now - receiver.since_s > STALLED_S:
                receiver.channel.metrics.stalled_viewers.inc()
                self._let_go(receiver)

    def _let_go(self, receiver: _Receiver) -> None:
        if receiver in self._receivers:
            self._receivers.discard(receiver)
            self._selector.unregister(receiver.connection)
        receiver.connection.close()
        receiver.subscription.close()
