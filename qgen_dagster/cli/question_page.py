"""One HTML page that shows a question with its figures, its key and where it comes from.

Not here: how a question looks (`services/item_html.py`), the plain text form (`question_text.py`).
"""

from __future__ import annotations

import sys
import webbrowser
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.services.item_html import html_page, solved_html

if TYPE_CHECKING:
    from qgen_dagster.bank.questions import StoredQuestion
    from qgen_dagster.config.settings import Settings


def open_page(settings: Settings, stored: StoredQuestion) -> Path:
    """Writes the page under QGEN_HOME and, on a terminal, opens it in the browser. Returns its path."""
    path = settings.home / "pages" / f"question-{stored.id}.html"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(stored), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror or error}") from error
    if sys.stdout.isatty():
        webbrowser.open(path.as_uri())
    return path


def page(stored: StoredQuestion) -> str:
    """The whole page."""
    q = stored.question
    title = f"{q.stratum.key} · {q.sub_type}"
    note = "" if stored.is_active else " · inactive"
    body = f"""<main class="single">
<h1>{escape(title)}{note}</h1>
{solved_html(q, _facts(stored))}
</main>"""
    return html_page(title, body)


def _facts(stored: StoredQuestion) -> dict[str, object]:
    q = stored.question
    return {
        "id": stored.id,
        "source": stored.provider or stored.source,
        "item model": f"{q.item_model} v{q.item_version}, seed {q.seed}" if q.item_model else None,
        "expected": f"{q.expected_success:.0%} answer correctly" if q.expected_success is not None else None,
        "score": stored.arbiter_score,
        "run": stored.run_id,
    }
