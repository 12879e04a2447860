"""``python -m benchmarks.crowd REQUEST``: users who send pictures to a kiosk, by locust, in a process of their own.

A fresh process, because locust replaces parts of the standard library (gevent) as soon as it is imported, which only
`send` does. The request is JSON; for each number of users one line of JSON comes back, and a failure is
``{"error": "one line"}``.

Each user sends the next picture when the last was answered, over one connection (a closed loop): how long an answer
takes and how many come a second are two sides of one thing, and nobody gives up.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
from pydantic import BaseModel, ConfigDict

# Seconds after which a user is told that there was no answer; the kiosk itself refuses after ten.
_PATIENCE_S = 30.0


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Request(_Message):
    """What is to be sent, and by how many."""

    address: str
    """Of the kiosk: ``http://127.0.0.1:8080``."""
    kiosk_pid: int
    pictures: tuple[Path, ...]
    """JPEG files, sent one after the other, over and over."""
    users: tuple[int, ...]
    """At a time; one number after the other."""
    settle_s: float
    """Before anything is counted, for each number of users."""
    seconds: float
    """That are counted, for each number of users."""


class Answers(_Message):
    """What came back to a number of users while it was counted."""

    users: int
    seconds: float
    samples_ms: tuple[float, ...]
    """From sending to the whole answer, of those with status 200."""
    steps_ms: dict[str, tuple[float, ...]]
    """Of the kiosk's own ``timing_ms``."""
    statuses: dict[str, int]
    """Of the answers: ``recognised``, ``no_painting`` ..."""
    failures: dict[str, int]
    """By HTTP status; ``no answer`` where there was none."""
    kiosk_cpu_s: float
    """With its capture process."""
    crowd_cpu_s: float
    """That making the requests took from the same cores."""


class Failure(_Message):
    """Why there is nothing."""

    error: str


class _Notes:
    """What is counted at present."""

    def __init__(self) -> None:
        self.samples_ms: list[float] = []
        self.steps_ms: dict[str, list[float]] = {}
        self.statuses: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()

    def take(self, response_time: float, response: Any, exception: Any, **_: Any) -> None:
        """One request, as locust reports it."""
        status = getattr(response, "status_code", 0)
        if exception is not None or status != 200:
            self.failures[str(status) if status else "no answer"] += 1
            return
        answer = json.loads(response.content)
        self.samples_ms.append(response_time)
        self.statuses[answer["status"]] += 1
        for step, taken_ms in answer["timing_ms"].items():
            self.steps_ms.setdefault(step, []).append(taken_ms)


def send(request: Request, tell: Callable[[Answers], None]) -> None:
    """Send, and tell what came back to each number of users."""
    import locust
    from locust.env import Environment

    # locust's hints know no bytes.
    contents: Iterator[Any] = itertools.cycle([path.read_bytes() for path in request.pictures])

    class Visitor(locust.FastHttpUser):
        host = request.address
        network_timeout = connection_timeout = _PATIENCE_S
        wait_time = locust.constant(0)

        @locust.task
        def show(self) -> None:
            self.client.post("/api/classify", data=next(contents), headers={"Content-Type": "image/jpeg"})

    environment = Environment(user_classes=[Visitor])
    runner = environment.create_local_runner()
    notes = _Notes()
    happened: Any = environment.events.request
    happened.add_listener(lambda **told: notes.take(**told))
    kiosk, crowd = psutil.Process(request.kiosk_pid), psutil.Process()
    # From here on time.sleep is gevent's: the users go on meanwhile.
    for users in request.users:
        runner.start(users, spawn_rate=users)
        time.sleep(request.settle_s)
        notes, before_s, started = _Notes(), (_used_s(kiosk), _used_s(crowd)), time.perf_counter()
        time.sleep(request.seconds)
        counted, seconds = notes, time.perf_counter() - started
        notes = _Notes()
        tell(
            Answers(
                users=users,
                seconds=seconds,
                samples_ms=tuple(counted.samples_ms),
                steps_ms={step: tuple(taken_ms) for step, taken_ms in counted.steps_ms.items()},
                statuses=dict(counted.statuses),
                failures=dict(counted.failures),
                kiosk_cpu_s=_used_s(kiosk) - before_s[0],
                crowd_cpu_s=_used_s(crowd) - before_s[1],
            )
        )
    runner.quit()


def _used_s(process: psutil.Process) -> float:
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def main(arguments: list[str]) -> int:
    """Serve the one request. Returns the exit code: 0, or 2 after a failure."""
    # Libraries may print; the replies must stay the only lines of their stream.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(message: BaseModel) -> None:
        replies.write(message.model_dump_json() + "\n")
        replies.flush()

    try:
        send(Request.model_validate_json(arguments[0]), tell)
    except Exception as error:  # whatever it was, the parent prints it as one line
        tell(Failure(error=(str(error).strip() or type(error).__name__).splitlines()[0]))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
