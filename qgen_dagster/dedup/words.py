"""The English words that reading a question needs to know. Data only; what they do is in `text.py` and `facts.py`.

A change here changes what is stored beside the vectors: raise `facts.RULES_VERSION` with it.
"""

from __future__ import annotations


def _words(text: str) -> list[str]:
    return text.split()


UNITS = {
    word: value
    for value, word in enumerate(
        _words(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
            "seventeen eighteen nineteen"
        )
    )
}
TENS = {w: 10 * i for i, w in enumerate(_words("twenty thirty forty fifty sixty seventy eighty ninety"), start=2)}
SCALES = {"thousand": 1_000, "million": 1_000_000}
SPELLED = frozenset([*UNITS, *TENS, *SCALES, "hundred"])
# Fractions and ordinals count as their denominator or place, so that "two thirds" is 2/3 and "third" is 3rd. "second"
# is left out: it is a unit of time as often as a place.
OTHER_NUMBERS = {
    "half": "2", "halves": "2", "twice": "2", "double": "2", "doubles": "2", "doubled": "2", "third": "3",
    "thirds": "3", "thrice": "3", "triple": "3", "triples": "3", "tripled": "3", "quarter": "4", "quarters": "4",
    "fourth": "4", "fourths": "4", "fifth": "5", "fifths": "5", "sixth": "6", "sixths": "6", "seventh": "7",
    "eighth": "8", "eighths": "8", "ninth": "9", "tenth": "10", "tenths": "10", "dozen": "12", "first": "1",
}  # fmt: skip
UNCOUNTED = frozenset({"1"})  # "one" is a pronoun as often as a number
CANNOT = frozenset({"cannot"})
NEGATIONS = frozenset(_words("not never no none except neither nor without incorrect false"))
TURNS = frozenset(
    _words(
        "some only most least fewest few more less fewer even odd rises falls rise fall increases decreases increased "
        "decreased increase decrease before after left right up down north south east west towards away "
        "forward backward clockwise anticlockwise counterclockwise unless"
    )
)
ARTICLES = frozenset({"a", "an", "the"})
# Words that say nothing of what a question is about. "all", "some" and "no" are not among them: they decide.
FUNCTION_WORDS = ARTICLES | frozenset(
    _words(
        "1 am and answer are as at be been best better by calculate can certainly choose complete compute correct "
        "decide definitely determine did do does exactly find following for from give given had has have he her him "
        "his how i if in is it its just let likely look many me much must name now of on or order out please question "
        "right say select shall she should so state tell than that their them then there these they think this those "
        "to us was we were what when where which who whom whose will with word words would you your"
    )
)
# Words in a stem that point at the options; without anything else to go by, these are the question.
POINTERS = frozenset(_words("these those following below belong belongs odd options"))
FILLERS = ARTICLES | frozenset(_words("it is it's they are he she"))
SAME_ANSWERS = {
    answer: group[0]
    for group in (
        ("yes", "true", "correct"),
        ("no", "false", "incorrect", "not true"),
        ("can not be determined", "can not tell", "can not be known", "can not say", "can not be decided", "unknown",
         "not enough information", "insufficient information", "not possible to determine", "impossible to determine",
         "impossible to tell", "uncertain", "undetermined", "not determinable", "there not enough information"),
        ("none of above", "none of these", "none of them", "none"),
    )
    for answer in group
}  # fmt: skip
SHORT_UNITS = {
    "centimetre": "cm", "centimetres": "cm", "cents": "cent", "dollar": "dollars", "euro": "euros", "gram": "g",
    "grams": "g", "hour": "h", "hours": "h", "kilogram": "kg", "kilograms": "kg", "kilometre": "km",
    "kilometres": "km", "kilometers": "km", "metre": "m", "metres": "m", "meters": "m", "minute": "min",
    "minutes": "min", "percent": "%", "second": "s", "seconds": "s",
}  # fmt: skip
