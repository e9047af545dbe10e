"""Questions from a reply, and one sentence for each that cannot be used.

The order of options is drawn anew from a seed, whatever the model chose: models favour places for the key. Not here:
finding JSON (`find_json.py`), the key (`keys.py`), whether a question is any good (`judging/`).
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from qgen_dagster.core.question import (
    LABELS,
    MAX_OPTIONS,
    MIN_OPTIONS,
    Option,
    Question,
    Stimulus,
    content_hash,
    normalise_text,
    validate_question,
)
from qgen_dagster.generation.provider import Parsed
from qgen_dagster.generation.replies.find_json import (
    CONTRADICTION,
    Found,
    check_size,
    find_json,
    malformed,
    nothing_usable,
)
from qgen_dagster.generation.replies.keys import find_key, strip_labels
from qgen_dagster.generation.replies.rules import ReplyRules, likeness
from qgen_dagster.generation.replies.texts import Unusable, clean, mostly_other_script, optional, shown

MAX_ITEMS = 50
MAX_STEM = 2_000
MAX_STIMULUS = 4_000
MAX_OPTION = 400
MAX_EXPLANATION = 4_000
MAX_MISTAKE = 1_000
# How long material to remember is shown: about the time of reading it aloud twice.
SECONDS_PER_WORD = 0.8
SHOWN_SECONDS = (5, 120)

_NO_MISTAKE = frozenset({"correct", "right", "key", "none", "no mistake", "this is the key"})
# Options get other letters and places, so a text that speaks of them would mislead.
SPEAKS_OF_PLACES = re.compile(
    r"\b(?:[Oo]ption|[Cc]hoice|[Aa]lternative)s? [(\[]?[A-F1-6]\b[)\]]?"
    r"|\b(?:[Ff]irst|[Ss]econd|[Tt]hird|[Ff]ourth|[Ff]ifth|[Ss]ixth|[Ll]ast) option\b"
)


def parse_questions(text: str, rules: ReplyRules, seed: str) -> Parsed:
    """The valid questions of a reply, all of them when there are more than asked for.

    The order of options depends on `seed` and the question alone. Raises ProviderError (parse_error) when the reply as
    a whole cannot be used: no questions, or several sets of them that contradict each other.
    """
    check_size(text)
    found = find_json(text)
    items, whole = _items(found, rules.size, text)
    problems: list[str] = []
    questions: list[tuple[int, Question]] = []
    for number, item in enumerate(items[:MAX_ITEMS], start=1):
        try:
            questions.append((number, _question(item, rules, seed)))
        except Unusable as error:
            problems.append(f"Question {number}: {error}.")
    if len(items) > MAX_ITEMS:
        problems.append(f"{len(items) - MAX_ITEMS} questions after the first {MAX_ITEMS} were not read.")
    kept = _without_repeats(questions, problems)
    if found.broken and not whole and len(items) < rules.size:
        problems.append(f"The reply breaks off or is damaged: {len(items)} of {rules.size} questions were complete.")
    return Parsed(kept, problems)


def _items(found: Found, size: int, text: str) -> tuple[list[Any], bool]:
    """The items of the one set of questions in a reply, and whether the set is whole.

    Several sets are only taken where they are parts of one. Questions on their own, one after the other or left over
    from a set that breaks off, are a set too.
    """
    sets = [items for value in found.values if (items := _question_list(value)) is not None]
    alone = [value for value in found.values if _looks_like_question(value)]
    sets.append([value for i, value in enumerate(alone) if value not in alone[:i]])
    filled = [items for i, items in enumerate(sets) if items and items not in sets[:i]]
    if not filled:
        if len(sets) > 1:
            raise malformed("the reply holds an empty list of questions", text)
        raise nothing_usable("question", text, found)
    together = [item for items in filled for item in items]
    if len(filled) > 1 and len(together) > size:
        raise malformed(f"the reply holds {len(filled)} different sets of questions", text)
    return together, not alone


def _question_list(value: Any, depth: int = 0) -> list[Any] | None:
    """The questions in a value: the contract's object or a bare list, also wrapped in something."""
    if isinstance(value, list):
        return value if any(_looks_like_question(item) for item in value) or (depth and not value) else None
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("questions"), list):
        return list(value["questions"])
    if _looks_like_question(value):
        return [value] if depth else None
    if len(value) == 1 and depth < 3:
        return _question_list(next(iter(value.values())), depth + 1)
    return None


def _looks_like_question(item: Any) -> bool:
    return isinstance(item, dict) and "stem" in item and "options" in item


