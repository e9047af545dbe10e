"""What is right in the labelled set, found again by computing: each proof returns every option that is right."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import pairwise, permutations, product

import pytest

from qgen_dagster.judging.labelled_set import Fault, Labelled, load_labelled

ITEMS = {item.id: item for item in load_labelled()}
PROOFS: dict[str, Callable[[Labelled], set[str]]] = {}
Proof = Callable[[Labelled], set[str]]


def proves(*names: str) -> Callable[[Proof], Proof]:
    """Registers a proof for the items of these ids."""

    def register(proof: Proof) -> Proof:
        PROOFS.update(dict.fromkeys(names, proof))
        return proof

    return register


def fixed(name: str, value: object) -> None:
    """Registers a proof that gives one computed value."""
    PROOFS[name] = lambda _: {str(value)}


def options(item: Labelled) -> list[str]:
    return [option.text for option in item.question.options]


def grid(text: str) -> list[str]:
    return text.split(" / ")


def flat(rows: list[str]) -> str:
    return " / ".join(rows)


def clockwise(rows: list[str]) -> list[str]:
    return ["".join(column) for column in zip(*rows[::-1], strict=True)]


def material(item: Labelled) -> str:
    assert item.question.stimulus
    return item.question.stimulus.text


def shown_grid(item: Labelled, line: int = 0) -> list[str]:
    return grid(material(item).splitlines()[line].partition(": ")[2] or material(item).splitlines()[line])


# --- math
fixed("seedlings", 7 * 12 - 9)
fixed("coat", 60 * 85 // 100)
fixed("paint", 15 // 5 * (2 + 5 + 1))
fixed("museum_visitors", f"{100 * 320 // (200 + 320 + 280)} %")
fixed("two_dice", Fraction(sum(a + b == 9 for a, b in product(range(1, 7), repeat=2)), 36))
fixed("lake_and_back", 48 / (24 / 12 + 24 / 8))
fixed("rope", f"{next(2 * x + 3 for x in range(1, 53) if x + 2 * x + 2 * x + 3 == 53)} metres")
fixed("flour", f"{600 // 4 * 6} grams")
fixed("quarter_of_eighty", 80 * 25 // 100)
fixed("train_speed", f"{200 / 2.5:g} km/h")
fixed("zeros", len(str(math.factorial(125))) - len(str(math.factorial(125)).rstrip("0")))


@proves("by_three_and_four")
def multiples_of_twelve(item: Labelled) -> set[str]:
    return {text for text in options(item) if int(text) % 12 == 0}


@proves("neighbours_in_a_row")
def side_by_side(_: Labelled) -> set[str]:
    return {str(sum(abs(seats[0] - seats[1]) == 1 for seats in permutations(range(6))))}


@proves("prime")
def primes(item: Labelled) -> set[str]:
    return {text for text in options(item) if all(int(text) % n for n in range(2, int(text)))}


@proves("petrol")
def both_readings(_: Labelled) -> set[str]:
    return {f"{6 / way * 100:g} litres" for way in (60, 120)}


# --- pattern
fixed("code_chair", "".join(chr(ord(letter) + place) for place, letter in enumerate("CHAIR", start=1)))
fixed("frog_and_milk", "".join(chr(ord(letter) + 2) for letter in "MILK"))
fixed("every_third_letter", chr(ord("O") + 3))
fixed("twice_the_difference", 2 * (11 - 2))
fixed("sum_of_three", 11 + 20 + 37)
fixed("double_less_one", 26 - 1)
fixed("bars_and_arrows", "4 bars, arrow up, white")
fixed("sevens", 34 + 7)
fixed("even_numbers", 10 + 2)
fixed("next_number_please", 20 + 5)
fixed("down_by_five", 32 - 5)
fixed("growing_steps", 33 + 12)
fixed("two_series_in_turn", 8 + 2)


@proves("not_a_square")
def no_squares(item: Labelled) -> set[str]:
    return {text for text in options(item) if math.isqrt(int(text)) ** 2 != int(text)}


@proves("two_four_eight")
def two_rules(_: Labelled) -> set[str]:
    return {str(8 * 2), str(8 + 6)}


@proves("square_of_numbers")
def both_ways_round(_: Labelled) -> set[str]:
    around = [1, 2, 3, 4]  # from the top left, clockwise
    return {str(around[-1]), str(around[1])}


@pytest.mark.parametrize(
    ("series", "step"),
    [
        ("down_by_five", lambda row: row[-1] - 5),
        ("growing_steps", lambda row: row[-1] + 2 * len(row)),
        ("sum_of_three", lambda row: sum(row[-3:])),
        ("double_less_one", lambda row: row[-1] * 2 if len(row) % 2 else row[-1] - 1),
    ],
)
def test_the_rule_of_a_series_explains_every_number_that_is_shown(
    series: str, step: Callable[[list[int]], int]
) -> None:
    row = [int(number) for number in re.findall(r"\d+", ITEMS[series].question.stem)]
    start = 3 if series == "sum_of_three" else 1
    assert [step(row[:place]) for place in range(start, len(row))] == row[start:]
    assert PROOFS[series](ITEMS[series]) == {str(step(row))}


def test_the_code_and_the_rows_are_explained_by_their_rules() -> None:
    assert "".join(chr(ord(letter) + place) for place, letter in enumerate("TABLE", start=1)) == "UCEPJ"
    assert "".join(chr(ord(letter) + 2) for letter in "FROG") == "HTQI"
    rows = [line.split(" | ") for line in material(ITEMS["twice_the_difference"]).splitlines()[:-1]]
    assert all(2 * (int(a) - int(b)) == int(c) for a, b, c in rows)


def test_every_row_of_the_matrix_follows_its_rules() -> None:
    item = ITEMS["bars_and_arrows"]
    turns = ["up", "right", "down", "left"]
    text = material(item).replace("?", "4 bars, arrow up, white")
    for row in text.splitlines():
        cells = [cell.strip().split(", ") for cell in row.partition(": ")[2].split("|")]
        numbers = [int(cell[0].split()[0]) for cell in cells]
        arrows = [turns.index(cell[1].removeprefix("arrow ")) for cell in cells]
        assert numbers[0] - numbers[1] == numbers[2]
        assert all((a + 1) % 4 == b for a, b in pairwise(arrows))
        assert {cell[2] for cell in cells} == {"white", "grey", "black"}


# --- spatial
COMPASS = ["North", "East", "South", "West"]  # clockwise
fixed("two_left_turns", COMPASS[COMPASS.index("East") - 2])
fixed("two_right_turns", COMPASS[COMPASS.index("North") + 2])
fixed("seven_cubes", 2 + 1 + 1 + 3)


@proves("quarter_turn")
def anticlockwise(item: Labelled) -> set[str]:
    return {flat(clockwise(clockwise(clockwise(shown_grid(item)))))}


@proves("upside_down_mirror")
def mirrored(item: Labelled) -> set[str]:
    return {flat(shown_grid(item)[::-1])}


@proves("half_turn_untidy")
def turned_half(item: Labelled) -> set[str]:
    return {flat(clockwise(clockwise(shown_grid(item))))}


@proves("exactly_one_sheet")
def overlaid(item: Labelled) -> set[str]:
    first, second = shown_grid(item, 0), clockwise(shown_grid(item, 1))
    return {
        flat(
            [
                "".join("#" if a != b else "-" for a, b in zip(r, s, strict=True))
                for r, s in zip(first, second, strict=True)
            ]
        )
    }


@proves("folded_twice")
def unfolded(_: Labelled) -> set[str]:
    holes = {(r, c) for row, column in [(3, 4), (4, 3)] for r in (row, 5 - row) for c in (column, 5 - column)}
    return {flat(["".join("o" if (r, c) in holes else "-" for c in range(1, 5)) for r in range(1, 5)])}


AWAY = {"back": "top", "top": "front", "front": "bottom", "bottom": "back", "left": "left", "right": "right"}
TO_THE_RIGHT = {"right": "top", "top": "left", "left": "bottom", "bottom": "right", "front": "front", "back": "back"}


@proves("rolling_colours", "colour_of_snow")
def rolled(item: Labelled) -> set[str]:
    cube = {"top": "red", "bottom": "white", "front": "blue", "back": "green", "left": "yellow", "right": "black"}
    steps = [AWAY, TO_THE_RIGHT, AWAY] if item.id == "rolling_colours" else [TO_THE_RIGHT] * 2
    for step in steps:
        cube = {side: cube[came_from] for side, came_from in step.items()}
    return {cube["top"].capitalize()}


@proves("cube_with_letters")
def opposite_a(_: Labelled) -> set[str]:
    first = {"top": "A", "front": "B", "right": "C", "back": "?", "left": "?", "bottom": "opposite"}
    second = first
    for _step in range(3):  # three steps to the right are one to the left
        second = {side: second[came_from] for side, came_from in TO_THE_RIGHT.items()}
    assert (second["top"], second["front"], second["right"]) == ("C", "B", "opposite")
    return {"D"}  # what view 2 shows on the right


@proves("pool_and_station")
def way_back(_: Labelled) -> set[str]:
    school = 3j + 2
    back = -(school - 1j - 4)
    assert back.imag < 0 < back.real
    return {f"{-back.imag:g} km south and {back.real:g} km east"}


@proves("round_walk")
def closed_walks(item: Labelled) -> set[str]:
    ways = {"north": 1j, "south": -1j, "east": 1, "west": -1}
    ends = {t: sum(int(n) * ways[way] for n, way in re.findall(r"(\d) (\w+)", t)) for t in options(item)}
    return {text for text, end in ends.items() if end == 0}


@proves("mirrored_letter")
def symmetric_letters(item: Labelled) -> set[str]:
    return set(options(item)) & set("AHIMOTUVWXY")


@proves("two_coloured_cubes")
def colourings(_: Labelled) -> set[str]:
    names = list(AWAY)

    def turned(colours: tuple[str, ...], step: dict[str, str]) -> tuple[str, ...]:
        return tuple(colours[names.index(step[name])] for name in names)

    def reachable(colours: tuple[str, ...]) -> frozenset[tuple[str, ...]]:
        found, new = {colours}, [colours]
        while new:
            new = [t for c in new for step in (AWAY, TO_THE_RIGHT) if (t := turned(c, step)) not in found]
            found.update(new)
        return frozenset(found)

    return {str(len({reachable(colours) for colours in product("rb", repeat=6)}))}


@proves("ben_and_eva")
def both_ends(_: Labelled) -> set[str]:
    cubes = ["Red", "blue", "green", "yellow"]
    return {f"{row[0].capitalize()}, {row[1]} and {row[2]}" for row in (cubes[:-1], cubes[1:])}


# --- logic
def orders(names: list[str]) -> Iterator[dict[str, int]]:
    for places in permutations(range(1, len(names) + 1)):
        yield dict(zip(names, places, strict=True))


@proves("four_heights")
def second_tallest(_: Labelled) -> set[str]:
    found = [o for o in orders(["Dana", "Ravi", "Suki", "Omar"]) if o["Dana"] < o["Ravi"] < o["Suki"] < o["Omar"]]
    return {name for order in found for name, place in order.items() if place == 2}


@proves("five_towers")
def third_highest(_: Labelled) -> set[str]:
    found = [o for o in orders(list("PQRST")) if o["R"] < o["P"] < o["Q"] < o["S"] and 1 < o["T"] < o["P"]]
    return {name for order in found for name, place in order.items() if place == 3}


@proves("lockers")
def locker_five(_: Labelled) -> set[str]:
    found = [
        o
        for o in orders(["Ane", "Bo", "Cai", "Dov", "Eli"])
        if o["Bo"] == o["Ane"] + 1 and o["Cai"] == 3 and o["Eli"] < o["Ane"]
    ]
    return {name for order in found for name, place in order.items() if place == 5}


@proves("lectures")
def lecture_on_friday(_: Labelled) -> set[str]:
    found = [
        o
        for o in orders(["Art", "Biology", "Chemistry", "Drama", "Economics"])
        if o["Drama"] == o["Art"] + 1 and o["Chemistry"] == o["Drama"] + 1 and o["Economics"] < o["Biology"] - 1
    ]
    return {name for order in found for name, place in order.items() if place == 5}


@proves("three_speakers")
def truth_tellers(_: Labelled) -> set[str]:
    fitting = [
        (f, g, h)
        for f, g, h in product((True, False), repeat=3)
        if f == (not g) and g == (not h) and h == (not f and not g)
    ]
    assert fitting == [(False, True, False)]
    return {"Only Greta"}


@proves("pets_and_floors")
def floor_three(_: Labelled) -> set[str]:
    pets = ["cat", "dog", "parrot", "rabbit"]
    answers = set()
    for floor in orders(["Ida", "Jonas", "Kemal", "Lin"]):
        for owned in permutations(pets):
            pet = dict(zip(floor, owned, strict=True))
            at = {pet[name]: floor[name] for name in floor}
            if (
                at["rabbit"] == 1
                and pet["Ida"] == "parrot"
                and floor["Ida"] != 4
                and floor["Kemal"] == at["dog"] + 1
                and floor["Jonas"] > floor["Lin"]
            ):
                name = next(name for name in floor if floor[name] == 3)
                answers.add(f"{name}, with the {pet[name]}")
    return answers


@proves("three_languages")
def exactly_two(_: Labelled) -> set[str]:
    return {str(two) for two in range(41) for one in range(41) if one + two + 3 == 40 and one + 2 * two + 9 == 57}


@proves("two_switches")
def exactly_one_up(_: Labelled) -> set[str]:
    return {"Left switch up, right switch down", "Left switch down, right switch up"}


@proves("blue_flag")
def flag(_: Labelled) -> set[str]:
    worlds = [up for up, guarded in product((True, False), repeat=2) if (not up or guarded) and not guarded]
    assert worlds == [False]
    return {"The blue flag is not up today."}


@proves("full_cafe")
def cafe(_: Labelled) -> set[str]:
    worlds = [
        (rain, indoors)
        for rain, indoors, full in product((True, False), repeat=3)
        if (not rain or indoors) and (not indoors or full) and full
    ]
    # Rain and no rain, indoors and not: neither is certain.
    assert {rain for rain, _ in worlds} == {indoors for _, indoors in worlds} == {True, False}
    return {"Nothing follows about the rain or the match."}


# --- verbal and memory
@proves("basket")
def letters_of_basket(_: Labelled) -> set[str]:
    return {("BASKET"[:3] + "BASKET"[4:])[::-1]}


@proves("five_words", "two_in_the_list", "one_word", "on_the_shelf")
def shown_words(item: Labelled) -> set[str]:
    return set(options(item)) & set(material(item).splitlines()[1:])


@proves("four_doors", "who_brought_bread")
def beside(item: Labelled) -> set[str]:
    listed = dict(line.split(" – ") for line in material(item).splitlines()[1:])
    return {listed[name] for name in listed if re.search(rf"\b{name}\b", item.question.stem)}


@proves("three_places_on")
def letter_after(item: Labelled) -> set[str]:
    row = material(item).splitlines()[1].split()
    return {row[row.index("L") + 3]}


@proves("walk_through_town")
def stop_before(item: Labelled) -> set[str]:
    stops = material(item).splitlines()[1:]
    return {stops[stops.index("harbour") - 1]}


@proves("every_second_digit")
def every_second(item: Labelled) -> set[str]:
    return {" ".join(material(item).splitlines()[1].split()[::2])}


@proves("twelve_digits_back")
def backwards(item: Labelled) -> set[str]:
    return {" ".join(material(item).splitlines()[1].split()[::-1])}


@proves("four_boxes")
def box_three(item: Labelled) -> set[str]:
    boxes = {int(n): thing for n, thing in re.findall(r"Box (\d): (\w+)", material(item))}
    for a, b in re.findall(r"box (\d) and box (\d) change", material(item)):
        boxes[int(a)], boxes[int(b)] = boxes[int(b)], boxes[int(a)]
    return {boxes[3]}


@proves("nine_signs")
def below_the_fish(item: Labelled) -> set[str]:
    rows = [line.partition(": ")[2].split(", ") for line in material(item).splitlines()[1:]]
    row, column = next((r, rows[r].index("fish")) for r in range(4) if "fish" in rows[r])
    return {rows[row + 2][column]}


@proves("third_word")
def third_words(item: Labelled) -> set[str]:
    return {line.partition(": ")[2].split(", ")[2] for line in material(item).splitlines()[1:]}


@pytest.mark.parametrize("name", sorted(PROOFS))
def test_what_is_right_is_what_computing_gives(name: str) -> None:
    item = ITEMS[name]
    texts = options(item)
    right = [item.question.answer if item.right is None else item.right, *item.also_right]
    assert PROOFS[name](item) == {texts[place] for place in right}


def test_a_planted_wrong_key_is_wrong_and_everything_else_has_the_right_one() -> None:
    for name, proof in PROOFS.items():
        item = ITEMS[name]
        says = item.question.key_option.text in proof(item)
        assert says is (item.fault is not Fault.WRONG_KEY), name


def test_every_question_of_the_computable_types_is_computed() -> None:
    of_words = {"on_the_farm", "lost_bracelet", "guard_at_noon", "bus"}  # read off a sentence
    missing = {
        item.id
        for item in ITEMS.values()
        if item.question.question_type in ("math", "pattern", "spatial", "memory") and item.id not in PROOFS
    }
    assert missing == of_words
