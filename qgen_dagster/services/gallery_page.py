"""The gallery as one HTML page: contents, headings, and the samples of every item model.

Pure: samples in, text out. Not here: which items (`gallery.py`), how an item looks (`item_html.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from qgen_dagster.services.gallery import LevelSamples, ModelSamples, TypeSamples, readable_name, summary_of
from qgen_dagster.services.item_html import html_page, item_html, packaged

TITLE = "Item models of qgen"


def gallery_page(samples: Sequence[TypeSamples], seed: str) -> str:
    """The whole page."""
    body = f"""<a class="skip" href="#items">Skip to the items</a>
<div class="page">
{_contents(samples)}
<div>
{_head(samples, seed)}
<main id="items">
{_joined(_type(group) for group in samples)}
</main>
</div>
</div>"""
    return html_page(TITLE, body, packaged("gallery.js"))


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
    items = _joined(item_html(q, f"{name}.{key}.{i}", f"{title} {i}") for i, q in enumerate(level.questions, 1))
    return f"""<h4 id="{name}.{key}">{title} <small>designed for {low:.0%} to {high:.0%} right</small></h4>
{items}{missed}"""


def _title(group: TypeSamples) -> str:
    return group.question_type.title or group.question_type.key


def _model_id(group: TypeSamples, samples: ModelSamples) -> str:
    return f"{group.question_type.key}.{samples.model.name}"


def _joined(parts: Iterable[str]) -> str:
    return "\n".join(parts)
