"""What many are sent at once: the state as events, the live picture as MJPEG.

A `Channel` holds the newest message of one kind. It is made and encoded once, by one thread, however many receive it,
and only while somebody does; who is slow misses some and gets the newest. Who receives is a `Subscription`: the server
(`server`) sends all of them from one thread, any other WSGI server iterates over each in a thread of its own.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kiosk.metrics import Metrics
from kiosk.station import Station

# Receivers at a time. Every page holds one of each; more pictures than these would take the network's time, not ours:
# 64 viewers of 720p are 1.5 Gbit a second.
MAX_EVENTS, MAX_PICTURES = 256, 64

# Seconds. Events come at every change, and at least so often as a sign of life.
EVENT_INTERVAL_S = 1.0

# Milliseconds after which a browser asks again for events that broke off.
_RETRY_MS = 2000

# Seconds between two looks whether the kiosk closes; and after which a picture is sent again where none follows it:
# only writing shows that a viewer has gone without a word.
_PATIENCE_S, _REPEAT_S = 0.5, 2.0


@dataclass(frozen=True)
class Message:
    """What all receivers of a channel get."""

    number: int
    """Counts from 1 for the life of the channel."""
    data: bytes
    at_s: float
    """When the frame that it tells of arrived, on the clock of `time.monotonic`."""


class Channel:
    """The newest message of one kind, and who receives it."""

    def __init__(self, kind: str, content_type: str, opening: bytes, most: int, metrics: Metrics) -> None:
        """`opening` goes before a receiver's first message; `most` receivers there may be at a time."""
        self.kind = kind
        self.content_type = content_type
        self.opening = opening
        self.metrics = metrics
        self.wanted = threading.Event()
        """Set while there are receivers."""
        self._most = most
        self._receivers = 0
        self._number = 0
        self._newest: Message | None = None
        self._closed = False
        self._news = threading.Condition()
        self._listeners: list[Callable[[], None]] = []

    @property
    def newest(self) -> Message | None:
        """None before the first, and while nobody receives."""
        return self._newest

    @property
    def closed(self) -> bool:
        """Whether there will be no more messages."""
        return self._closed

    def subscribe(self) -> Subscription | None:
        """A place among the receivers; None where all are taken. To be closed."""
        with self._news:
            if self._receivers >= self._most:
                self.metrics.refused_viewers.inc()
                return None
            self._receivers += 1
            self.wanted.set()
        self.metrics.streams.labels(self.kind).inc()
        return Subscription(self)

    def leave(self) -> None:
        """Give a place back."""
        with self._news:
            self._receivers -= 1
            if not self._receivers:
                self.wanted.clear()
                self._newest = None  # who comes next must not be told of long ago
        self.metrics.streams.labels(self.kind).dec()

    def listen(self, listener: Callable[[], None]) -> None:
        """Have `listener` called after each message, by the thread that made it, and at the end."""
        with self._news:
            self._listeners.append(listener)

    def publish(self, make: Callable[[int], bytes], at_s: float) -> None:
        """Have all receivers get what `make` gives for the message's number."""
        message = Message(self._number + 1, make(self._number + 1), at_s)
        with self._news:
            self._number, self._newest = message.number, message
            self._news.notify_all()
            listeners = tuple(self._listeners)
        self.metrics.stream_messages.labels(self.kind).inc()
        for listener in listeners:
            listener()

    def close(self) -> None:
        """Let all receivers go."""
        with self._news:
            self._closed = True
            self._news.notify_all()
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener()

    def wait_newer(self, number: int, timeout_s: float) -> Message | None:
        """The newest message as soon as its number is above `number`; None after `timeout_s` seconds or at the end."""

        def newer() -> Message | None:
            return self._newest if self._newest is not None and self._newest.number > number else None

        with self._news:
            self._news.wait_for(lambda: newer() or self._closed, timeout_s)
            return newer()


