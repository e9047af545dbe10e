"""The built-in provider: rotation over item models, reproducibility, and an honest end when nothing new is left."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence

import pytest

from qgen_dagster.config.settings import load_settings
from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.core.question import Question, ShownQuestion, structure_hash
from qgen_dagster.core.taxonomy import ItemLevel, Stratum, Taxonomy
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.provider import BatchRequest, ProviderError, Reply
from qgen_dagster.generation.providers import procedural
from qgen_dagster.generation.providers.procedural import ProceduralProvider

TAXONOMY = load_settings({}).taxonomy
MATH_EASY = Stratum("math", "easy")


class Doubles(ItemModel):
    """Ten items, no more."""

    name = "doubles"
    family = "math"
    sub_type = "algebra"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        n = rng.randrange(10)
        wrong = tuple(Choice(str(2 * n + d), mistake="slip", note="A slip.") for d in (1, 3, 5))
        return Draft(f"Twice {n}?", Choice(str(2 * n)), wrong, f"It is {2 * n}.", {"n": n}, 0.75)

    def solve(self, shown: ShownQuestion) -> list[int]:
        n = int(shown.stem.removeprefix("Twice ").rstrip("?"))
        return [i for i, option in enumerate(shown.options) if int(option.text) == n + n]


class Hopeless(Doubles):
    """Never finds an item."""

    name = "hopeless"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        raise Unsuitable


def provider(taken: set[str] | None = None) -> ProceduralProvider:
    known = taken or set()
    return ProceduralProvider(
        TAXONOMY, lambda structures, contents: {h for h in (*structures, *contents) if h in known}
    )


def ask(
    source: ProceduralProvider, size: int = 5, seed: str = "s", first_place: int = 0
) -> tuple[list[Question], bool]:
    request = BatchRequest(MATH_EASY, size, seed, first_place)
    parsed = source.parse(asyncio.run(source.generate(request)), request)
    return list(parsed.questions), parsed.saturated


def use(monkeypatch: pytest.MonkeyPatch, *models: ItemModel) -> None:
    monkeypatch.setattr(procedural, "models_for", lambda family, level: models)


def test_every_stratum_of_the_shipped_taxonomy_is_served() -> None:
    source = provider()
    assert all(source.can_serve(stratum) for stratum in TAXONOMY.strata)


def test_a_batch_has_as_many_questions_as_asked_for_by_different_models() -> None:
    questions, saturated = ask(provider())
    assert len(questions) == 5
    assert len({q.item_model for q in questions}) == 5
    assert not saturated


def test_the_same_seed_gives_the_same_batch() -> None:
    assert ask(provider(), seed="a") == ask(provider(), seed="a")
    assert ask(provider(), seed="a") != ask(provider(), seed="b")


def test_what_exists_already_is_not_made_again() -> None:
    first, _ = ask(provider())
    taken = {h for q in first if (h := structure_hash(q))}
    second, _ = ask(provider(taken))
    assert not taken & {structure_hash(q) for q in second}


def test_two_batches_of_one_process_never_hold_the_same_item(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Doubles())
    source = provider()
    made = [q for i in range(2) for q in ask(source, seed=f"s{i}")[0]]
    assert len({structure_hash(q) for q in made}) == len(made) == 10


def test_an_exhausted_stratum_says_so_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Doubles())
    source = provider()
    made, saturated = ask(source, size=50)
    assert len(made) == 10
    assert saturated
    assert ask(source) == ([], True)


def test_a_model_that_finds_nothing_leaves_the_place_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Hopeless(), Doubles())
    made, saturated = ask(provider())
    assert [q.item_model for q in made] == ["doubles"] * 5
    assert not saturated


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"questions": 3}', '"questions"'])
def test_a_reply_of_something_else_is_a_parse_error(text: str) -> None:
    with pytest.raises(ProviderError) as caught:
        provider().parse(Reply(text=text, provider="procedural"), BatchRequest(MATH_EASY, 5, "s", 0))
    assert caught.value.category is ErrorCategory.PARSE_ERROR


def test_one_bad_question_in_a_reply_spoils_no_other() -> None:
    questions, _ = ask(provider())
    items: Sequence[object] = [q.model_dump(mode="json") for q in questions]
    text = json.dumps({"questions": [{"stem": "?"}, *items[1:]]})
    parsed = provider().parse(Reply(text=text, provider="procedural"), BatchRequest(MATH_EASY, 5, "s", 0))
    assert len(parsed.questions) == 4
    assert len(parsed.problems) == 1


def test_a_type_without_item_models_is_not_served() -> None:
    other = Taxonomy.model_validate(
        {
            "types": [{"key": "history"}, {"key": "numbers", "item_models": "math"}],
            "difficulties": [
                {"key": "junior", "success_rate": [0.6, 0.9], "item_level": "easy"},
                {"key": "oral", "success_rate": [0.1, 0.5]},
            ],
        }
    )
    source = ProceduralProvider(other, lambda structures, contents: set())
    assert [s.key for s in other.strata if source.can_serve(s)] == ["numbers__junior"]
