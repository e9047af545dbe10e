"""The labelled set that ships: balanced, valid, unlike the examples that models are shown; and reading such files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from qgen_dagster.config.loading import load_yaml
from qgen_dagster.config.settings import PACKAGED as CONFIG
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.question import content_hash, normalise_text, validate_question
from qgen_dagster.core.taxonomy import Taxonomy
from qgen_dagster.generation.prompts.files import load_prompts
from qgen_dagster.judging.labelled_set import PACKAGED, Fault, Labelled, check_fit, load_labelled, spread
from qgen_dagster.judging.rules import find_flaws
from qgen_dagster.judging.verdict import fatal_before_asking

ITEMS = load_labelled()
TAXONOMY = load_yaml(CONFIG / "taxonomy.yaml", Taxonomy)


def entry(**changes: Any) -> dict[str, Any]:
    plain = {
        "id": "sum",
        "difficulty": "easy",
        "sub_type": "algebra",
        "stem": "How much is 1 + 1?",
        "options": ["1", "2", "3", "4"],
        "answer": "2",
        "explanation": "1 and 1 are 2.",
    }
    return {**plain, **changes}


def write(folder: Path, *entries: dict[str, Any], name: str = "math") -> Path:
    (folder / f"{name}.yaml").write_text(yaml.safe_dump({"type": "math", "questions": list(entries)}))
    return folder


def of(label: str) -> list[Labelled]:
    return [item for item in ITEMS if item.label == label]


def test_half_of_the_set_is_good_and_every_fault_is_there_equally_often() -> None:
    counts = Counter(item.label for item in ITEMS)
    assert counts.pop("good") == 48
    assert counts == dict.fromkeys([fault.value for fault in Fault], 8)


def test_every_type_has_as_many_good_and_faulty_questions_and_every_fault() -> None:
    for question_type in (t.key for t in TAXONOMY.types):
        mine = [item for item in ITEMS if item.question.question_type == question_type]
        counts = Counter(item.label for item in mine)
        assert counts["good"] == sum(counts.values()) - counts["good"] == 8
        assert set(counts) == {"good", *Fault}


def test_good_questions_are_spread_over_the_difficulties_and_kinds() -> None:
    assert Counter(item.question.difficulty for item in of("good")) == {"easy": 16, "medium": 16, "hard": 16}
    assert len({(i.question.question_type, i.question.sub_type) for i in of("good")}) > 40


def test_the_key_stands_at_every_letter_and_nowhere_too_often() -> None:
    counts = Counter(item.question.label for item in ITEMS)
    assert set(counts) == set("ABCDE")
    assert max(counts.values()) < 0.3 * len(ITEMS)


def test_the_set_fits_the_taxonomy_down_to_the_sub_types() -> None:
    check_fit(ITEMS, TAXONOMY)
    for item in ITEMS:
        assert item.question.sub_type in TAXONOMY.question_type(item.question.question_type).sub_types, item.id


def test_every_question_is_valid_but_for_the_one_whose_fault_is_that_it_is_not() -> None:
    broken = {item.id for item in ITEMS if validate_question(item.question)}
    assert broken == {"two_right_turns"}
    assert len({content_hash(item.question) for item in ITEMS}) == len(ITEMS)


def test_good_questions_break_no_rule() -> None:
    assert [item.id for item in of("good") if find_flaws(item.question) or fatal_before_asking(item.question)] == []


def test_the_rules_see_half_of_the_leaks_and_of_the_formatting_faults_and_no_other_fault() -> None:
    stopped = Counter(item.label for item in ITEMS if fatal_before_asking(item.question))
    assert stopped == {"leak": 4, "formatting": 4}


def test_every_explanation_quotes_the_key_that_the_question_has() -> None:
    for item in ITEMS:
        key = normalise_text(item.question.key_option.text)
        assert key in normalise_text(item.question.explanation), item.id


def test_a_longer_explanation_says_the_key_too_in_several_times_as_many_words() -> None:
    longer = [item for item in ITEMS if item.longer]
    assert len(longer) >= 20
    assert 8 <= sum(item.fault is None for item in longer) <= len(longer) - 8
    for item in longer:
        assert item.longer
        assert len(item.longer.explanation.split()) >= 3 * len(item.question.explanation.split()), item.id
        assert normalise_text(item.question.key_option.text) in normalise_text(item.longer.explanation), item.id
        assert item.longer.model_copy(update={"explanation": item.question.explanation}) == item.question


def test_a_wrong_difficulty_is_wrong_in_both_directions() -> None:
    levels = [d.key for d in TAXONOMY.difficulties]
    directions = {levels.index(i.level) > levels.index(i.question.difficulty) for i in of(Fault.WRONG_DIFFICULTY.value)}
    assert directions == {True, False}


def test_no_question_is_an_example_that_models_are_shown() -> None:
    prompts = load_prompts(TAXONOMY)
    shown = {
        normalise_text(kind.example.stem)
        for question_type in TAXONOMY.types
        for kind in prompts.for_type(question_type.key).kinds.values()
        if kind.example and not kind.example.stimulus
    }
    assert not shown & {normalise_text(item.question.stem) for item in ITEMS}


@pytest.mark.parametrize("most", [12, 24, 48])
def test_every_beginning_of_the_spread_set_is_balanced(most: int) -> None:
    chosen = Counter(item.label for item in spread(ITEMS, most))
    assert chosen.pop("good") == most // 2
    assert set(chosen.values()) == {most // 12}


def test_the_spread_set_is_the_whole_set() -> None:
    assert sorted(i.id for i in spread(ITEMS)) == sorted(i.id for i in ITEMS)
    assert len({i.question.question_type for i in spread(ITEMS, 12)}) == 6


def test_an_operators_folder_is_read(tmp_path: Path) -> None:
    wrong = entry(id="wrong", answer="3", truth="2", fault="wrong_key", where="1 + 1 is not 3.")
    good, faulty = load_labelled(write(tmp_path, entry(), wrong))
    assert (good.label, good.right, good.level) == ("good", 1, "easy")
    assert (faulty.label, faulty.question.answer, faulty.right) == ("wrong_key", 2, 1)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"answer": "5"}, "'5' must be exactly one of the options"),
        ({"fault": "leak"}, "where belongs to a question with a fault"),
        ({"where": "somewhere"}, "where belongs to a question with a fault"),
        ({"fault": "wrong_key", "where": "x"}, "truth belongs to a wrong key"),
        ({"fault": "two_keys", "where": "x"}, "also_right belongs to two keys"),
        ({"fault": "wrong_difficulty", "where": "x", "level": "easy"}, "must differ"),
        ({"fault": "wrong_key", "where": "x", "truth": "2"}, "must differ"),
        ({"fault": "boring", "where": "x"}, "fault"),
        ({"options": ["1", "2"]}, "at least 4"),
        ({"colour": "red"}, "unknown key"),
    ],
)
def test_an_entry_that_contradicts_itself_is_refused_with_its_file_and_line(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said) as error:
        load_labelled(write(tmp_path, entry(**changes)))
    assert "math.yaml:" in error.value.message


def test_an_id_that_is_there_twice_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no labelled questions"):
        load_labelled(tmp_path)
    write(tmp_path, entry())
    with pytest.raises(ConfigurationError, match="the id sum is there twice"):
        load_labelled(write(tmp_path, entry(), name="more"))


def test_a_type_that_the_taxonomy_has_not_got_is_named(tmp_path: Path) -> None:
    write(tmp_path, entry(difficulty="expert"))
    with pytest.raises(ConfigurationError, match="labelled question sum: unknown difficulty"):
        check_fit(load_labelled(tmp_path), TAXONOMY)


def test_the_files_of_the_set_are_in_the_package() -> None:
    assert {path.stem for path in PACKAGED.glob("*.yaml")} == {t.key for t in TAXONOMY.types}
