from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.dedup.text import names_in, read, same_quantities


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Twenty-five apples", ["25"]),
        ("one hundred and twenty", ["120"]),
        ("two thousand three hundred and five", ["2305"]),
        ("five six seven", ["5", "6", "7"]),
        ("1,250.50 and 007 and 3.00", ["1250.5", "7", "3"]),
        ("the third, the 3rd, two thirds, 2/3", ["3", "3", "2", "3", "2", "3"]),
        ("twice as many as half a dozen", ["2", "2", "12"]),
        ("one of them, 1 of them", []),
        ("−3, -4 and 7-5", ["-3", "-4", "7", "5"]),
        ("A, C, E, ?", ["a", "c", "e"]),
        ("What a day, I said", []),
        ("town B and vitamin A.", ["b", "a"]),
        ("5 m, 3x and 2 × 3", ["5", "3", "2", "3"]),
        ("99999999999999999999 and 2,4,8", ["99999999999999999999", "2", "4", "8"]),
    ],
)
def test_quantities_are_read_the_same_in_words_and_digits(text: str, expected: list[str]) -> None:
    assert list(read(text).quantities) == expected


@given(st.integers(0, 999_999))
def test_a_number_reads_the_same_with_and_without_separators(number: int) -> None:
    assert read(f"take {number:,} now").quantities == read(f"take {number} now").quantities


@given(st.text(max_size=80))
def test_any_text_can_be_read(text: str) -> None:
    read(text)
    names_in(text)


@given(st.text(alphabet="abc ABC123,.?-", max_size=40))
def test_case_and_outer_space_never_matter_to_a_reading(text: str) -> None:
    assert read(f"  {text.upper()} ") == read(text.lower())


def test_contractions_read_as_written_out() -> None:
    assert read("It can't be, it isn't Anna's").tokens == read("It cannot be, it is not Anna").tokens


def test_a_capital_that_opens_a_sentence_is_no_name() -> None:
    assert names_in("Apples are red. Pears are green.") == frozenset()


def test_names_inside_a_sentence_capitals_and_quoted_words_are_names() -> None:
    found = names_in("We know Anna. Is \"scarce\" the code of CAT or of 'rare'? It is NOT.")
    assert found == {"anna", "scarce", "cat", "rare"}


def test_the_order_of_quantities_does_not_matter_and_their_number_does() -> None:
    assert same_quantities(["3", "4", "4"], ["4", "3", "4"])
    assert not same_quantities(["3", "4", "4"], ["3", "4"])