def _question(item: Any, rules: ReplyRules, seed: str) -> Question:
    if not isinstance(item, dict):
        raise Unusable("it is no object")
    if CONTRADICTION in item:
        raise Unusable(f"it names {shown(item[CONTRADICTION])} twice with different values")
    stem = clean(item.get("stem"), "the stem", MAX_STEM)
    explanation = clean(item.get("explanation"), "the explanation", MAX_EXPLANATION)
    stimulus = _stimulus(item, rules)
    options, answer = _options(item)
    _check_words(stem, explanation, options, rules)
    if likeness(stem, stimulus.text if stimulus else None, options[answer].text) in rules.examples:
        raise Unusable("it is the example of the prompt")
    try:
        question = Question(
            question_type=rules.stratum.question_type,
            difficulty=rules.stratum.difficulty,
            sub_type=_sub_type(item, rules),
            stem=stem,
            options=options,
            answer=answer,
            explanation=explanation,
            stimulus=stimulus,
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise Unusable(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    if problems := validate_question(question):
        raise Unusable(problems[0])
    return _shuffled(question, seed)


def _stimulus(item: Mapping[str, Any], rules: ReplyRules) -> Stimulus | None:
    text = optional(item.get("stimulus"), "the stimulus", MAX_STIMULUS)
    if text is None:
        if rules.hidden_stimulus:
            raise Unusable("it has no stimulus to remember")
        return None
    if not rules.hidden_stimulus:
        return Stimulus(text=text)
    shortest, longest = SHOWN_SECONDS
    seconds = min(max(math.ceil(len(text.split()) * SECONDS_PER_WORD), shortest), longest)
    return Stimulus(text=text, seconds_shown=seconds)


def _options(item: Mapping[str, Any]) -> tuple[tuple[Option, ...], int]:
    given = _option_objects(item.get("options"))
    if not MIN_OPTIONS <= len(given) <= MAX_OPTIONS:
        raise Unusable(f"it has {len(given)} options instead of {MIN_OPTIONS} to {MAX_OPTIONS}")
    written = [clean(option.get("text"), "an option", MAX_OPTION) for option in given]
    mistakes = [_mistake(option.get("mistake")) for option in given]
    texts = strip_labels(written)
    unmarked = [place for place, mistake in enumerate(mistakes) if mistake is None]
    answer = find_key(item.get("answer"), written, texts, unmarked)
    if len(unmarked) == 1 and answer != unmarked[0]:
        raise Unusable(f"the answer is {shown(texts[answer])}, but the option without a mistake is another one")
    options = (
        Option(text=text, note="" if place == answer else mistake or "")
        for place, (text, mistake) in enumerate(zip(texts, mistakes, strict=True))
    )
    return tuple(options), answer


def _option_objects(given: Any) -> list[Mapping[str, Any]]:
    """Options as objects, also where they came as texts or under their letters."""
    if isinstance(given, dict) and list(given) == list(LABELS[: len(given)]):
        given = list(given.values())
    if not isinstance(given, list):
        raise Unusable("its options are no list")
    if any(isinstance(option, dict) and CONTRADICTION in option for option in given):
        raise Unusable("an option says two things at once")
    return [_with_text(option if isinstance(option, dict) else {"text": option}) for option in given]


def _with_text(option: Mapping[str, Any]) -> Mapping[str, Any]:
    """A whole number as an option can only mean its digits."""
    number = option.get("text")
    return {**option, "text": str(number)} if isinstance(number, int) and not isinstance(number, bool) else option


def _mistake(value: Any) -> str | None:
    text = optional(value, "a mistake", MAX_MISTAKE) if value is None or isinstance(value, str) else None
    return None if text is None or normalise_text(text).rstrip(".") in _NO_MISTAKE else text


def _sub_type(item: Mapping[str, Any], rules: ReplyRules) -> str:
    given = item.get("sub_type")
    name = re.sub(r"[\s-]+", "_", given.strip().lower()) if isinstance(given, str) else ""
    if name in rules.sub_types or name in rules.known_sub_types:
        return name
    if len(rules.sub_types) == 1 and not name:
        return rules.sub_types[0]
    raise Unusable(f"its sub_type {shown(given)} was not asked for")


def _check_words(stem: str, explanation: str, options: Sequence[Option], rules: ReplyRules) -> None:
    if rules.latin_script and mostly_other_script(f"{stem} {explanation}"):
        raise Unusable("it is in another script than the one asked for")
    said = " ".join([explanation, *(option.note for option in options)])
    place = SPEAKS_OF_PLACES.search(said)
    if place and place.group() not in stem and not any(place.group() in option.text for option in options):
        raise Unusable(f"it speaks of {shown(place.group())}, though options have no fixed place")


def _shuffled(question: Question, seed: str) -> Question:
    """The question with its options in an order that depends on the seed and its content, not on their first order."""
    key = question.key_option
    options = sorted(question.options, key=lambda option: option.text)
    random.Random(f"{seed}/{content_hash(question)}").shuffle(options)
    return question.model_copy(update={"options": tuple(options), "answer": options.index(key)})


def _without_repeats(questions: Sequence[tuple[int, Question]], problems: list[str]) -> list[Question]:
    """Each question once; one that stands there twice with different keys not at all."""
    first: dict[str, tuple[int, Question]] = {}
    refused: set[str] = set()
    for number, question in questions:
        same = content_hash(question)
        if same not in first:
            first[same] = (number, question)
            continue
        other_number, other = first[same]
        if normalise_text(other.key_option.text) == normalise_text(question.key_option.text):
            problems.append(f"Question {number}: it repeats question {other_number}.")
        else:
            refused.add(same)
            problems.append(f"Question {number}: it is question {other_number} with another key.")
    problems += [f"Question {first[same][0]}: a later one is the same with another key." for same in sorted(refused)]
    return [question for same, (_, question) in first.items() if same not in refused]
