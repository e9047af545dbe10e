"""The gallery as one HTML page that needs nothing from outside: items as a test taker sees them, the rest folded away.

Pure: samples in, text out. Style and script are package data (`gallery.css`, `gallery.js`) and end up inside the page;
its policy forbids every other script and every request. Not here: which items (`gallery.py`).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from itertools import groupby
from pathlib import Path

from qgen_dagster.core.question import LABELS, Option, Question, Stimulus
from qgen_dagster.services.gallery import LevelSamples, ModelSamples, TypeSamples, readable_name, summary_of

TITLE = "Item models of qgen"
COLUMN = " | "
BRIEF, SHORT = 9, 28  # options up to this many characters stand side by side, in narrow and in wide columns


def gallery_page(samples: Sequence[TypeSamples], seed: str) -> str:
    """The whole page."""
    script = _part("gallery.js")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy(script)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{TITLE}</title>
<style>{_part("gallery.css")}</style>
</head>
<body>
<a class="skip" href="#items">Skip to the items</a>
<div class="page">
{_contents(samples)}
<div>
{_head(samples, seed)}
<main id="items">
{_joined(_type(group) for group in samples)}
</main>
</div>
</div>
<script>{script}</script>
</body>
</html>
"""


@cache
def _part(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def _head(samples: Sequence[TypeSamples], seed: str) -> str:
    models = sum(len(group.models) for group in samples)
    items = sum(len(level.questions) for group in samples for model in group.models for level in model.levels)
    return f"""<header class="top">
<h1>{TITLE}</h1>
<p>{models:,} item models, {items:,} items from the seed <code>{escape(seed)}</code>. Every item is shown as a test
taker sees it. Key, explanation and the mistake behind each distractor are folded away below it.</p>
<div class="tools">
<button type="button" id="theme" hidden>Light or dark</button>
<button type="button" id="keys" aria-pressed="false" hidden>Open all keys</button>
</div>
</header>"""


def _contents(samples: Sequence[TypeSamples]) -> str:
    def entry(group: TypeSamples) -> str:
        links = _joined(
            f'<li><a href="#{_model_id(group, model)}">{escape(readable_name(model.model))}</a></li>'
            for model in group.models
        )
        return f'<li><a href="#{group.question_type.key}">{escape(_title(group))}</a>\n<ul>\n{links}\n</ul></li>'

    entries = _joined(entry(group) for group in samples)
    return f"""<nav aria-label="Contents">
<details open><summary>Contents</summary>
<ul>
{entries}
</ul></details></nav>"""


def _type(group: TypeSamples) -> str:
    kind = group.question_type
    return f"""<section aria-labelledby="{kind.key}">
<h2 id="{kind.key}">{escape(_title(group))}</h2>
<p>{escape(kind.description)}</p>
{_joined(_model(group, samples) for samples in group.models)}
</section>"""


def _model(group: TypeSamples, samples: ModelSamples) -> str:
    name = _model_id(group, samples)
    return f"""<section aria-labelledby="{name}">
<h3 id="{name}">{escape(readable_name(samples.model))}</h3>
<p>{escape(summary_of(samples.model))}</p>
{_joined(_level(name, level) for level in samples.levels)}
</section>"""


def _level(name: str, level: LevelSamples) -> str:
    low, high = level.difficulty.success_rate
    key = level.difficulty.key
    title = escape(level.difficulty.title or key)
    missed = "".join(f'<p class="quiet">Seed {escape(seed)} gave no sound item.</p>' for seed in level.missed)
    items = _joined(_item(f"{name}.{key}.{i}", f"{title} {i}", q) for i, q in enumerate(level.questions, 1))
    return f"""<h4 id="{name}.{key}">{title} <small>designed for {low:.0%} to {high:.0%} right</small></h4>
{items}{missed}"""


def _item(name: str, label: str, question: Question) -> str:
    return f"""<article class="item" id="{name}" aria-label="{label}">
{_stimulus(question.stimulus)}<p class="stem text">{escape(question.stem)}</p>
{_options(question.options)}
{_key(question)}
{_in_words(question)}{_origin(question)}
</article>"""


def _stimulus(stimulus: Stimulus | None) -> str:
    if stimulus is None:
        return ""
    shown = f'<div class="wide">{stimulus.figure}</div>' if stimulus.figure else _passage(stimulus.text)
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


def _options(options: Sequence[Option]) -> str:
    rows = _joined(
        f'<li><span class="letter">{letter}</span>{option.figure or _text(option.text)}</li>'
        for letter, option in zip(LABELS, options, strict=False)
    )
    return f'<ol class="options {_layout(options)}" role="list" aria-label="Options">\n{rows}\n</ol>'


def _layout(options: Sequence[Option]) -> str:
    if any(option.figure for option in options):
        return "figures"
    longest = max(len(option.text) for option in options)
    return "brief" if longest <= BRIEF else "short" if longest <= SHORT else "long"


def _key(question: Question) -> str:
    rows = "".join(
        f"<dt>{letter}</dt><dd>{_named(option)}{escape(option.note)} "
        f'<span class="mistake">({escape((option.mistake or "untagged").replace("_", " "))})</span></dd>'
        for letter, option in zip(LABELS, question.options, strict=False)
        if option is not question.key_option
    )
    return f"""<details class="key"><summary>Key and explanation</summary>
<p><strong>{question.label}.</strong> {_text(question.explanation)}</p>
<dl>{rows}</dl>
</details>"""


def _named(option: Option) -> str:
    """An option in front of what is said about it; a figure is on view, and its words are long."""
    return "" if option.figure else f"{escape(option.text)}: "


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
    }
    rows = "".join(f"<dt>{name}</dt><dd>{escape(str(value))}</dd>" for name, value in facts.items() if value)
    structure = escape(json.dumps(question.structure, ensure_ascii=False))
    return f"""<details><summary>Origin</summary>
<dl>{rows}<dt>structure</dt><dd><code>{structure}</code></dd></dl></details>"""


def _title(group: TypeSamples) -> str:
    return group.question_type.title or group.question_type.key


def _model_id(group: TypeSamples, samples: ModelSamples) -> str:
    return f"{group.question_type.key}.{samples.model.name}"


def _joined(parts: Iterable[str]) -> str:
    return "\n".join(parts)
