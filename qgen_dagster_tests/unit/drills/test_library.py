"""The bundled catalogue, the choice of a series' positions, and what they cost."""

from __future__ import annotations

import hashlib
import random
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from qgen_dagster.core.drills import Phase, Position
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.drills.board import (
    START_ID,
    dice_of_match_id,
    from_position_id,
    phase_of,
    row_id,
    split_row_id,
)
from qgen_dagster.drills.library import (
    CATALOGUE,
    count_tokens,
    fixed_maximum,
    load_catalogue,
    positions_per_phase,
    prompt_cost,
    read_positions,
    render_for_prompt,
    select_positions,
)
from qgen_dagster.drills.notation import format_play, parse_play
from qgen_dagster.drills.plays import legal_plays

LIBRARY = load_catalogue()
NOT_OPENING = (Phase.EARLY, Phase.MIDDLE, Phase.BEAROFF)


def test_the_catalogue_is_large_enough_in_every_phase() -> None:
    counted = Counter(position.phase for position in LIBRARY)
    assert counted[Phase.OPENING] == 21
    assert counted[Phase.EARLY] >= 93
    assert counted[Phase.MIDDLE] >= 272
    assert counted[Phase.BEAROFF] >= 74
    assert len({position.id for position in LIBRARY}) == len(LIBRARY)


def test_the_catalogue_is_the_one_that_its_provenance_describes() -> None:
    import gzip

    said = yaml.safe_load(CATALOGUE.with_name("catalogue.provenance.yaml").read_text(encoding="utf-8"))
    content = gzip.decompress(CATALOGUE.read_bytes())
    assert said["content_sha256"] == hashlib.sha256(content).hexdigest()
    assert said["positions"] == Counter(position.phase.value for position in LIBRARY)
    assert {position.evaluation.engine for position in LIBRARY} == {said["engine"]}
    assert {position.evaluation.plies for position in LIBRARY} == {said["plies"]}


def test_every_position_of_the_catalogue_is_what_it_says() -> None:
    for position in LIBRARY:
        board, dice = split_row_id(position.id)
        assert row_id(board, dice) == position.id
        assert dice_of_match_id(position.match_id) == dice == position.roll
        assert (board.pips, board.opponent_pips) == (position.pips_on_roll, position.pips_opponent)
        assert phase_of(board, position.move_number) is position.phase


def test_every_candidate_of_the_catalogue_is_legal_and_in_order() -> None:
    for position in LIBRARY:
        board, dice = split_row_id(position.id)
        plays = legal_plays(board, dice)
        evaluation = position.evaluation
        assert evaluation.legal_plays == len(plays)
        equities = [candidate.equity for candidate in evaluation.candidates]
        assert equities == sorted(equities, reverse=True)
        for candidate in evaluation.candidates:
            assert format_play(parse_play(candidate.play, board, dice, plays)) == candidate.play
            assert candidate.win >= candidate.win_gammon >= candidate.win_backgammon
            assert 1 - candidate.win + 0.001 >= candidate.lose_gammon >= candidate.lose_backgammon


def test_positions_of_the_catalogue_have_plainly_wrong_plays() -> None:
    for position in LIBRARY:
        evaluation = position.evaluation
        assert sum(evaluation.loss(candidate) >= 0.04 for candidate in evaluation.candidates) >= 2


@pytest.mark.parametrize(
    ("drills", "phases", "most", "expected"),
    [(20, 2, 25, 12), (10, 1, 25, 12), (30, 3, 25, 12), (21, 4, 25, 8), (50, 1, 25, 25), (50, 1, 5, 5), (5, 4, 25, 4)],
)
def test_a_phase_loads_its_share_and_two_more(drills: int, phases: int, most: int, expected: int) -> None:
    assert positions_per_phase(drills, phases, most) == expected


def test_twenty_drills_over_two_phases_get_twelve_positions_each() -> None:
    selection = select_positions(LIBRARY, [Phase.EARLY, Phase.MIDDLE], 20, seed=1)
    assert [len(selection.of(phase)) for phase in (Phase.EARLY, Phase.MIDDLE)] == [12, 12]
    assert selection.short == {}


def test_the_same_seed_gives_the_same_sample_whatever_order_the_library_is_in() -> None:
    shuffled = random.Random(0).sample(LIBRARY, len(LIBRARY))
    first = select_positions(LIBRARY, NOT_OPENING, 25, seed=4)
    assert select_positions(shuffled, NOT_OPENING, 25, seed=4) == first
    alone = select_positions(LIBRARY, [Phase.MIDDLE], 25, seed=4)
    assert set(first.of(Phase.MIDDLE)) <= set(alone.positions)


