"""Plain international English for item models: names, articles, plurals, number words, lists, numbers.

Here: helpers that all text families share. Not here: vocabulary for verbal items, or anything that knows a
model.

Sentences are written without pronouns for people ("Amara has 12 stamps. Amara gives 3 to Tomas."), so any
name fits anywhere and no name says anything about the person.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction

# First names from many parts of the world: short, easy to read in Latin letters, none a common English word.
NAMES: tuple[str, ...] = (
    "Aiko", "Amara", "Anders", "Ayesha", "Beatriz", "Bilal", "Boris", "Bruno", "Camila", "Carlos",
    "Chidi", "Clara", "Dalia", "Darius", "Deepa", "Diego", "Elif", "Elsa", "Emeka", "Esteban", "Farah",
    "Farid", "Felix", "Fiona", "Gabriel", "Giulia", "Goran", "Gulnara", "Hana", "Hassan", "Helena",
    "Hiro", "Ibrahim", "Imani", "Ines", "Ivan", "Jamal", "Jia", "Jonas", "Julia", "Kaito", "Katya",
    "Kofi", "Kwame", "Lars", "Leila", "Lina", "Luca", "Malik", "Mateo", "Mei", "Mira", "Nadia", "Naveen",
    "Ngozi", "Noah", "Olga", "Omar", "Oscar", "Otieno", "Pablo", "Paula", "Petra", "Priya", "Quentin",
    "Rafael", "Rania", "Ravi", "Rosa", "Salma", "Sanjay", "Selma", "Sofia", "Tariq", "Tesfaye", "Thandi",
    "Tomas", "Ursula", "Usman", "Valeria", "Viktor", "Vusi", "Wanda", "Wei", "Xavier", "Ximena", "Yara",
    "Yasmin", "Yuki", "Yusuf", "Zainab", "Zeynep", "Zoltan", "Zuri",
)  # fmt: skip

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine":
    "ninth", "twelve": "twelfth",
}  # fmt: skip
_IRREGULAR_PLURALS = {
    "person": "people", "child": "children", "man": "men", "woman": "women", "foot": "feet", "tooth":
    "teeth", "goose": "geese", "mouse": "mice", "leaf": "leaves", "loaf": "loaves", "shelf": "shelves",
    "knife": "knives", "half": "halves", "life": "lives", "wolf": "wolves", "wife": "wives", "thief":
    "thieves", "scarf": "scarves", "calf": "calves", "ox": "oxen", "sheep": "sheep", "fish": "fish",
    "deer": "deer", "series": "series", "species": "species", "aircraft": "aircraft", "potato":
    "potatoes", "tomato": "tomatoes", "hero": "heroes", "echo": "echoes", "mango": "mangoes", "crisis":
    "crises", "analysis": "analyses",
}  # fmt: skip
# Words whose first sound is not what the first letter says.
_VOWEL_SOUND = ("hour", "honest", "honour", "heir")
_CONSONANT_SOUND = ("uni", "use", "usu", "uti", "ute", "euro", "eu", "one", "once", "ukulele", "ura")
_SPELLED_WITH_VOWEL = frozenset("AEFHILMNORSX")
# "an unimportant", "an uninvited": un- before a vowel, not uni-.
_UN_PREFIX = ("unim", "unin", "unid")


def pick_names(rng: random.Random, count: int) -> list[str]:
    """Different names with different first letters (so no two are easily mixed up), in random order."""
    names: list[str] = []
    initials: set[str] = set()
    while len(names) < count:
        name = NAMES[rng.randrange(len(NAMES))]
        if name[0] not in initials:
            initials.add(name[0])
            names.append(name)
    return names


def a_or_an(noun: str) -> str:
    """The noun (or noun phrase) with its indefinite article: "an hour", "a uniform", "an 8", "an X"."""
    return f"{_indefinite(noun)} {noun}"


def _indefinite(phrase: str) -> str:
    word = phrase.split()[0].split("-")[0]
    if len(word) == 1 and word.isalpha() and word.isupper():
        return "an" if word in _SPELLED_WITH_VOWEL else "a"
    if word[0].isdigit():
        head = word.split(",")[0].split(".")[0]
        sounds_vowel = head.startswith("8") or head in ("11", "18")
        return "an" if sounds_vowel else "a"
    low = word.lower()
    if low.startswith(_VOWEL_SOUND):
        return "an"
    if low.startswith(_CONSONANT_SOUND) and not low.startswith(_UN_PREFIX):
        return "a"
    return "an" if low[0] in "aeiou" else "a"


def plural(noun: str) -> str:
    """The plural of a noun; of a phrase, the plural of its last word, or of the word before " of "."""
    head, of, rest = noun.partition(" of ")
    before, space, last = head.rpartition(" ")
    return f"{before}{space}{_plural_word(last)}{of}{rest}"


def _plural_word(word: str) -> str:
    if word in _IRREGULAR_PLURALS:
        return _IRREGULAR_PLURALS[word]
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return f"{word}es"
    if word.endswith("y") and word[-2:-1] not in ("a", "e", "i", "o", "u", ""):
        return f"{word[:-1]}ies"
    return f"{word}s"


def counted(count: int, noun: str, *, in_words: bool = False) -> str:
    """A number with its noun: "1 box", "1,200 boxes"; with `in_words`: "three boxes"."""
    shown = number_word(count) if in_words else number(count)
    return f"{shown} {noun if count == 1 else plural(noun)}"


def number(value: int | Fraction) -> str:
    """A number as a reader expects it: commas between thousands, a finite decimal, or else a fraction a/b."""
    if value.denominator == 1:
        return f"{value.numerator:,}"
    exact = Fraction(value)
    for places in (1, 2, 3):
        scaled = exact * 10**places
        if scaled.denominator == 1:
            sign = "-" if scaled < 0 else ""
            whole, part = divmod(abs(scaled.numerator), 10**places)
            return f"{sign}{whole:,}.{part:0{places}d}"
    return f"{exact.numerator}/{exact.denominator}"


def number_word(value: int) -> str:
    """A whole number from 0 to 999,999 in words: "twenty-one", "three hundred and five"."""
    if not 0 <= value < 1_000_000:
        raise ValueError(f"no word for {value}")
    if value < 20:
        return _ONES[value]
    if value < 100:
        tens, ones = divmod(value, 10)
        return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")
    unit, name = (100, "hundred") if value < 1_000 else (1_000, "thousand")
    head, rest = divmod(value, unit)
    words = f"{number_word(head)} {name}"
    if not rest:
        return words
    return f"{words} {'and ' if rest < 100 else ''}{number_word(rest)}"


def ordinal_word(value: int) -> str:
    """The place in words: "first", "twelfth", "twenty-third"."""
    before, dash, last = number_word(value).rpartition("-")
    if last in _ORDINALS:
        last = _ORDINALS[last]
    elif last.endswith("y"):
        last = f"{last[:-1]}ieth"
    else:
        last = f"{last}th"
    return f"{before}{dash}{last}"


def ordinal(value: int) -> str:
    """The place in figures: "1st", "12th", "23rd"."""
    tail = "th" if value % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{value}{tail}"


def listed(words: Sequence[str], last: str = "and") -> str:
    """A list in a sentence: "a", "a and b", "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def possessive(name: str) -> str:
    """The owner's form of a name: "Amara's", "Tomas's"."""
    return f"{name}'s"


def capitalised(sentence: str) -> str:
    """The sentence with its first letter in upper case and the rest untouched."""
    return sentence[:1].upper() + sentence[1:]


def times_word(count: int) -> str:
    """How often: "once", "twice", "three times"."""
    return {1: "once", 2: "twice"}.get(count) or f"{number_word(count)} times"
