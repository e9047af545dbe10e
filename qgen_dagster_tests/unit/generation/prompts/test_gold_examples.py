"""The gold examples of the packaged prompts: complete, right, and as good as what they ask for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from qgen_dagster.config.settings import Settings
from qgen_dagster.core.question import Question, normalise_text
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.generation.prompts.files import Prompts, TypeFile, load_prompts, packaged
from qgen_dagster.generation.prompts.render import gold_question, reply_rules
from qgen_dagster.generation.replies.questions import parse_questions
from qgen_dagster.generation.replies.rules import ReplyRules
from qgen_dagster.judging.rules import find_flaws, leakage
from qgen_dagster_tests.unit.generation.prompts.solvers import solver_of

TAXONOMY = Settings(home=Path()).taxonomy
PROMPTS: Prompts = load_prompts(TAXONOMY)
KINDS = [(t.key, kind) for t in TAXONOMY.types for kind in t.sub_types]
WORDS_DECIDE = {
    *("analogy", "synonym", "antonym", "odd_one_out", "sentence_completion", "word_relation", "inference", "category"),
    *("precise_word", "connective", "proverb_meaning", "definition"),
}
every_kind = pytest.mark.parametrize(("question_type", "kind"), KINDS, ids="/".join)


def gold(question_type: str, kind: str) -> Question:
    question = gold_question(PROMPTS, Stratum(question_type, "medium"), kind)
    assert question is not None
    return question


def rules(question_type: str, kind: str) -> ReplyRules:
    """The rules of a call for this kind, without that against handing the example back."""
    return replace(reply_rules(PROMPTS, Stratum(question_type, "medium"), 1, [kind]), examples=frozenset())


@pytest.mark.parametrize("question_type", [t.key for t in TAXONOMY.types])
def test_every_sub_type_of_the_taxonomy_has_a_directive_and_an_example_and_no_other_has(question_type: str) -> None:
    texts = PROMPTS.for_type(question_type)
    assert texts.source == "packaged"
    assert tuple(texts.kinds) == TAXONOMY.question_type(question_type).sub_types
    assert all(kind.example for kind in texts.kinds.values())
    assert set(texts.difficulties) == {"easy", "medium", "hard"}


@pytest.mark.parametrize("question_type", [t.key for t in TAXONOMY.types])
def test_a_packaged_file_names_nothing_that_the_taxonomy_does_not_have(question_type: str) -> None:
    texts = packaged(f"types/{question_type}", TypeFile)
    levels = {difficulty.key for difficulty in TAXONOMY.difficulties}
    assert set(texts.sub_types) == set(TAXONOMY.question_type(question_type).sub_types)
    assert {kind.example.difficulty for kind in texts.sub_types.values() if kind.example} <= levels


@every_kind
def test_an_example_is_a_reply_that_can_be_read_and_keeps_its_key(question_type: str, kind: str) -> None:
    example = PROMPTS.for_type(question_type).kinds[kind].example
    assert example is not None
    reply = json.dumps({"questions": [example.contract(kind)]})
    parsed = parse_questions(reply, rules(question_type, kind), "seed")
    assert list(parsed.problems) == []
    (question,) = parsed.questions
    assert question.key_option.text == example.answer
    assert (question.stimulus is not None) == (example.stimulus is not None)
    assert all(option.note for option in question.options if option is not question.key_option)


@every_kind
def test_an_example_breaks_no_rule_of_item_writing(question_type: str, kind: str) -> None:
    question = gold(question_type, kind)
    assert find_flaws(question) == []
    assert leakage(question) >= 0.5
    assert normalise_text(question.key_option.text) in normalise_text(question.explanation)


@every_kind
def test_the_key_of_an_example_is_what_an_independent_solver_finds(question_type: str, kind: str) -> None:
    question = gold(question_type, kind)
    solver = solver_of(question_type, kind)
    if solver is None:
        assert question_type == "verbal"
        assert kind in WORDS_DECIDE
        return
    assert solver(question) == question.key_option.text


def test_the_material_of_memory_is_hidden_and_no_other() -> None:
    assert {t.key for t in TAXONOMY.types if PROMPTS.for_type(t.key).hidden_stimulus} == {"memory"}


def test_a_model_that_hands_an_example_back_has_made_nothing() -> None:
    example = PROMPTS.for_type("math").kinds["ratio"].example
    assert example is not None
    reply = json.dumps({"questions": [example.contract("ratio")]})
    parsed = parse_questions(reply, reply_rules(PROMPTS, Stratum("math", "hard"), 1, ["ratio"]), "seed")
    assert not parsed.questions
    assert "example" in parsed.problems[0]


def test_the_examples_together_do_not_give_the_key_away_by_its_length() -> None:
    """Chance is about one in five; a set whose keys are mostly the longest option teaches models to write such."""
    questions = [gold(question_type, kind) for question_type, kind in KINDS]
    longest = sum(len(q.key_option.text) == max(len(o.text) for o in q.options) for q in questions)
    alone = sum(
        all(len(q.key_option.text) > len(o.text) for o in q.options if o is not q.key_option) for q in questions
    )
    assert longest < 0.6 * len(questions)  # most have options of equal length
    assert alone < 0.15 * len(questions)
