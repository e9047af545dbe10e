"""One HTML page that shows a question with its figures.

Not here: the plain text form (`question_text.py`). A figure may come from an imported file, so the page forbids scripts
and everything from outside.
"""

from __future__ import annotations

import sys
import webbrowser
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.question import LABELS, Option, Question, Stimulus

if TYPE_CHECKING:
    from qgen_dagster.bank.questions import StoredQuestion
    from qgen_dagster.config.settings import Settings

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --key: #1a7f37; --soft: #8882; }
@media (prefers-color-scheme: dark) { :root { --key: #4ac26b; } }
body { font: 17px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1.2rem; }
header, footer { font-size: .85rem; opacity: .75; }
.stimulus { background: var(--soft); border-radius: .5rem; padding: .8rem 1.1rem; }
.text { white-space: pre-wrap; }
svg { max-width: 100%; height: auto; display: block; margin: .4rem 0; }
ol { list-style: none; padding: 0; display: grid; gap: .6rem; }
ol.figures { grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); }
li { border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .9rem; }
li.key { border: 2px solid var(--key); }
li b { margin-right: .5rem; }
.note { font-size: .85rem; opacity: .75; }
.key .tag { color: var(--key); font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; }
dd { margin: 0; overflow-wrap: anywhere; }
@media print { body { margin: 0 auto; } }
"""


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
    figures = ' class="figures"' if any(option.figure for option in q.options) else ""
    options = "\n".join(_option(q, index, option) for index, option in enumerate(q.options))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<header>{escape(title)}{"" if stored.is_active else " · inactive"}</header>
{_stimulus(q.stimulus)}
<p class="text"><strong>{escape(q.stem)}</strong></p>
<ol{figures}>
{options}
</ol>
<p class="text"><strong>Key {q.label}.</strong> {escape(q.explanation)}</p>
<footer><dl>{_facts(stored)}</dl></footer>
</body>
</html>
"""


def _stimulus(stimulus: Stimulus | None) -> str:
    if stimulus is None:
        return ""
    seconds = f'<p class="note">shown for {stimulus.seconds_shown} s</p>' if stimulus.seconds_shown else ""
    shown = stimulus.figure or f'<p class="text">{escape(stimulus.text)}</p>'
    text = f'<p class="note text">{escape(stimulus.text)}</p>' if stimulus.figure else ""
    return f'<div class="stimulus">{shown}{text}{seconds}</div>'


def _option(question: Question, index: int, option: Option) -> str:
    is_key = index == question.answer
    tag = ' <span class="tag">✓ key</span>' if is_key else ""
    mistake = f"{option.mistake.replace('_', ' ')}: " if option.mistake else ""
    note = f'<div class="note">{escape(mistake + option.note)}</div>' if mistake or option.note else ""
    kind = ' class="key"' if is_key else ""
    text = f'<span class="text">{escape(option.text)}</span>'
    return f"<li{kind}><b>{LABELS[index]}</b>{text}{tag}{option.figure or ''}{note}</li>"


def _facts(stored: StoredQuestion) -> str:
    q = stored.question
    facts = {
        "id": stored.id,
        "source": stored.provider or stored.source,
        "item model": f"{q.item_model} v{q.item_version}, seed {q.seed}" if q.item_model else None,
        "expected": f"{q.expected_success:.0%} answer correctly" if q.expected_success is not None else None,
        "score": stored.arbiter_score,
        "run": stored.run_id,
    }
    return "".join(f"<dt>{name}</dt><dd>{escape(str(value))}</dd>" for name, value in facts.items() if value)
