"""Questions out of replies: whatever stands around them, only what is certain gets through, and nothing crashes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.core.question import Question, validate_question
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.generation.provider import Fault, Parsed, ProviderError
from qgen_dagster.generation.replies.questions import MAX_ITEMS, parse_questions
from qgen_dagster.generation.replies.rules import ReplyRules, likeness

RULES = ReplyRules(Stratum("math", "hard"), 5, ("ratio", "counting"), frozenset({"ratio", "counting", "algebra"}))
MEMORY = ReplyRules(Stratum("memory", "easy"), 5, ("word_list",), frozenset({"word_list"}), hidden_stimulus=True)
WORDS = ("apple", "bread", "cheese", "dates")


def item(number: int = 1, **changed: Any) -> dict[str, Any]:
    """A good item whose key is its second option; `number` makes it another one."""
    options = [{"text": f"{word} {number}", "mistake": f"Takes the {word}."} for word in WORDS]
    options[1]["mistake"] = None  # type: ignore[assignment]
    good = {
        "sub_type": "ratio",
        "stimulus": None,
        "stem": f"Which food is number {number}?",
        "options": options,
        "answer": f"bread {number}",
        "explanation": f"It is bread {number}, as the text says.",
    }
    return {**good, **changed}


def texts(*words: str, key: int = 1) -> list[dict[str, Any]]:
    return [{"text": w, "mistake": None if place == key else "A slip."} for place, w in enumerate(words)]


def reply(*items: Any) -> str:
    return json.dumps({"questions": list(items)})


def parse(text: str, rules: ReplyRules = RULES, seed: str = "seed") -> Parsed:
    return parse_questions(text, rules, seed)


def one(changed: dict[str, Any], rules: ReplyRules = RULES) -> Question:
    parsed = parse(reply(item(**changed)), rules)
    assert list(parsed.problems) == []
    (question,) = parsed.questions
    return question


def problem(changed: dict[str, Any], rules: ReplyRules = RULES) -> str:
    parsed = parse(reply(item(**changed)), rules)
    assert not parsed.questions
    (said,) = parsed.problems
    assert said.startswith("Question 1: ")
    assert said.endswith(".")
    assert said.isprintable()
    return said


def failure(text: str, rules: ReplyRules = RULES) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        parse(text, rules)
    assert caught.value.category is ErrorCategory.PARSE_ERROR
    assert caught.value.retryable
    return caught.value


def stems(parsed: Parsed) -> list[str]:
    return [question.stem for question in parsed.questions]


GOOD = reply(item(1), item(2))
STEMS = ["Which food is number 1?", "Which food is number 2?"]


# What stands around


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f"```\n{GOOD}\n```\n",
        f"Here are {{as asked}} [two] questions:\n\n{GOOD}\n\nI hope that they help!",
        f'<think>maybe {{"a": 1}}</think>{GOOD}',
        "\ufeff" + GOOD,
        json.dumps([item(1), item(2)]),
        json.dumps({"result": {"questions": [item(1), item(2)]}}),
        json.dumps({"items": [item(1), item(2)]}),
        f"{json.dumps(item(1))}\n{json.dumps(item(2))}",
        f"{reply(item(1))}\n{reply(item(2))}",
        f"{GOOD}\n{GOOD}",
        GOOD.replace("}]}", "},],}"),
        json.dumps({"questions": [item(1), item(2)]}, indent=2),
        GOOD + '{"note": "done"}',
        '{"plan": "two questions"}' + GOOD,
    ],
    ids=range(16),
)
def test_questions_are_found_in_any_wrapping(text: str) -> None:
    parsed = parse(text)
    assert stems(parsed) == STEMS
    assert list(parsed.problems) == []


def test_a_line_feed_inside_a_string_is_no_mistake() -> None:
    text = reply(item(1, stem="One line\nand another: which food?")).replace("\\n", "\n")
    assert stems(parse(text)) == ["One line\nand another: which food?"]


def test_a_single_question_that_is_wrapped_is_read() -> None:
    assert stems(parse(json.dumps({"question": item(1)}))) == STEMS[:1]


def test_two_different_sets_of_questions_are_not_chosen_between() -> None:
    draft, final = [item(n) for n in (1, 2, 3)], [item(n) for n in (4, 5, 6)]
    error = failure(f"{reply(*draft)} Wait, better: {reply(*final)}")
    assert error.fault is Fault.MALFORMED
    assert "2 different sets" in error.message


def test_a_truncated_reply_keeps_its_complete_questions_and_says_that_it_breaks_off() -> None:
    whole = reply(*(item(n) for n in range(1, 6)))
    parsed = parse(whole[: whole.index("number 4")])
    assert stems(parsed) == [f"Which food is number {n}?" for n in (1, 2, 3)]
    assert list(parsed.problems) == ["The reply breaks off or is damaged: 3 of 5 questions were complete."]


def test_a_truncated_reply_with_more_than_was_asked_for_keeps_what_is_complete() -> None:
    whole = reply(*(item(n) for n in range(1, 9)))
    assert len(parse(whole[: whole.index("number 8")]).questions) == 7


@given(st.integers(min_value=0, max_value=len(GOOD)))
def test_wherever_a_reply_is_cut_only_complete_questions_come_out(length: int) -> None:
    try:
        parsed = parse(GOOD[:length])
    except ProviderError:
        return
    assert stems(parsed) == STEMS[: len(parsed.questions)]


def test_one_damaged_question_does_not_cost_the_others() -> None:
    text = reply(item(1), item(2), item(3)).replace('"stem": "Which food is number 2?"', '"stem": Which food?"')
    parsed = parse(text)
    assert stems(parsed) == [STEMS[0], "Which food is number 3?"]
    assert len(parsed.problems) == 1


def test_more_questions_than_asked_for_are_all_handed_over() -> None:
    assert len(parse(reply(*(item(n) for n in range(8)))).questions) == 8


def test_a_flood_of_questions_is_cut() -> None:
    parsed = parse(reply(*(item(n) for n in range(MAX_ITEMS + 7))))
    assert len(parsed.questions) == MAX_ITEMS
    assert list(parsed.problems) == ["7 questions after the first 50 were not read."]


def test_fewer_questions_than_asked_for_are_no_problem_of_their_own() -> None:
    assert list(parse(reply(item(1))).problems) == []


# What no question comes out of


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", Fault.EMPTY),
        (" \n\t", Fault.EMPTY),
        ("I'm sorry, but I can't help with that.", Fault.REFUSED),
        ("I cannot create questions like these.", Fault.REFUSED),
        ("I’m sorry, I can’t do that.", Fault.REFUSED),
        ("What would you like to know?", Fault.MALFORMED),
        ("null", Fault.MALFORMED),
        ('{"questions": []}', Fault.MALFORMED),
        ('{"questions": "none"}', Fault.MALFORMED),
        ('{"error": "I cannot"}', Fault.MALFORMED),
        ("[1, 2, 3]", Fault.MALFORMED),
        (GOOD[:60], Fault.TRUNCATED),
        ("[" * 100_000, Fault.TRUNCATED),
        ('{"a":' * 100_000, Fault.TRUNCATED),
        ('{"questions":' * 500 + "[]" + "}" * 500, Fault.MALFORMED),
        ("{" * 1_000_001, Fault.MALFORMED),
    ],
    ids=range(16),
)
def test_a_reply_without_questions_is_an_error_of_its_kind(text: str, fault: Fault) -> None:
    error = failure(text)
    assert error.fault in (fault, Fault.TRUNCATED) if fault is Fault.MALFORMED else error.fault is fault
    assert len(error.partial or "") <= 2_000


def test_a_question_nested_absurdly_deep_is_not_followed() -> None:
    deep: Any = "x"
    for _ in range(600):
        deep = [deep]
    assert failure(reply(item(1, stem=deep))).fault is Fault.TRUNCATED


# The key


@pytest.mark.parametrize(
    "answer",
    [
        "bread 1",
        "BREAD 1",
        "  bread\u00a0 1 ",
        "bread 1.",
        '"bread 1"',
        "“bread 1”.",
        "B",
        "b",
        "B)",
        "(B)",
        "[B]",
        "B.",
        "Option B",
        "Answer: B",
        "B) bread 1",
        "b. Bread 1",
        "option B: bread 1",
    ],
)
def test_an_answer_that_can_only_mean_one_option_is_taken(answer: str) -> None:
    assert one({"answer": answer}).key_option.text == "bread 1"


@pytest.mark.parametrize(
    ("options", "answer", "key"),
    [
        (("1", "2", "3", "4"), "2", "2"),
        (("1", "2", "3", "4"), 2, "2"),
        (("A", "B", "C", "D"), "B", "B"),
        (("B", "A", "D", "C"), "A", "A"),
        (("0.5", "1.5", "2.5", "3.5"), 1.5, "1.5"),
        (("C) x", "A) y", "B) z", "D) w"), "A) y", "A) y"),
        (("3", "10", "2", "7"), 10.0, "10"),
    ],
)
def test_the_text_of_an_option_wins_over_letters_and_numbers(options: Sequence[str], answer: object, key: str) -> None:
    assert one({"options": texts(*options), "answer": answer}).key_option.text == key


@pytest.mark.parametrize(("answer", "place"), [(0, 0), (4, 3), ("4", 3), (1, 1), (2, 1), ("2", 1)])
def test_a_number_counts_options_where_counting_from_0_or_1_is_certain(answer: object, place: int) -> None:
    question = one({"options": texts("ant", "bee", "cat", "dog", key=place), "answer": answer})
    assert question.key_option.text == ("ant", "bee", "cat", "dog")[place]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"answer": "butter 1"}, "the answer “butter 1” is none of the options"),
        ({"answer": "E"}, "none of the 4 options"),
        ({"answer": 7}, "none of the 4 options"),
        ({"answer": -1}, "none of the 4 options"),
        ({"answer": "C) bread 1"}, "one option by its letter and another by its text"),
        ({"answer": "B) butter"}, "none of the options"),
        ({"answer": None}, "the answer is no text"),
        ({"answer": True}, "the answer is no text"),
        ({"answer": ["bread 1"]}, "the answer is no text"),
        ({"answer": " "}, "the answer is empty"),
        ({"answer": float("nan")}, "none of the options"),
        ({"answer": 10**30}, "none of the options"),
        ({"answer": "apple 1"}, "the option without a mistake is another one"),
        ({"options": ["ant", "bee", "cat", "dog"], "answer": 2}, "from 0 or from 1"),
        ({"options": texts("K", "L", "M", "N"), "answer": "B"}, "may be a label or an option's text"),
        ({"options": texts("5", "6", "7", "8"), "answer": "2"}, "may be a place or an option's text"),
        ({"options": texts("x.", "“x”", "y", "z"), "answer": "x"}, "fits 2 options"),
    ],
)
def test_an_answer_that_is_not_certain_is_refused(changed: dict[str, Any], said: str) -> None:
    assert said in problem(changed)


# Options


@pytest.mark.parametrize(
    "options",
    [
        [f"{label}) {word}" for label, word in zip("ABCD", WORDS, strict=True)],
        [f"{label}. {word}" for label, word in zip("abcd", WORDS, strict=True)],
        [f"({label}) {word}" for label, word in zip("1234", WORDS, strict=True)],
        list(WORDS),
        dict(zip("ABCD", WORDS, strict=True)),
    ],
    ids=range(5),
)
@pytest.mark.parametrize("answer", ["bread", "B", "B) bread"])
def test_labels_before_options_go_where_all_have_them(options: Any, answer: str) -> None:
    question = one({"options": options, "answer": answer})
    assert {option.text for option in question.options} == set(WORDS)
    assert question.key_option.text == "bread"


@pytest.mark.parametrize(
    "options", [("A) x", "B) y", "z", "w"), ("A) x", "C) y", "B) z", "D) w"), ("1.5", "2.5", "3.5", "4.5")]
)
def test_what_only_looks_like_labels_stays(options: Sequence[str]) -> None:
    question = one({"options": texts(*options), "answer": options[1]})
    assert {option.text for option in question.options} == set(options)


def test_whole_numbers_as_options_are_their_digits() -> None:
    options = [{"text": n, "mistake": None if n == 12 else "A slip."} for n in (11, 12, 13, 14)]
    assert one({"options": options, "answer": 12}).key_option.text == "12"


def test_the_note_of_a_distractor_is_its_mistake_and_the_key_has_none() -> None:
    question = one({})
    assert {o.text: o.note for o in question.options}["apple 1"] == "Takes the apple."
    assert question.key_option.note == ""
    assert all(option.mistake is None for option in question.options)


@pytest.mark.parametrize("word", ["null", "None", "n/a", "", "Correct.", "No mistake"])
def test_words_for_no_mistake_are_none(word: str) -> None:
    options = texts(*WORDS)
    options[1]["mistake"] = word
    assert one({"options": options, "answer": "bread"}).key_option.note == ""


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"options": texts("a x", "b x", "c x"), "answer": "b x"}, "it has 3 options instead of 4 to 6"),
        ({"options": texts(*"abcdefg"), "answer": "b"}, "it has 7 options instead of 4 to 6"),
        ({"options": None}, "its options are no list"),
        ({"options": "apple, bread"}, "its options are no list"),
        ({"options": {"A": "x", "C": "y"}}, "its options are no list"),
        ({"options": texts("one", "two", "ONE ", "four"), "answer": "two"}, "two options read the same"),
        ({"options": [None] * 4}, "an option is nothing instead of text"),
        ({"options": [[1]] * 4}, "an option is a list instead of text"),
        ({"options": [{"label": "x"}] * 4}, "an option is nothing instead of text"),
        ({"options": texts("ok", "x" * 401, "y", "z"), "answer": "ok"}, "an option has 401 characters"),
    ],
)
def test_options_that_cannot_be_used_are_refused(changed: dict[str, Any], said: str) -> None:
    assert said in problem(changed)


# The other fields


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"stem": None}, "the stem is nothing instead of text"),
        ({"stem": ["x"]}, "the stem is a list instead of text"),
        ({"stem": " \u200b "}, "the stem is empty"),
        ({"stem": "x" * 2_001}, "the stem has 2,001 characters"),
        ({"stem": "a\x00b"}, "the stem has control characters"),
        ({"stem": "a\x1b[31mb"}, "the stem has control characters"),
        ({"stem": "a\x9b31mb"}, "the stem has control characters"),
        ({"stem": "a\u202eb"}, "the stem has control characters"),
        ({"stem": "a\ud800b"}, "the stem has control characters"),
        ({"explanation": "\x0crac{1}{2}" * 3}, "the explanation has control characters"),
        ({"explanation": 5}, "the explanation is a number instead of text"),
        ({"stimulus": {"a": 1}}, "the stimulus is an object instead of text"),
        ({"sub_type": "poetry"}, "its sub_type “poetry” was not asked for"),
        ({"sub_type": None}, "its sub_type “None” was not asked for"),
        ({"explanation": "Option B is right, since it is bread 1."}, "it speaks of “Option B”"),
        ({"explanation": "That is why choice (C) is wrong and bread 1 right."}, "it speaks of “choice (C)”"),
        ({"explanation": "The second option is bread 1."}, "it speaks of “second option”"),
    ],
)
def test_a_field_that_cannot_be_used_is_refused(changed: dict[str, Any], said: str) -> None:
    assert said in problem(changed)


@pytest.mark.parametrize("missing", ["stem", "options", "answer", "explanation"])
def test_an_item_without_a_field_is_refused(missing: str) -> None:
    broken = item(1)
    del broken[missing]
    parsed = parse(reply(broken, item(2)))
    assert stems(parsed) == STEMS[1:]
    assert len(parsed.problems) == 1


@pytest.mark.parametrize("strange", [None, 1, "question", [], ["stem"]])
def test_an_item_that_is_no_object_is_refused(strange: object) -> None:
    parsed = parse(reply(item(1), strange))
    assert list(parsed.problems) == ["Question 2: it is no object."]


def test_an_item_that_names_a_field_twice_with_different_values_is_refused() -> None:
    text = reply(item(1)).replace('"answer": "bread 1"', '"answer": "bread 1", "answer": "apple 1"')
    parsed = parse(text)
    assert not parsed.questions
    assert "it names “answer” twice" in parsed.problems[0]


def test_line_ends_and_invisible_characters_are_levelled() -> None:
    assert one({"stem": "One\r\ntwo\u200b three\rfour?"}).stem == "One\ntwo three\nfour?"


@pytest.mark.parametrize("name", ["Ratio", " ratio ", "algebra"])
def test_a_kind_of_the_type_is_accepted_however_it_is_spelled(name: str) -> None:
    assert one({"sub_type": name}).sub_type == name.strip().lower()


def test_the_only_kind_asked_for_may_be_left_out() -> None:
    assert one({"sub_type": None}, replace(RULES, sub_types=("ratio",))).sub_type == "ratio"


def test_a_question_in_another_script_is_refused_unless_any_will_do() -> None:
    changed = {"stem": "Сколько хлеба лежит на столе?", "explanation": "Это bread 1, как сказано в тексте."}
    assert "another script" in problem(changed)
    assert one(changed, replace(RULES, latin_script=False)).stem == changed["stem"]


@pytest.mark.parametrize(
    "stem", ["What is α + β, if α = 1?", "Zoë and Łukasz met Siân – où?", "★ × ● = ?", "这 is one"]
)
def test_single_letters_and_names_of_other_scripts_are_no_other_language(stem: str) -> None:
    assert one({"stem": stem}).stem == stem


def test_an_option_with_a_letter_in_the_stem_may_be_spoken_of() -> None:
    changed = {"stem": "A shop offers option A and option B. Which is cheaper?", "explanation": "Option B is bread 1."}
    assert "option B" in one({**changed, "explanation": "It is option B, that is, bread 1."}).explanation


# Material


@pytest.mark.parametrize("nothing", [None, "", "null", "None", "N/A"])
def test_no_stimulus_is_none(nothing: str | None) -> None:
    assert one({"stimulus": nothing}).stimulus is None


def test_material_stays_in_view_unless_it_has_to_be_remembered() -> None:
    stimulus = one({"stimulus": "Row 1: 3 4"}).stimulus
    assert stimulus is not None
    assert stimulus.seconds_shown is None


@pytest.mark.parametrize(("words", "seconds"), [(1, 5), (10, 8), (40, 32), (500, 120)])
def test_material_to_remember_is_shown_for_a_time_that_fits_its_length(words: int, seconds: int) -> None:
    stimulus = one({"sub_type": "word_list", "stimulus": "pear " * words}, MEMORY).stimulus
    assert stimulus is not None
    assert stimulus.seconds_shown == seconds


def test_a_memory_question_without_material_is_refused() -> None:
    assert "no stimulus to remember" in problem({"sub_type": "word_list"}, MEMORY)


# Repeats and examples


def test_a_question_that_is_repeated_counts_once() -> None:
    again = item(1, stem="  WHICH food is number 1? ", options=list(reversed(item(1)["options"])))
    parsed = parse(reply(item(1), item(2), again))
    assert stems(parsed) == STEMS
    assert list(parsed.problems) == ["Question 3: it repeats question 1."]


def test_a_question_that_comes_twice_with_different_keys_is_refused_altogether() -> None:
    options = [{"text": option["text"], "mistake": None} for option in item(1)["options"]]
    parsed = parse(reply(item(1, options=options), item(2), item(1, options=options, answer="dates 1")))
    assert stems(parsed) == STEMS[1:]
    assert len(parsed.problems) == 2


def test_a_question_with_the_stem_material_and_key_of_an_example_is_refused() -> None:
    rules = replace(RULES, examples=frozenset({likeness("Which food is number 1?", None, "bread 1")}))
    assert "it is the example" in problem({"options": texts("nuts", "bread 1", "tea", "rice")}, rules)
    assert len(parse(reply(item(2)), rules).questions) == 1


# The order of options


def test_the_order_of_options_depends_on_the_seed_and_not_on_the_model() -> None:
    backwards = item(1, options=list(reversed(item(1)["options"])))
    first, second = parse(reply(item(1))).questions[0], parse(reply(backwards)).questions[0]
    assert first == second
    orders = {parse(reply(item(1)), seed=str(n)).questions[0].options for n in range(50)}
    assert len(orders) > 10


def test_keys_are_spread_evenly_over_places_whatever_place_a_model_prefers() -> None:
    places: Counter[int] = Counter()
    for n in range(400):
        (question,) = parse(reply(item(n, options=texts(*WORDS, key=0), answer="apple")), seed="run").questions
        assert question.key_option.text == "apple"
        places[question.answer] += 1
    assert all(70 <= places[place] <= 130 for place in range(4))


# Whatever comes

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
any_text = st.text(max_size=30) | st.sampled_from(["A", "B", "1", "2", "0", "x", "A) x", "None", "X.", "option C"])
options_like = st.lists(
    any_text | st.fixed_dictionaries({"text": any_text | json_values, "mistake": st.none() | any_text | json_values}),
    max_size=7,
)
item_like = st.fixed_dictionaries(
    {"stem": any_text | json_values, "options": options_like | json_values, "answer": any_text | json_values},
    optional={
        "sub_type": st.sampled_from(["ratio", "counting"]) | json_values,
        "explanation": any_text | json_values,
        "stimulus": st.none() | any_text | json_values,
    },
)


def check(text: str, rules: ReplyRules) -> None:
    try:
        parsed = parse(text, rules)
    except ProviderError:
        return
    for question in parsed.questions:
        assert validate_question(question) == []
        assert question.stratum == rules.stratum
        json.dumps(question.model_dump(mode="json"), ensure_ascii=False).encode()
    assert all(said.isprintable() and said.endswith(".") for said in parsed.problems)


@given(st.lists(item_like | json_values, max_size=4), st.sampled_from([RULES, MEMORY]))
def test_no_item_whatsoever_crashes_the_reader_or_gets_through_unchecked(items: list[Any], rules: ReplyRules) -> None:
    check(json.dumps({"questions": items}), rules)
    check(json.dumps(items), rules)


@given(item_like.map(lambda made: {**item(1), **{k: v for k, v in made.items() if k in ("options", "answer")}}))
def test_no_options_or_answers_whatsoever_get_through_unchecked(made: dict[str, Any]) -> None:
    check(reply(made), RULES)


@given(st.text(max_size=300) | st.binary(max_size=100).map(lambda raw: raw.decode("latin-1")))
def test_no_text_whatsoever_crashes_the_reader(text: str) -> None:
    check(text, RULES)


@given(st.integers(0, len(GOOD)), st.integers(0, 40), st.text(max_size=8))
def test_no_damage_to_a_good_reply_crashes_the_reader(start: int, length: int, put: str) -> None:
    check(GOOD[:start] + put + GOOD[start + length :], RULES)
