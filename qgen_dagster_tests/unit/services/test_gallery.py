"""The gallery shows every item model, gives no key away, and needs nothing from outside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

import qgen_dagster.config
from qgen_dagster.core.question import Option, Question, Stimulus
from qgen_dagster.core.taxonomy import Stratum, Taxonomy
from qgen_dagster.generation.items.contract import build_question
from qgen_dagster.generation.items.registry import families, item_models
from qgen_dagster.services.gallery import TypeSamples, collect
from qgen_dagster.services.gallery_page import gallery_page

VOID = {"meta", "br", "hr", "img", "input", "link"}


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    path = Path(qgen_dagster.config.__path__[0]) / "taxonomy.yaml"
    return Taxonomy.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def samples(taxonomy: Taxonomy) -> tuple[TypeSamples, ...]:
    return collect(taxonomy, taxonomy.strata, per_model=1, seed="test")


@pytest.fixture(scope="module")
def page(samples: tuple[TypeSamples, ...]) -> str:
    return gallery_page(samples, "test")


class Reader(HTMLParser):
    """Checks that elements are nested, and keeps what is on view while nothing is unfolded."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.visible: list[tuple[str, str]] = []  # where, and an attribute or text
        self.item = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "a":
            self.links.append(values["href"].removeprefix("#"))
        if tag == "article":
            self.item = values["id"]
        if tag not in VOID:
            self.open.append(tag)
        if "details" not in self.open:
            self.visible += [(self.item, value) for value in values.values()]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_data(self, data: str) -> None:
        if "details" not in self.open:
            self.visible.append((self.item, data))


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def every(samples: tuple[TypeSamples, ...]) -> Iterator[tuple[str, Question]]:
    for group in samples:
        for found in group.models:
            for level in found.levels:
                for number, question in enumerate(level.questions, 1):
                    yield f"{group.question_type.key}.{found.model.name}.{level.difficulty.key}.{number}", question


def test_every_model_is_there_at_every_level(samples: tuple[TypeSamples, ...], page: str) -> None:
    ids = read(page).ids
    for family in families():
        for model in item_models(family):
            for level in model.levels:
                assert f"{family}.{model.name}.{level}.1" in ids
    assert len(ids) == len(set(ids))


def test_every_entry_of_the_contents_leads_somewhere(page: str) -> None:
    reader = read(page)
    assert set(reader.links) <= set(reader.ids)
    assert len(reader.links) > 50


def test_no_key_is_on_view(samples: tuple[TypeSamples, ...], page: str) -> None:
    on_view: dict[str, str] = {}
    for item, text in read(page).visible:
        on_view[item] = f"{on_view.get(item, '')}\n{text}"
    for name, question in every(samples):
        shown = on_view[name]
        assert question.explanation not in shown
        assert question.seed is not None
        for option in question.options:
            assert not option.note or option.note not in shown
            assert not option.mistake or not re.search(rf"\b{option.mistake}\b", shown)


def test_nothing_marks_the_key_among_the_options(samples: tuple[TypeSamples, ...], page: str) -> None:
    rows = re.findall(r'<li[^>]*><span class="letter">', page)
    assert len(rows) == sum(len(question.options) for _, question in every(samples))
    assert set(rows) == {'<li><span class="letter">'}


def test_key_explanation_and_mistakes_are_folded_away(samples: tuple[TypeSamples, ...], page: str) -> None:
    assert page.count('<details class="key">') == sum(1 for _ in every(samples))
    assert '<details class="key" open' not in page


def test_the_page_asks_for_nothing_from_outside(page: str) -> None:
    addresses = set(re.findall(r"[a-z]+://[^\s\"'<>)]+", page))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"@import|url\(|<link|<img|<iframe|\bsrc=", page)
    assert "default-src 'none'" in page


def test_the_policy_lets_the_script_run_and_no_other(page: str) -> None:
    import base64
    import hashlib

    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page


def test_what_looks_like_html_is_shown_as_text(samples: tuple[TypeSamples, ...]) -> None:
    evil = '<script>alert("&")</script>'
    group = samples[0]
    found = group.models[0]
    question = (
        found.levels[0]
        .questions[0]
        .model_copy(
            update={
                "stem": evil,
                "explanation": evil,
                "stimulus": Stimulus(text=evil),
                "options": tuple(Option(text=f"{i} {evil}", mistake="slip", note=evil) for i in range(4)),
                "answer": 0,
                "structure": {"a": evil},
            }
        )
    )
    level = replace(found.levels[0], questions=(question,))
    page = gallery_page([replace(group, models=(replace(found, levels=(level,)),))], evil)
    read(page)
    assert evil not in page
    assert page.count("&lt;script&gt;") >= 8


def test_columns_of_text_become_a_table(samples: tuple[TypeSamples, ...], taxonomy: Taxonomy) -> None:
    (model,) = [m for m in item_models("math") if m.name == "table_reading"]
    question = build_question(model, "easy", "1", Stratum("math", "easy"))
    assert question.stimulus is not None
    rows = [line for line in question.stimulus.text.splitlines() if " | " in line]
    page = gallery_page(collect(taxonomy, [Stratum("math", "easy")], 1, "1"), "1")
    assert page.count("<th scope") >= len(rows[0].split(" | "))


def test_the_same_seed_gives_the_same_page(taxonomy: Taxonomy) -> None:
    strata = taxonomy.select(["memory"], ["hard"])
    assert gallery_page(collect(taxonomy, strata, 2, "x"), "x") == gallery_page(collect(taxonomy, strata, 2, "x"), "x")


def test_a_memory_stimulus_says_how_long_it_is_shown_and_can_be_hidden(taxonomy: Taxonomy) -> None:
    page = gallery_page(collect(taxonomy, taxonomy.select(["memory"], ["easy"]), 1, "1"), "1")
    items = page.count("<article")
    assert len(re.findall(r"Shown for \d+ seconds, then hidden\.", page)) == items
    assert page.count('class="hide"') == items


def test_a_type_without_item_models_is_left_out(taxonomy: Taxonomy) -> None:
    data = taxonomy.model_dump()
    data["types"][0]["item_models"] = None
    strange = Taxonomy.model_validate(data)
    found = collect(strange, strange.strata, 1, "1")
    assert [group.question_type.key for group in found] == [kind.key for kind in strange.types[1:]]