class Subscription:
    """One receiver's place in a channel. Iterating over it gives the bytes to send, and blocks between two messages."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self._left = threading.Lock()

    def __iter__(self) -> Iterator[bytes]:
        number = 0
        while not self.channel.closed:
            message = self.channel.wait_newer(number, _PATIENCE_S)
            if message is None:
                continue
            if not number:
                yield self.channel.opening
            number = message.number
            yield message.data

    def close(self) -> None:
        """Give the place back; a second time does nothing."""
        if self._left.acquire(blocking=False):
            self.channel.leave()


class Streams:
    """The channels of one station, and the two threads that feed them."""

    def __init__(self, station: Station) -> None:
        self._station = station
        metrics = station.metrics
        self.events = Channel("events", "text/event-stream", f"retry: {_RETRY_MS}\n\n".encode(), MAX_EVENTS, metrics)
        # A browser shows a part when the next boundary comes, so each part is followed by it at once.
        self.pictures = Channel(
            "pictures", "multipart/x-mixed-replace; boundary=frame", b"--frame\r\n", MAX_PICTURES, metrics
        )
        self._starting = threading.Lock()
        self._threads: dict[str, threading.Thread] = {}

    def subscribe(self, channel: Channel) -> Subscription | None:
        """A place among the receivers of `channel`, which is fed from now on; None where all are taken."""
        with self._starting:
            if channel.kind not in self._threads:
                feed = self._feed_events if channel is self.events else self._feed_pictures
                thread = threading.Thread(target=self._work, args=(channel, feed), name=channel.kind, daemon=True)
                self._threads[channel.kind] = thread
                thread.start()
        return channel.subscribe()

    def _work(self, channel: Channel, feed: Callable[[], None]) -> None:
        while not self._station.closing.is_set():
            if channel.wanted.wait(_PATIENCE_S):
                feed()
        channel.close()

    def _feed_events(self) -> None:
        """Until nobody receives them, or the kiosk closes."""
        channel, station = self.events, self._station
        version, sent_s = -1, 0.0
        last: object = None
        while channel.wanted.is_set() and not station.closing.is_set():
            showing = station.watcher.wait_newer(version, _PATIENCE_S)
            version = showing.version
            state = station.state()
            seen, now = visible(state), time.monotonic()
            if seen != last or now - sent_s >= EVENT_INTERVAL_S or channel.newest is None:
                last, sent_s = seen, now
                text = json.dumps(state)
                at_s = showing.frame.arrived_s if showing.frame else now
                channel.publish(lambda number, text=text: f"id: {number}\ndata: {text}\n\n".encode(), at_s)  # type: ignore[misc]  # mypy and defaults of lambdas

    def _feed_pictures(self) -> None:
        """Until nobody looks at them, or the kiosk closes."""
        channel, station = self.pictures, self._station
        number, part, sent_s = 0, b"", 0.0
        while channel.wanted.is_set() and not station.closing.is_set():
            newer = station.preview.wait_newer(number, _PATIENCE_S)
            now = time.monotonic()
            if newer is not None:
                number, at_s = newer.number, newer.arrived_s
                head = b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(newer.data)
                part = b"%b%b\r\n--frame\r\n" % (head, newer.data)
            elif not part or now - sent_s < _REPEAT_S:
                continue
            else:
                at_s = now
            sent_s = now
            channel.publish(lambda _, part=part: part, at_s)  # type: ignore[misc]  # mypy and defaults of lambdas


def visible(state: dict[str, Any]) -> object:
    """What a visitor could see change: everything but counters, and whole per cents of probability."""
    percents = [round(share, 2) for share in state["probabilities"].values()]
    return percents, [
        state[name]
        for name in (
            "status",
            "style",
            "evidence",
            "view",
            "painting",
            "others",
            "guidance",
            "camera",
            "camera_fault",
            "model",
            "source",
            "settings_version",
        )
    ]
