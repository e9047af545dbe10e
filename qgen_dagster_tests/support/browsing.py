"""A browser's side of the dashboard without a browser: cookies kept, forms sent, pages read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urlencode

from qgen_dagster.api.dashboard.sessions import COOKIE
from qgen_dagster_tests.support.api import WRITER, Answer, Api

FORM = "application/x-www-form-urlencoded"


@dataclass
class Browser:
    """Asks for pages, as the one whose cookie it keeps."""

    api: Api
    cookie: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Answer:
        """A page; redirects are not followed."""
        return self._call("GET", path, None, headers)

    def post(self, path: str, fields: Mapping[str, str], **headers: str) -> Answer:
        """A form that was sent."""
        return self._call("POST", path, urlencode(fields).encode(), headers)

    def page(self, path: str) -> str:
        """The text of a page that is there."""
        answer = self.get(path)
        assert answer.status == 200, (path, answer.status, answer.headers)
        return answer.content.decode()

    def log_in(self, key: str = WRITER.key) -> Browser:
        """Logs in as whoever has the key."""
        assert self.post("/login", {"key": key}).status == 303
        return self

    def token(self, path: str = "/") -> str:
        """The token of the forms on a page."""
        found = re.search(r'name="form_token" value="([^"]+)"', self.page(path))
        assert found is not None
        return found[1]

    def _call(self, method: str, path: str, body: bytes | None, more: Mapping[str, str]) -> Answer:
        named = {name.replace("_", "-"): value for name, value in more.items()}
        sent = {"Accept": "text/html", **self.headers, **named}
        if self.cookie is not None:
            sent["Cookie"] = f"{COOKIE}={self.cookie}"
        answer = self.api.call(method, path, body, key=None, headers=sent, content_type=FORM)
        told = re.match(rf'{COOKIE}="?([^;"]*)"?;', answer.headers.get("set-cookie", ""))
        if told:
            self.cookie = told[1] or None
        return answer


def text_of(page: str) -> str:
    """What a page says, without its marks, on one line."""
    body = re.sub(r"(?s)<(style|script).*?</\1>", " ", page)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body))).strip()
