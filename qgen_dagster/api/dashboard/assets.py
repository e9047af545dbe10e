"""Style and script of the pages: files of the package, under an address that changes with their content."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import Response

from qgen_dagster.api.problems import Problem
from qgen_dagster.services.item_html import packaged

FOLDER = Path(__file__).with_name("static")
KEPT = "public, max-age=31536000, immutable"
router = APIRouter()


@router.get("/assets/{name}")
def asset(name: str) -> Response:
    """A file. Needs no session: the login page wants its style."""
    found = _contents().get(name)
    if found is None:
        raise Problem(404, "There is no such file.")
    kind, content = found
    return Response(content, media_type=kind, headers={"Cache-Control": KEPT})


@cache
def asset_url(name: str) -> str:
    """The address of a file, with a digest of it."""
    return f"/assets/{name}?{hashlib.sha256(_contents()[name][1]).hexdigest()[:16]}"


@cache
def _contents() -> dict[str, tuple[str, bytes]]:
    style = packaged("item.css") + (FOLDER / "dashboard.css").read_text(encoding="utf-8")
    return {
        "dashboard.css": ("text/css", style.encode()),
        "htmx.min.js": ("text/javascript", (FOLDER / "htmx.min.js").read_bytes()),
        "icon.svg": ("image/svg+xml", (FOLDER / "icon.svg").read_bytes()),
    }
