"""Letters for the letter models: the alphabet, harmless words to encode, and a check for unwanted spellings."""

from __future__ import annotations

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# Everyday words of five different letters, known far beyond any one country.
WORDS = (
    "ACORN", "ANGLE", "BEACH", "BREAD", "BRICK", "BRUSH", "CABLE", "CANDY", "CHAIR", "CHALK", "CLOUD", "COAST",
    "CRANE", "CROWN", "DANCE", "DREAM", "EARTH", "FIELD", "FLAME", "FLOUR", "FRUIT", "GLOVE", "GRAIN", "GRAPE",
    "GUARD", "GUIDE", "HEART", "HORSE", "HOUSE", "JUICE", "KNIFE", "LEMON", "LIGHT", "LUNCH", "MAPLE", "METAL",
    "MONEY", "MOUSE", "MUSIC", "NIGHT", "NOISE", "OCEAN", "OLIVE", "PAINT", "PEARL", "PHONE", "PIANO",
    "PILOT", "PLANE", "PLANT", "PLATE", "POINT", "QUILT", "RADIO", "ROBIN", "ROUTE",
    "SALON", "SHARK", "SHELF", "SHIRT", "SMILE", "SNAKE", "SOLAR", "SOUTH", "SPACE", "SPICE", "STONE", "STORM",
    "SUGAR", "TABLE", "TIGER", "TOWEL", "TOWER", "TRAIN", "TULIP", "VOICE", "WAGON", "WATCH", "WATER", "WHALE",
    "WHEAT", "WORLD", "YACHT", "ZEBRA",
)  # fmt: skip
_UNWANTED = (
    "ANAL", "ANUS", "ARSE", "ASS", "COCK", "COK", "COON", "CUM", "CUNT", "DAMN", "DICK", "DIE", "DIK", "DYKE", "FAG",
    "FAT", "FUC", "FUK", "GAY", "GOD", "HIV", "HOE", "HOMO", "JAP", "JEW", "KILL", "KKK", "KYS", "NAZI", "NIG", "PEE",
    "PIS", "POO", "RAPE", "SEX", "SHIT", "SLUT", "SUK", "TIT", "VAG", "WOG", "WTF", "XXX",
)  # fmt: skip


def reads_badly(letters: str) -> bool:
    """Whether a made-up group of letters spells something that nobody wants to read in a test."""
    return any(word in letters for word in _UNWANTED)