def test_another_seed_gives_other_positions() -> None:
    first, second = (select_positions(LIBRARY, [Phase.MIDDLE], 20, seed=seed).positions for seed in (1, 2))
    assert len(set(first) & set(second)) < len(first) / 2


def test_samples_are_drawn_from_the_whole_phase() -> None:
    drawn = {p.id for seed in range(120) for p in select_positions(LIBRARY, [Phase.BEAROFF], 20, seed).positions}
    assert drawn == {position.id for position in LIBRARY if position.phase is Phase.BEAROFF}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("most", [1, 25])
def test_the_opening_is_always_whole_and_in_dice_order(seed: int, most: int) -> None:
    selection = select_positions(LIBRARY, [Phase.OPENING, Phase.EARLY], 5, seed, most)
    opening = selection.of(Phase.OPENING)
    assert [p.dice for p in opening] == sorted(f"{high}{low}" for high in range(1, 7) for low in range(1, high + 1))
    assert {p.position_id for p in opening} == {START_ID}
    assert len(selection.of(Phase.EARLY)) == min(5, most)


def test_a_phase_that_is_short_of_positions_says_so_and_gives_what_it_has() -> None:
    few = [*[p for p in LIBRARY if p.phase is Phase.EARLY][:4], *[p for p in LIBRARY if p.phase is Phase.MIDDLE]]
    selection = select_positions(few, [Phase.OPENING, Phase.EARLY, Phase.MIDDLE], 30, seed=1)
    assert len(selection.of(Phase.EARLY)) == 4
    assert selection.warnings == (
        "OPENING: the library has 0 positions, 21 were asked for",
        "EARLY: the library has 4 positions, 12 were asked for",
    )


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="max_positions_per_phase"):
        select_positions(LIBRARY, [Phase.EARLY], 10, 1, most=0)


def test_dynamic_loading_saves_at_least_half_for_usual_series() -> None:
    for drills in (10, 20, 30):
        for phases in ([Phase.MIDDLE], [Phase.EARLY, Phase.MIDDLE], NOT_OPENING):
            loaded = select_positions(LIBRARY, phases, drills, seed=1).positions
            cost = prompt_cost(loaded, fixed_maximum(LIBRARY, seed=1))
            assert cost.fixed_positions == 96
            assert cost.saving is not None
            assert cost.saving >= 0.5, (drills, phases)
            assert cost.counted_with


def test_nothing_to_compare_with_saves_nothing_measurable() -> None:
    assert prompt_cost([], fixed_maximum([], seed=1)).saving is None


def test_tokens_say_how_they_were_counted() -> None:
    assert count_tokens(["hello world", "hello world"]) == (4, "OpenAI's tokenizer o200k_base")


def test_without_a_tokenizer_four_characters_count_as_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bpe_openai", None)
    assert count_tokens(["13/8 6/5", "hello"]) == (4, "characters / 4")


def test_a_prompt_shows_board_roll_and_best_plays() -> None:
    opening = next(p for p in LIBRARY if p.id == "4HPwATDgc/ABMA:31")
    text = render_for_prompt(opening, plays=2)
    assert "Position 4HPwATDgc/ABMA:31 (OPENING), 3-1 to play, pips 167 against 167" in text
    assert "You: 24:2 13:5 8:3 6:5; off 0" in text
    assert "1. 8/5 6/5: equity +0.2" in text
    assert text.count("\n") == 5
    with_bar = next(p for p in LIBRARY if from_position_id(p.position_id).points[25])
    assert "You: bar:" in render_for_prompt(with_bar)


@pytest.mark.parametrize(
    ("content", "where"),
    [("{}\n", ":1"), ('\n{"id": "x"}\n', ":2"), ("not json\n", ":1")],
)
def test_a_damaged_file_is_refused_with_its_line(tmp_path: Path, content: str, where: str) -> None:
    path = tmp_path / "library.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=f"library.jsonl{where}"):
        read_positions(path)


def test_a_cut_off_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "library.jsonl.gz"
    path.write_bytes(CATALOGUE.read_bytes()[:5_000])
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_positions(path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_positions(tmp_path / "missing.jsonl")


def test_positions_refuse_what_cannot_be_an_id() -> None:
    good = LIBRARY[0].model_dump()
    with pytest.raises(ValueError, match="id"):
        Position.model_validate(good | {"id": "'; DROP TABLE positions; --"})
