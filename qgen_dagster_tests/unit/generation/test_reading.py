"""Reading a passage: what follows from it, and what only seems to."""

from __future__ import annotations

import pytest

from qgen_dagster.generation.items.verbal._reading import must_be_true

HOTEL = "A grand hotel by the lake has a large staff. "


def follows(passage: str, statement: str) -> bool:
    return must_be_true(passage, [statement]) == [0]


@pytest.mark.parametrize(
    "rule",
    [
        "Everyone who works at night has a master key.",
        "All those who work at night have a master key.",
        "Whoever works at night has a master key.",
        "Only people who have a master key work at night.",
        "Nobody who does not have a master key works at night.",
    ],
)
def test_a_rule_is_read_however_it_is_said(rule: str) -> None:
    assert follows(f"{HOTEL}{rule} Amara works at night.", "Amara has a master key.")
    assert follows(f"{HOTEL}{rule} Amara does not have a master key.", "Amara does not work at night.")


@pytest.mark.parametrize(
    "rule",
    [
        "Whenever the wind is strong, the ferry does not run.",
        "If the wind is strong, the ferry does not run.",
        "Whenever the ferry runs, the wind is not strong.",
        "The ferry runs only when the wind is not strong.",
        "Unless the wind is not strong, the ferry does not run.",
    ],
)
def test_a_rule_about_days_is_read_however_it_is_said(rule: str) -> None:
    assert follows(f"{rule} On Monday, the ferry ran.", "On Monday, the wind was not strong.")
    assert not follows(f"{rule} On Monday, the ferry did not run.", "On Monday, the wind was strong.")


def test_a_rule_says_nothing_the_other_way_round() -> None:
    passage = (
        f"{HOTEL}Everyone who works at night has a master key. Amara has a master key. Bilal does not work at night."
    )
    assert not follows(passage, "Amara works at night.")
    assert not follows(passage, "Bilal does not have a master key.")
    assert not follows(passage, "Everyone who has a master key works at night.")


def test_what_holds_of_some_is_not_said_of_all_or_of_others() -> None:
    passage = f"{HOTEL}Some people who speak French work at night. Everyone who works at night has a master key."
    assert follows(passage, "Some people who speak French have a master key.")
    assert not follows(passage, "Everyone who speaks French has a master key.")
    assert not follows(passage, "Some people who do not speak French have a master key.")
    assert not follows(passage, "Nobody who speaks French has a master key.")


def test_all_does_not_say_that_there_are_any() -> None:
    passage = f"{HOTEL}Everyone who works at night has a master key."
    assert not follows(passage, "Some people who work at night have a master key.")


def test_an_order_is_followed_but_not_filled_in() -> None:
    passage = (
        "Several rivers cross the plain of Sund. The Arva is longer than the Bellin. The Corde is not as long as the "
        "Bellin. The Dorn is shorter than the Arva."
    )
    assert follows(passage, "The Arva is longer than the Corde.")
    assert not follows(passage, "The Corde is longer than the Arva.")
    assert not follows(passage, "The Dorn is longer than the Corde.")
    assert not follows(passage, "The Corde is longer than the Dorn.")


def test_what_is_true_in_the_world_does_not_follow() -> None:
    assert not follows(f"{HOTEL}Amara works at night.", "Hotels change the towels of their guests often.")
