"""A question as HTML, and the page around it that needs nothing from outside.

Pure: the gallery (`gallery_page.py`), the page of one question (`cli/question_page.py`) and the dashboard's are put
together from this. A figure may come from an imported file, so the page's policy forbids every request and every script
but its own, and only plain drawings are set into the page (`figure_html.py`). Style is package data: `item.css`, and
`gallery.css` for the layout of pages. Not here: which questions.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from html import escape
from itertools import groupby
from pathlib import Path

from qgen_dagster.core.question import LABELS, Option, Question, Stimulus
from qgen_dagster.services.figure_html import figure_html

COLUMN = " | "
BRIEF, SHORT = 9, 28  # options up to this many characters stand side by side, in narrow and in wide columns


def html_page(title: str, body: str, script: str = "") -> str:
    """The whole page. Without a script its policy allows none."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    tag = ""
    if script:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        policy += f"; script-src 'sha256-{digest}'"
        tag = f"<script>{script}</script>\n"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{packaged("item.css")}{packaged("gallery.css")}</style>
</head>
<body>
{body}
{tag}</body>
</html>
"""


@cache
def packaged(name: str) -> str:
    """A file beside this module."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def item_html(question: Question, name: str, label: str) -> str:
    """A question as a test taker sees it; key, explanation, figures in words and origin are folded away below."""
    return f"""<article class="item" id="{name}" aria-label="{label}">
{as_seen(question)}
{_folded_key(question)}
{_in_words(question)}{_origin(question)}
</article>"""


def solved_html(question: Question, facts: Mapping[str, object]) -> str:
    """A question with its key marked, everything that explains it, and further facts about it."""
    return f"""<article class="item">
{as_seen(question, marked=question.answer)}
{_key(question)}
{_in_words(question)}{facts_html(facts)}
</article>"""


def as_seen(question: Question, marked: int | None = None) -> str:
    """Stimulus, stem and options; the option at `marked` stands out."""
    return f"""{_stimulus(question.stimulus)}<p class="stem text">{escape(question.stem)}</p>
{_options(question.options, marked)}"""


def facts_html(facts: Mapping[str, object]) -> str:
    """Names and values; what is None or empty is left out."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in facts.items() if value)
    return f"<dl>{rows}</dl>"


def _stimulus(stimulus: Stimulus | None) -> str:
    if stimulus is None:
        return ""
    shown = f'<div class="wide">{figure_html(stimulus.figure)}</div>' if stimulus.figure else _passage(stimulus.text)
    if stimulus.seconds_shown is None:
        return f'<div class="stimulus">{shown}</div>\n'
    return f"""<div class="stimulus">
<p class="quiet">Shown for {stimulus.seconds_shown} seconds, then hidden.</p>
<div class="shown">{shown}</div>
<button type="button" class="hide" hidden>Hide, as in a test</button>
</div>
"""


def _passage(text: str) -> str:
    """Text with its lines kept; neighbouring lines with columns become a table."""
    blocks = groupby(text.splitlines(), key=lambda line: line.count(COLUMN))
    return "".join(_table([*lines]) if columns else _lines(lines) for columns, lines in blocks)


def _text(text: str) -> str:
    return f'<span class="text">{escape(text)}</span>'


def _lines(lines: Iterable[str]) -> str:
    text = "\n".join(lines)
    return f'<p class="text">{escape(text)}</p>'


def _table(lines: list[str]) -> str:
    rows = [[escape(cell.strip()) for cell in line.split(COLUMN)] for line in lines]
    head, *body = rows
    if any(cell.isdigit() for cell in head):
        head, body = [], rows
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    below = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in body)
    thead = f"<thead><tr>{top}</tr></thead>" if head else ""
    return f'<div class="wide"><table>{thead}<tbody>{below}</tbody></table></div>'


def _options(options: Sequence[Option], marked: int | None) -> str:
    right = ' class="right"'
    rows = "\n".join(
        f'<li{right if i == marked else ""}><span class="letter">{LABELS[i]}</span>{_shown(option)}</li>'
        for i, option in enumerate(options)
    )
    return f'<ol class="options {_layout(options)}" role="list" aria-label="Options">\n{rows}\n</ol>'


def _shown(option: Option) -> str:
    return figure_html(option.figure) if option.figure else _text(option.text)


def _layout(options: Sequence[Option]) -> str:
    if any(option.figure for option in options):
        return "figures"
    longest = max(len(option.text) for option in options)
    return "brief" if longest <= BRIEF else "short" if longest <= SHORT else "long"


def _key(question: Question) -> str:
    """Key and explanation, and what is known about the wrong options."""
    rows = "".join(
        f"<dt>{letter}</dt><dd>{_named(option)}{escape(option.note)}{_mistake(option)}</dd>"
        for letter, option in zip(LABELS, question.options, strict=False)
        if option is not question.key_option and (option.note or option.mistake)
    )
    notes = f"\n<dl>{rows}</dl>" if rows else ""
    return f"<p><strong>{question.label}.</strong> {_text(question.explanation)}</p>{notes}"


def _mistake(option: Option) -> str:
    return f' <span class="mistake">({escape(option.mistake.replace("_", " "))})</span>' if option.mistake else ""


def _folded_key(question: Question) -> str:
    return f"""<details class="key"><summary>Key and explanation</summary>
{_key(question)}
</details>"""


def _named(option: Option) -> str:
    """An option in front of what is said about it; a figure is on view, and its words are long."""
    return "" if option.figure else f"{escape(option.text.rstrip('.'))}: "


def _in_words(question: Question) -> str:
    """The text form of the figures, for comparison with what is drawn."""
    texts = [question.stimulus.text] if question.stimulus and question.stimulus.figure else []
    texts += [f"{letter}: {o.text}" for letter, o in zip(LABELS, question.options, strict=False) if o.figure]
    if not texts:
        return ""
    return f"<details><summary>Figures in words</summary>{''.join(_lines([text]) for text in texts)}</details>\n"


def _origin(question: Question) -> str:
    expected = question.expected_success
    facts = {
        "item model": f"{question.item_model} version {question.item_version}",
        "seed": question.seed,
        "sub-type": question.sub_type.replace("_", " "),
        "expected": f"{expected:.0%} answer correctly (by design, not calibrated)" if expected is not None else None,
        "structure": json.dumps(question.structure, ensure_ascii=False),
    }
    return f"<details><summary>Origin</summary>\n{facts_html(facts)}</details>"
