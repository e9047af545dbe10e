"""Words to remember: concrete, common, one clear meaning, each in exactly one kind.

Words of one kind serve as close lures for one another, words of different kinds as distant ones.
"""

from __future__ import annotations

import random

KINDS: dict[str, tuple[str, ...]] = {
    "fruit": ("apple", "pear", "banana", "cherry", "grape", "lemon", "mango", "melon", "peach", "plum"),
    "vegetable": ("carrot", "onion", "potato", "cabbage", "spinach", "pumpkin", "celery", "lettuce", "garlic", "pea"),
    "animal": ("horse", "rabbit", "camel", "tiger", "goat", "monkey", "elephant", "wolf", "sheep", "giraffe"),
    "bird": ("eagle", "parrot", "owl", "penguin", "pigeon", "sparrow", "ostrich", "flamingo", "heron", "stork"),
    "tool": ("hammer", "saw", "pliers", "shovel", "axe", "ladder", "spanner", "rake", "chisel", "screwdriver"),
    "piece of furniture": ("sofa", "desk", "wardrobe", "armchair", "bookcase", "stool", "bed", "bench", "cupboard"),
    "musical instrument": ("violin", "trumpet", "drum", "flute", "guitar", "piano", "harp", "cello", "trombone"),
    "piece of clothing": ("coat", "scarf", "glove", "shirt", "sock", "skirt", "jacket", "hat", "sweater", "trousers"),
    "vehicle": ("bicycle", "lorry", "tram", "taxi", "ferry", "tractor", "bus", "helicopter", "canoe", "ambulance"),
    "part of the body": ("elbow", "shoulder", "knee", "ankle", "chin", "thumb", "wrist", "forehead", "hip", "toe"),
    "thing in a kitchen": ("kettle", "fork", "saucepan", "spoon", "teapot", "bowl", "knife", "plate", "oven", "jug"),
    "building": ("hospital", "museum", "castle", "library", "factory", "lighthouse", "stadium", "theatre", "temple"),
    "kind of weather": ("rain", "thunder", "fog", "snow", "hail", "frost", "breeze", "lightning", "sunshine"),
    "feature of the landscape": (
        "river",
        "mountain",
        "desert",
        "island",
        "forest",
        "valley",
        "beach",
        "waterfall",
        "glacier",
        "cave",
    ),
    "job": ("baker", "nurse", "pilot", "farmer", "dentist", "teacher", "sailor", "plumber", "tailor", "judge"),
    "thing in an office": ("pencil", "notebook", "eraser", "stapler", "envelope", "ruler", "calculator", "folder"),
    "insect": ("beetle", "butterfly", "mosquito", "ant", "wasp", "moth", "dragonfly", "bee", "grasshopper"),
    "material": ("leather", "cotton", "marble", "copper", "clay", "steel", "silk", "plastic", "wool", "bronze"),
    "sport": ("tennis", "rowing", "hockey", "judo", "swimming", "archery", "cycling", "football", "boxing", "fencing"),
    "thing in the sky": ("moon", "comet", "cloud", "rainbow", "planet", "star"),
    "flower": ("rose", "tulip", "daisy", "lily", "sunflower", "violet", "orchid", "poppy"),
    "kind of food": ("bread", "cheese", "noodles", "soup", "honey", "butter", "pancake", "yoghurt", "salad", "sausage"),
}
KIND_OF: dict[str, str] = {word: kind for kind, words in KINDS.items() for word in words}

# Small things that a person may carry, lend or hide.
THINGS: tuple[str, ...] = (
    "lantern", "compass", "kettle", "violin", "umbrella", "candle", "camera", "hammer", "map", "scarf",
    "basket", "mirror", "rope", "whistle", "ladder", "blanket", "clock", "flute", "notebook", "bucket",
    "kite", "drum", "teapot", "suitcase", "telescope", "broom", "puzzle", "helmet", "pillow", "hourglass",
)  # fmt: skip
COLOURS: tuple[str, ...] = ("red", "blue", "green", "yellow", "white", "black", "brown", "orange", "purple", "grey")


def one_of_each(rng: random.Random, kinds: list[str]) -> list[str]:
    """One word of each of these kinds, in their order."""
    return [rng.choice(KINDS[kind]) for kind in kinds]


def some_kinds(rng: random.Random, count: int) -> list[str]:
    """Different kinds in random order."""
    return rng.sample(list(KINDS), count)
