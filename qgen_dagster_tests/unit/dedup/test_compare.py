from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.core.question import Question, content_hash
from qgen_dagster.dedup.compare import Doubt, Likeness, compare
from qgen_dagster.dedup.facts import facts_of, lookup_key, word_keys
from qgen_dagster.dedup.hashing import HashingEmbedder
from qgen_dagster.dedup.settings import Bounds, load_settings
from qgen_dagster_tests.unit.dedup.questions import question

PAIRS = Path(__file__).parents[2] / "data" / "duplicate_pairs.yaml"
BOUNDS = Bounds()


def labelled_pairs() -> list[tuple[str, str, Question, Question]]:
    found = []
    for group in yaml.safe_load(PAIRS.read_text(encoding="utf-8")):
        base = _wording(group["type"], group["base"])
        for label in ("same", "different"):
            for variant in group[label]:
                other = _wording(group["type"], group["base"] | variant)
                found.append((label, variant["kind"], base, other))
    return found


def _wording(question_type: str, wording: dict[str, Any]) -> Question:
    options = [str(option) for option in wording["options"]]
    return question(wording["stem"], options, stimulus=wording.get("stimulus"), question_type=question_type)


def likeness(a: Question, b: Question) -> Likeness:
    facts = facts_of(a), facts_of(b)
    embedder = HashingEmbedder()
    first, second = embedder.embed([f.text for f in facts])
    bounds = load_settings().bounds(embedder.name, a.question_type)
    return compare(*facts, float(first @ second), bounds).likeness


@pytest.mark.parametrize(("label", "kind", "a", "b"), [p for p in labelled_pairs() if p[0] == "different"])
def test_no_labelled_different_pair_is_called_a_duplicate(label: str, kind: str, a: Question, b: Question) -> None:
    assert likeness(a, b) is not Likeness.SAME


@pytest.mark.parametrize(
    ("label", "kind", "a", "b"), [p for p in labelled_pairs() if p[0] == "same" and p[1] in ("trivial", "digits")]
)
def test_every_trivial_edit_is_called_a_duplicate(label: str, kind: str, a: Question, b: Question) -> None:
    assert likeness(a, b) is Likeness.SAME


@pytest.mark.parametrize(("label", "kind", "a", "b"), [p for p in labelled_pairs() if p[1] == "light"])
def test_a_few_changed_words_are_at_least_doubtful(label: str, kind: str, a: Question, b: Question) -> None:
    assert likeness(a, b) is not Likeness.DIFFERENT


@given(st.sampled_from(labelled_pairs()), st.floats(-1, 1))
def test_comparison_is_symmetric(pair: tuple[str, str, Question, Question], cosine: float) -> None:
    a, b = facts_of(pair[2]), facts_of(pair[3])
    assert compare(a, b, cosine, BOUNDS) == compare(b, a, cosine, BOUNDS)


@given(st.sampled_from(labelled_pairs()))
def test_every_question_is_the_same_as_itself(pair: tuple[str, str, Question, Question]) -> None:
    facts = facts_of(pair[3])
    assert compare(facts, facts, 1.0, BOUNDS).likeness is Likeness.SAME


@given(st.sampled_from(labelled_pairs()), st.floats(-1, 1))
def test_what_is_not_different_shares_the_lookup_key(pair: tuple[str, str, Question, Question], cosine: float) -> None:
    a, b = facts_of(pair[2]), facts_of(pair[3])
    if compare(a, b, cosine, BOUNDS).likeness is not Likeness.DIFFERENT:
        assert lookup_key("space", "math", a) == lookup_key("space", "math", b)


@pytest.mark.parametrize(("label", "kind", "a", "b"), labelled_pairs())
def test_what_is_not_different_and_without_quantities_shares_enough_words_to_be_found(
    label: str, kind: str, a: Question, b: Question
) -> None:
    ours, theirs = (set(word_keys(7, facts_of(q))) for q in (a, b))
    if ours and likeness(a, b) is not Likeness.DIFFERENT:
        share = load_settings().bounds(HashingEmbedder().name, a.question_type).shared_words
        assert share == 0.5
        assert len(ours & theirs) >= share * len(ours | theirs) or ours <= theirs or theirs <= ours


@given(st.sampled_from(labelled_pairs()))
def test_only_what_holds_on_to_no_quantities_has_keys_for_its_words(
    pair: tuple[str, str, Question, Question],
) -> None:
    facts = facts_of(pair[3])
    keys = word_keys(7, facts)
    assert len(keys) == (0 if facts.strong else len(facts.words))
    assert not set(keys) & set(word_keys(8, facts))


@given(st.sampled_from(labelled_pairs()), st.randoms(use_true_random=False))
def test_case_and_order_of_options_never_change_exact_equality(
    pair: tuple[str, str, Question, Question], rng: Any
) -> None:
    original = pair[2]
    options = list(original.options)
    rng.shuffle(options)
    edited = original.model_copy(
        update={
            "stem": original.stem.upper(),
            "options": tuple(options),
            "answer": options.index(original.key_option),
        }
    )
    assert content_hash(edited) == content_hash(original)


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_a_nearer_pair_is_never_less_alike(first: float, second: float) -> None:
    order = [Likeness.DIFFERENT, Likeness.DOUBTFUL, Likeness.SAME]
    a = facts_of(
        question("Where does the old wizard keep his golden hat at night?", ["cellar", "attic", "barn", "hut"])
    )
    b = facts_of(question("Where does the old wizard keep his golden hat?", ["cellar", "attic", "barn", "hut"]))
    low, high = sorted([first, second])
    assert order.index(compare(a, b, low, BOUNDS).likeness) <= order.index(compare(a, b, high, BOUNDS).likeness)


