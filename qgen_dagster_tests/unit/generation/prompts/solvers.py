"""Independent answers to the gold examples of the packaged prompts: recomputed, never read from their keys.

Each solver gets the example's text where that can be read, and returns the text of the right option. Examples about the
meaning of words have none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from itertools import combinations, pairwise, permutations, product
from math import prod

from qgen_dagster.core.question import Question

Grid = tuple[str, ...]


def _grid(text: str) -> Grid:
    return tuple(row.strip() for row in text.split("/"))


def _text(grid: Grid) -> str:
    return " / ".join(grid)


def _clockwise(grid: Grid) -> Grid:
    return tuple("".join(column) for column in zip(*reversed(grid), strict=True))


def _mirrored(grid: Grid) -> Grid:
    return tuple(row[::-1] for row in grid)


def _stimulus(question: Question) -> str:
    assert question.stimulus is not None
    return question.stimulus.text


def _lines(question: Question) -> list[str]:
    return _stimulus(question).splitlines()


def _only(options: Iterable[str]) -> str:
    (found,) = options
    return found


def _numbers(text: str) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", text)]


def _shift(letter: str, by: int) -> str:
    return chr((ord(letter) - 65 + by) % 26 + 65)


# pattern


def number_series(q: Question) -> str:
    series = _numbers(q.stem)
    steps: list[Callable[[int], int]] = [lambda n: n + 5, lambda n: n * 2]
    for place in range(len(series) - 1):
        assert steps[place % 2](series[place]) == series[place + 1]
    return str(steps[(len(series) - 1) % 2](series[-1]))


def letter_series(q: Question) -> str:
    places = [ord(letter) for letter in re.findall(r"\b([A-Z])(?=,)", q.stem)]
    jumps = [b - a for a, b in pairwise(places)]
    assert jumps == list(range(jumps[0], jumps[0] + len(jumps)))
    return chr(places[-1] + jumps[-1] + 1)


def figure_series(q: Question) -> str:
    compass = ["up", "upper right", "right", "lower right", "down", "lower left", "left", "upper left"]
    frames = [re.search(r"arrow (?:to the )?([a-z ]+), (\d+) dots?, (\w+) circle", line) for line in _lines(q)]
    found = [(compass.index(m[1]), int(m[2]), m[3]) for m in frames if m]
    turns = {(b[0] - a[0]) % 8 for a, b in pairwise(found)}
    dots = {b[1] - a[1] for a, b in pairwise(found)}
    assert found[0][2] == found[2][2] != found[1][2] == found[3][2]
    direction = compass[(found[-1][0] + _only_int(turns)) % 8]
    return f"arrow {direction}, {found[-1][1] + _only_int(dots)} dots, {found[0][2]} circle"


def _only_int(values: Iterable[int]) -> int:
    (found,) = values
    return found


def matrix(q: Question) -> str:
    words = ["zero", "one", "two", "three", "four", "five", "six"]
    rows = [[cell.split() for cell in line.split(": ")[1].split(" | ")] for line in _lines(q)]
    for row in rows[:2]:
        assert words.index(row[0][0]) + words.index(row[1][0]) == words.index(row[2][0])
        assert len({cell[1] for cell in row}) == 1
        assert {cell[2].rstrip("s") for cell in row} == {"circle", "square", "triangle"}
    first, second = rows[2][0], rows[2][1]
    shape = _only({"circle", "square", "triangle"} - {first[2].rstrip("s"), second[2].rstrip("s")})
    return f"{words[words.index(first[0]) + words.index(second[0])]} {first[1]} {shape}s"


def pattern_odd_one_out(q: Question) -> str:
    return _only(o.text for o in q.options if (n := _numbers(o.text))[1] != 3 * n[0] + 1)


def pattern_analogy(q: Question) -> str:
    example, coded, word = re.findall(r"\b[A-Z]{4}\b", q.stem)

    def change(text: str) -> str:
        return "".join(_shift(letter, 1) for letter in reversed(text))

    assert change(example) == coded
    return change(word)


def grid_arithmetic(q: Question) -> str:
    *rows, last = [_numbers(line) for line in _lines(q)]
    assert all(a * b - 2 == c for a, b, c in rows)
    return str(last[0] * last[1] - 2)


def interleaved_series(q: Question) -> str:
    series = _numbers(q.stem)
    second = series[1::2]
    assert len(series) % 2 == 1
    return str(second[-1] + _only_int({b - a for a, b in pairwise(second)}))


def code(q: Question) -> str:
    plain, coded, word = re.findall(r"\b[A-Z]{6}\b", q.stem)

    def change(text: str) -> str:
        return "".join(_shift(letter, -1 if place % 2 else 1) for place, letter in enumerate(text))

    assert change(plain) == coded
    return change(word)


def symbol_rule(q: Question) -> str:
    rules = {}
    for line in _lines(q):
        sign, before, after = re.match(r"(\S): (\w+) → (\w+)", line).groups()  # type: ignore[union-attr]
        rules[sign] = [before.index(letter) for letter in after]
    row = re.search(r"The row (\w+)", q.stem)[1]  # type: ignore[index]
    for sign in re.findall(r"[★●]", q.stem):
        row = "".join(row[place] for place in rules[sign])
    return row


# logic


def syllogism(q: Question) -> str:
    """All worlds of up to three badges, each with four properties: which option holds in every one that fits?"""
    kinds = list(product((False, True), repeat=4))  # blue, round, pin, on the table
    claims: dict[str, Callable[[Sequence[tuple[bool, ...]]], bool]] = {
        "Some badges on the table have no pin.": lambda w: any(b[3] and not b[2] for b in w),
        "No badge on the table has a pin.": lambda w: not any(b[3] and b[2] for b in w),
        "Some badges on the table have a pin.": lambda w: any(b[3] and b[2] for b in w),
        "All round badges are blue.": lambda w: all(b[0] for b in w if b[1]),
        "All badges without a pin are round.": lambda w: all(b[1] for b in w if not b[2]),
    }
    worlds = [w for size in (1, 2, 3) for w in combinations(kinds, size)]
    fitting = [
        w
        for w in worlds
        if all(b[1] for b in w if b[0]) and not any(b[1] and b[2] for b in w) and any(b[3] and b[0] for b in w)
    ]
    return _only(o.text for o in q.options if all(claims[o.text](w) for w in fitting))


def conditional(q: Question) -> str:
    worlds = [
        (green, door)
        for green, door, fan in product((False, True), repeat=3)
        if (not green or door) and (not door or not fan) and fan
    ]
    assert worlds == [(False, False)]
    return "The door is closed and the lamp is not green."


def truth_tellers(q: Question) -> str:
    names = ("Ana", "Bao", "Chidi")
    fitting = [(a, b, c) for a, b, c in product((False, True), repeat=3) if a == (not b) and b == (a == c) and c == b]
    (only,) = fitting
    true = [name for name, honest in zip(names, only, strict=True) if honest]
    return f"Only {true[0]}" if len(true) == 1 else " and ".join(true)


def ordering(q: Question) -> str:
    names = ("Emre", "Mika", "Noor", "Sione", "Tala")
    (order,) = [
        o
        for o in permutations(names)
        if o.index("Tala") < o.index("Mika") < o.index("Noor")
        and o.index("Emre") == o.index("Noor") + 1
        and 0 < o.index("Sione") < o.index("Mika")
    ]
    return order[2]


def seating(q: Question) -> str:
    (row,) = [
        r
        for r in permutations(("Ines", "Jon", "Kaya", "Luis", "Mei", "Omar"))
        if r[2] == "Kaya"
        and r[3] == "Mei"
        and {r[0], r[5]} == {"Ines", "Luis"}
        and abs(r.index("Luis") - r.index("Omar")) == 1
        and abs(r.index("Mei") - r.index("Omar")) != 1
    ]
    return row[5]


def set_membership(q: Question) -> str:
    total, sing, play, neither = _numbers(q.stem)
    return str(sing - (sing + play - (total - neither)))


def truth_table(q: Question) -> str:
    def sounds(option: str) -> bool:
        window, door, heating = (part.split()[1] for part in option.split(", "))
        return (window == "open" and heating == "on") or (door == "open" and heating == "off")

    return _only(o.text for o in q.options if not sounds(o.text))


def necessary_sufficient(q: Question) -> str:
    cases = [(car, car or button) for car, button in product((False, True), repeat=2)]
    sufficient = all(opens for car, opens in cases if car)
    necessary = all(car for car, opens in cases if opens)
    names = {
        (True, False): "Sufficient, but not necessary",
        (False, True): "Necessary, but not sufficient",
        (True, True): "Both necessary and sufficient",
        (False, False): "Neither necessary nor sufficient",
    }
    return names[sufficient, necessary]


def scheduling(q: Question) -> str:
    days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
    (plan,) = [
        p
        for p in permutations(("planning", "building", "testing", "review", "training"))
        if p[2] == "training"
        and p.index("building") == p.index("planning") + 1
        and p.index("building") < p.index("testing") < p.index("review")
    ]
    return days[plan.index("testing")]


def deduction_grid(q: Question) -> str:
    names = ("Amara", "Bilal", "Chen")
    (found,) = [
        (names[plays.index("flute")], way[plays.index("flute")])
        for plays in permutations(("flute", "drum", "violin"))
        for way in permutations(("bus", "tram", "bicycle"))
        if way[0] != "bus"
        and way[1] == "tram"
        and way[plays.index("violin")] == "bicycle"
        and plays[way.index("bus")] != "drum"
    ]
    return f"{found[0]}, by {found[1]}"


# spatial


def rotation(q: Question) -> str:
    return _text(_clockwise(_grid(_lines(q)[0])))


def reflection(q: Question) -> str:
    return _text(_mirrored(_grid(_lines(q)[0])))


def cube_net(q: Question) -> str:
    opposite = [{"B", "D"}, {"C", "E"}, {"A", "F"}]  # every second square of the row; above and below it
    return _only(o.text for o in q.options if not any(pair <= set(re.findall("[A-F]", o.text)) for pair in opposite))


def opposite_faces(q: Question) -> str:
    colours = ("red", "blue", "green", "yellow", "white", "black")
    found = set()
    for top, front, right, left, back, _bottom in permutations(colours):
        # The second view is the first one turned about the upright axis.
        if (top, front, right) == ("red", "blue", "green") and (top, right, back) == ("red", "green", "yellow"):
            found.add(back)
            assert left not in (front, back)
    return _only(found).capitalize()


def paper_folding(q: Question) -> str:
    row, column = _numbers(_lines(q)[3])
    holes = {(r, c) for r in (row, 5 - row) for c in (column, 5 - column)}
    return _text(tuple("".join("o" if (r, c) in holes else "-" for c in range(1, 5)) for r in range(1, 5)))


def _heights(q: Question) -> list[list[int]]:
    return [_numbers(line.split(":")[1]) for line in _lines(q)[1:]]


def block_count(q: Question) -> str:
    return str(prod(_numbers(q.stem)) - sum(map(sum, _heights(q))))


def block_views(q: Question) -> str:
    return " ".join(str(max(row)) for row in reversed(_heights(q)))  # from the right the front row is on the left


def cube_rotation(q: Question) -> str:
    side = dict(re.findall(r"(top|bottom|front|back|left|right) (\w+)", _stimulus(q)))
    rolls = {"to the right": ("top", "right", "bottom", "left"), "towards you": ("top", "front", "bottom", "back")}
    for step in re.findall(r"one step (to the right|towards you)", q.stem):
        ring = rolls[step]
        moved = [side[place] for place in ring]
        side.update(zip(ring, moved[-1:] + moved[:-1], strict=True))
    return side["top"].capitalize()


def directions(q: Question) -> str:
    heading, x, y = 0, 0, 0
    for turn, blocks in re.findall(r"(?:turns (right|left)[a-z ]*? and )?walks (\d+) block", q.stem):
        heading += {"right": 1, "left": -1, "": 0}[turn]
        dx, dy = [(0, 1), (1, 0), (0, -1), (-1, 0)][heading % 4]
        x, y = x + dx * int(blocks), y + dy * int(blocks)
    return f"{abs(y)} blocks {'north' if y > 0 else 'south'} and {abs(x)} blocks {'east' if x > 0 else 'west'}"


def figure_assembly(q: Question) -> str:
    """The options that tile the rectangle with the piece, in any positions and turns."""
    height, width = _numbers(_lines(q)[0])
    piece = _grid(_lines(q)[1].removeprefix("Piece: "))
    whole = frozenset(product(range(height), range(width)))

    def places(shape: Grid) -> set[frozenset[tuple[int, int]]]:
        found = set()
        for _ in range(4):
            shape = _clockwise(shape)
            cells = [(r, c) for r, row in enumerate(shape) for c, sign in enumerate(row) if sign == "#"]
            for dr, dc in product(range(-2, height), range(-2, width)):
                placed = frozenset((r + dr, c + dc) for r, c in cells)
                if placed <= whole:
                    found.add(placed)
        return found

    left_over = {whole - placed for placed in places(piece)}
    return _only(o.text for o in q.options if places(_grid(o.text)) & left_over)


def map_reading(q: Question) -> str:
    at = {m[1]: (int(m[2]), int(m[3])) for m in re.finditer(r"(\w+): column (\d+), row (\d+)", _stimulus(q))}
    compass = [(0, -1), (1, -1), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1)]

    def bearing(to: str) -> int:
        dx, dy = (at[to][i] - at["Library"][i] for i in (0, 1))
        return compass.index(((dx > 0) - (dx < 0), (dy > 0) - (dy < 0)))

    names = ["Ahead", "Ahead to the right", "Directly to the right", "Behind to the right"]
    names += ["Behind", "Behind to the left", "Directly to the left", "Ahead to the left"]
    return names[(bearing("Museum") - bearing("Station")) % 8]


def overlay(q: Question) -> str:
    first, second = (_grid(line.split(": ")[1]) for line in _lines(q)[:2])
    turned = _clockwise(_clockwise(second))
    return _text(
        tuple(
            "".join("#" if "#" in pair else "-" for pair in zip(a, b, strict=True))
            for a, b in zip(first, turned, strict=True)
        )
    )


# math


def word_problem(q: Question) -> str:
    return _only(o.text for o in q.options if Fraction(_numbers(o.text)[0]) * Fraction(2, 3) + 12 == 40)


def ratio(q: Question) -> str:
    red_before, blue, added, red_after, blue_after = _numbers(q.stem)
    fits = [n for n in range(1, 1_000) if Fraction(red_before * n, blue) + added == Fraction(red_after * n, blue_after)]
    return _only(map(str, fits))


def rate_and_work(q: Question) -> str:
    slow, fast, first = _numbers(q.stem)
    rest = 1 - first * (Fraction(1, slow) + Fraction(1, fast))
    return f"{rest * slow} hours"


def number_properties(q: Question) -> str:
    return str(_only_int({n % 20 for n in range(2_000) if n % 5 == 3 and n % 4 == 2}))


def probability(q: Question) -> str:
    red, white = _numbers(q.stem)
    draws = list(permutations(["red"] * red + ["white"] * white, 2))
    return str(Fraction(sum(a == b for a, b in draws), len(draws)))


def counting(q: Question) -> str:
    return str(sum(n % 2 and len(set(str(n))) == 3 for n in range(100, 1_000)))


def algebra(q: Question) -> str:
    years, total = _numbers(q.stem)
    return _only(str(2 * sister) for sister in range(1, 100) if 3 * sister + 2 * years == total)


def estimation(q: Question) -> str:
    a, b, c = (float(n) for n in re.findall(r"\d+(?:\.\d+)?", q.stem))
    return min((o.text for o in q.options), key=lambda text: abs(float(text.replace(",", "")) - a * b / c))


def data_reading(q: Question) -> str:
    table = {line.split(" |")[0]: sum(_numbers(line)) for line in _lines(q)[2:]}
    return f"{Fraction(table['July'] - table['May'], table['May']) * 100} %"


def percentage(q: Question) -> str:
    up, down, now = _numbers(q.stem)
    return str(Fraction(now) / (1 - Fraction(down, 100)) / (1 + Fraction(up, 100)))


# verbal


def anagram(q: Question) -> str:
    return _only(o.text for o in q.options if sorted(o.text) == sorted("HORSE"))


def letter_logic(q: Question) -> str:
    word = re.search(r"the word ([A-Z]+)", q.stem)[1]  # type: ignore[index]
    shorter = word[0] + word[2:]
    return shorter[-1] + shorter[:-1]


def word_order(q: Question) -> str:
    (order,) = [
        o
        for o in permutations("PQRS")
        if o.index("Q") < o.index("S") < o.index("P") < o.index("R")  # fill, heat, boil, serve
    ]
    return ", ".join(order)


# memory


def word_list(q: Question) -> str:
    return _only(o.text for o in q.options if o.text in _lines(q)[1:])


def paired_associates(q: Question) -> str:
    thing = re.search(r"ordered the (\w+)", q.stem)[1]  # type: ignore[index]
    return _only(line.split(" – ")[0] for line in _lines(q)[1:] if line.endswith(f" – {thing}"))


def grid_positions(q: Question) -> str:
    rows = [line.split(": ")[1].split(", ") for line in _lines(q)[1:]]
    return _only(
        f"Row {r}, column {c}" for r, row in enumerate(rows, 1) for c, sign in enumerate(row, 1) if sign == "key"
    )


def n_back(q: Question) -> str:
    letters = _lines(q)[1].split()
    return letters[letters.index("P") - 2]


def story_details(q: Question) -> str:
    return "A " + re.search(r"Wei, who brought a (\w+)", _stimulus(q))[1]  # type: ignore[index]


def interference(q: Question) -> str:
    grey = _lines(q)[2].removeprefix("Grey bag: ").split(", ")
    return _only(o.text for o in q.options if o.text in grey)


def digit_span(q: Question) -> str:
    return " ".join(reversed(_lines(q)[1].split()))


def order_recall(q: Question) -> str:
    way = _lines(q)[1:]
    return way[way.index("fountain") + 1]


def solver_of(question_type: str, sub_type: str) -> Callable[[Question], str] | None:
    """The solver of a type's example; None where the meaning of words decides."""
    found: Callable[[Question], str] | None = globals().get(f"{question_type}_{sub_type}") or globals().get(sub_type)
    return found
