"""A headless Chromium, where there is one; elsewhere the test is skipped with a reason."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser of Playwright's on the machine's own Chromium, or on the one that Playwright brought."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as running:
        found = next((path for name in NAMES if (path := shutil.which(name))), None)
        own = Path(running.chromium.executable_path)
        if found is None and not own.exists():
            pytest.skip("no Chromium was found; apt install chromium, or playwright install chromium")
        # Root may not use Chromium's sandbox.
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = running.chromium.launch(executable_path=found or str(own), args=flags)
        try:
            yield browser
        finally:
            browser.close()