def test_other_numbers_or_another_answer_are_another_question_however_near() -> None:
    a = facts_of(question("What is 15% of 80?"))
    numbers = facts_of(question("What is 20% of 60?"))
    answer = facts_of(question("What is 15% of 80?", ["15", "12", "8", "120"]))
    assert compare(a, numbers, 1.0, BOUNDS).likeness is Likeness.DIFFERENT
    assert compare(a, answer, 1.0, BOUNDS).likeness is Likeness.DIFFERENT


DOUBTS = {
    Doubt.UNITS: (
        question("How far is it?", ["5 km", "6 km", "7 km", "8 km"]),
        question("How far is it?", ["5 miles", "6 miles", "7 miles", "8 miles"]),
    ),
    Doubt.POLARITY: (
        question("Is the red door of the tower open now?"),
        question("Is the red door of the tower not open now?"),
    ),
    Doubt.STIMULUS: (
        question("Say: what?", stimulus="lamp, tree, fish, moon, ball, rope, door, wall, hand"),
        question("Say: what?", stimulus="lamp, tree, fish, moon, ball, rope, door, wall, foot"),
    ),
    Doubt.WORDS: (
        question("When is the game in the old town cancelled?"),
        question("When is the match in the old town cancelled?"),
    ),
    Doubt.ORDER: (
        question("How long do 8 workers need for what 16 workers do in 11 days?"),
        question("How long do 8 workers need for what 11 workers do in 16 days?"),
    ),
    Doubt.OPTIONS: (question("Which of these is odd?", "abcd"), question("Which of these is odd?", "abcx")),
}


@pytest.mark.parametrize(("a", "b", "doubt"), [(a, b, doubt) for doubt, (a, b) in DOUBTS.items()])
def test_what_raises_a_doubt(a: Question, b: Question, doubt: Doubt) -> None:
    compared = compare(facts_of(a), facts_of(b), 1.0, BOUNDS)
    assert compared.likeness is Likeness.DOUBTFUL
    assert compared.doubts == (doubt,)


def test_other_names_are_another_question_unless_names_are_incidental() -> None:
    a = facts_of(question("Today Anna buys 3 pens at $4. How much does Anna pay?"))
    b = facts_of(question("Today Ben buys 3 pens at $4. How much does Ben pay?"))
    assert compare(a, b, 0.9, BOUNDS).likeness is Likeness.DIFFERENT
    incidental = compare(a, b, 0.9, BOUNDS.model_copy(update={"names": "doubt"}))
    assert incidental.likeness is Likeness.DOUBTFUL
    assert incidental.doubts == (Doubt.NAMES,)


def test_a_name_that_one_of_them_leaves_out_contradicts_nothing() -> None:
    a = facts_of(question("Today Anna buys 3 pens at $4. How much is it?"))
    b = facts_of(question("Today someone buys 3 pens at $4. How much is it?"))
    assert compare(a, b, 0.9, BOUNDS).likeness is Likeness.SAME


@pytest.mark.parametrize("answer", ["12 cm", "12", "twelve", "12 centimetres", "It is 12."])
def test_units_and_number_words_do_not_change_what_an_answer_is_looked_up_by(answer: str) -> None:
    assert facts_of(question("?", [answer, "a", "b", "c"])).answer_key == "12"


@pytest.mark.parametrize("answer", ["Not enough information", "It can't be determined.", "cannot be determined"])
def test_all_ways_of_saying_that_nobody_knows_are_one_answer(answer: str) -> None:
    expected = facts_of(question("?", ["It cannot be determined", "a", "b", "c"])).answer_key
    assert facts_of(question("?", [answer, "a", "b", "c"])).answer_key == expected


def test_another_drawing_is_another_question_though_its_words_are_the_same() -> None:
    a = facts_of(question("Which piece fits?", stimulus="Piece: -#-- / ###- / ####"))
    b = facts_of(question("Which piece fits?", stimulus="Piece: -##- / ##-- / ####"))
    assert compare(a, b, 1.0, BOUNDS).likeness is Likeness.DIFFERENT


def test_a_drawn_answer_is_looked_up_by_every_sign() -> None:
    a = facts_of(question("Which?", ["-#-- / ####", "b", "c", "d"]))
    b = facts_of(question("Which?", ["-##- / ####", "b", "c", "d"]))
    assert a.answer_key != b.answer_key


def test_the_same_clues_about_other_things_are_never_called_a_duplicate() -> None:
    stem = "If the {} is open, the {} is closed. The {} is locked only if the {} is dark. The {} is dark. What follows?"
    a = facts_of(question(stem.format("shop", "tower", "gate", "hall", "hall")))
    b = facts_of(question(stem.format("gate", "hall", "shop", "tower", "tower")))
    assert compare(a, b, 1.0, BOUNDS).likeness is not Likeness.SAME


def test_steps_in_another_direction_raise_a_doubt() -> None:
    a = facts_of(question("The cube rolls to the left, then to the right. What is on top?"))
    b = facts_of(question("The cube rolls to the right, then to the left. What is on top?"))
    assert Doubt.POLARITY in compare(a, b, 1.0, BOUNDS).doubts
