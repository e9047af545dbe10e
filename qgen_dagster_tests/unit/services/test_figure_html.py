"""Which figures are set into a page as they are, and which become images that can do nothing."""

from __future__ import annotations

import base64

import pytest

from qgen_dagster.config.settings import load_settings
from qgen_dagster.services.figure_html import figure_html, is_plain
from qgen_dagster.services.gallery import collect

PLAIN = '<svg viewBox="0 0 9 9" role="img"><title>A &lt;b&gt;</title><path d="M0 0h9" stroke="currentColor"/></svg>'


def test_a_drawing_stays_as_it_is() -> None:
    assert figure_html(PLAIN) == PLAIN
    assert is_plain(PLAIN.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" '))


def test_every_figure_of_the_item_models_is_a_drawing() -> None:
    taxonomy = load_settings({}).taxonomy
    figures = []
    for group in collect(taxonomy, taxonomy.strata, 1, "figures"):
        for question in (q for model in group.models for level in model.levels for q in level.questions):
            stimulus = [question.stimulus.figure] if question.stimulus else []
            figures += [figure for figure in (*stimulus, *(o.figure for o in question.options)) if figure]
    assert len(figures) > 50
    assert [figure for figure in figures if not is_plain(figure)] == []


@pytest.mark.parametrize(
    "svg",
    [
        '<svg onload="x"/>',
        "<svg><script/></svg>",
        '<svg><use href="#a"/></svg>',
        '<svg xmlns:xlink="http://www.w3.org/1999/xlink"><text xlink:href="javascript:x">a</text></svg>',
        '<svg><h:form xmlns:h="http://www.w3.org/1999/xhtml"/></svg>',
        "<svg><rect></svg>",
        "<svg/><p>after</p>",
        "<svg>&nbsp;</svg>",
        '<!DOCTYPE svg [<!ENTITY a "b">]><svg>&a;</svg>',
        "<svg><![CDATA[<script>]]></svg>",
        "<svg><!-- --></svg>",
        "<svg><?php ?></svg>",
        '<svg><rect fill="URL(https://a)"/></svg>',
        '<svg style="x"/>',
        '<svg id="content"/>',
        '<svg class="skip"/>',
        "",
    ],
)
def test_anything_else_is_an_image(svg: str) -> None:
    shown = figure_html(svg)
    assert shown.startswith('<img class="paper" alt="Figure" src="data:image/svg+xml;base64,')
    assert base64.b64decode(shown.partition("base64,")[2].rstrip('">')).decode() == svg
