"""Somebody who signs in to the administrator's page of a kiosk that is a process, over a real socket."""

from __future__ import annotations

import http.client
import json
import re
from dataclasses import dataclass
from typing import Any


@dataclass
class Administrator:
    """One browser's cookie and CSRF token."""

    port: int
    cookie: str = ""
    csrf: str = ""

    def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """The JSON of the answer, and its ``status_code``."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {"X-CSRFToken": self.csrf, "Cookie": self.cookie, "Content-Type": "application/json"}
        link.request(method, path, body=json.dumps(body) if body is not None else None, headers=headers)
        answer = link.getresponse()
        text = answer.read().decode()
        self.cookie = (answer.headers["Set-Cookie"] or self.cookie).partition(";")[0]
        if found := re.search(r'name="csrf-token" content="([^"]+)"', text):
            self.csrf = found[1]
        link.close()
        result: dict[str, Any] = json.loads(text) if text.startswith("{") else {}
        return result | {"status_code": answer.status}

    def sign_in(self, token: str) -> None:
        """Open a session."""
        self.ask("GET", "/admin")
        assert self.ask("POST", "/admin/api/sign-in", {"token": token})["status_code"] == 200
        self.ask("GET", "/admin")
