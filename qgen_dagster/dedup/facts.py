"""What of a question decides whether another one is the same: its answer, quantities, names, words and options.

Here: `Facts`, and the keys stored beside every vector. Not here: comparing two of them (`compare.py`).

The lookup key is a hash of the answer and the quantities. A semantic duplicate must agree in both, so the rows with an
equal key are all that need to be looked at: exact by construction, and few in a bank of any size where there are
quantities. Without them very many questions may have one answer (yes, a first name); then the words, of which two such
questions must share a part, have keys too. An index over the vectors alone is neither exact nor faster, since a
templated bank holds thousands of nearer neighbours that are other questions (measured in benchmarks/README.md).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

from qgen_dagster.core.question import Question
from qgen_dagster.dedup.text import Reading, content_words, drawing, is_number, is_strong, names_in, read, turns
from qgen_dagster.dedup.words import FILLERS, POINTERS, SAME_ANSWERS, UNCOUNTED

# Stored with every vector as part of the space's name: raise it whenever text.py or this file changes what they yield.
RULES_VERSION = 1


Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of a question without figures: all that semantic comparison reads."""

    stem: str
    stimulus: str | None
    options: tuple[str, ...]
    answer: int


@dataclass(frozen=True)
class Facts:
    """A question as semantic comparison sees it. Each part is read when it is first needed."""

    wording: Wording

    @cached_property
    def stem(self) -> Reading:
        return read(self.wording.stem)

    @cached_property
    def stimulus(self) -> Reading | None:
        return None if self.wording.stimulus is None else read(self.wording.stimulus)

    @cached_property
    def answer(self) -> Phrase:
        """Canonical tokens of the key, without articles."""
        return _phrase(self.wording.options[self.wording.answer])

    @cached_property
    def options(self) -> frozenset[Phrase]:
        """The other options likewise."""
        return frozenset(_phrase(text) for i, text in enumerate(self.wording.options) if i != self.wording.answer)

    @cached_property
    def names(self) -> frozenset[str]:
        """Names and quoted words of stem and stimulus."""
        shown = (self.wording.stem, self.wording.stimulus)
        return names_in("\n".join(text for text in shown if text is not None))

    @cached_property
    def tokens(self) -> frozenset[str]:
        """Every word of stem and stimulus."""
        return frozenset(self.stem.tokens + (self.stimulus.tokens if self.stimulus else ()))

    @cached_property
    def quantities(self) -> tuple[str, ...]:
        """Numbers and letters of stem and stimulus, in order of appearance."""
        return self.stem.quantities + (self.stimulus.quantities if self.stimulus else ())

    @cached_property
    def strong(self) -> bool:
        """Whether another question with the same quantities is likely to be the same."""
        return is_strong(self.quantities)

    @cached_property
    def numbers_in_order(self) -> tuple[str, ...]:
        """The quantities with every 1, which does not count elsewhere."""
        everything = self.stem.tokens + (self.stimulus.tokens if self.stimulus else ())
        counted = set(self.quantities) | UNCOUNTED
        return tuple(token for token in everything if token in counted)

    @property
    def turns(self) -> tuple[str, ...]:
        return turns(self.stem.tokens)

    @cached_property
    def content(self) -> tuple[str, ...]:
        """What the stem is about, in order."""
        return content_words(self.stem.tokens)

    @property
    def answer_key(self) -> str:
        """The answer for looking up: the bare number where it has just one, since units come and go."""
        numbers = [token for token in self.answer if is_number(token)]
        if len(numbers) == 1 and len(self.answer) <= 4:
            return numbers[0]
        return " ".join(self.answer)

    @cached_property
    def options_decide(self) -> bool:
        """Whether the stem only points at the options ("Which of these does not belong?"): they are the question."""
        points = not POINTERS.isdisjoint(self.stem.tokens)
        return points and not (self.strong or self.names or self.stimulus)

    @property
    def text(self) -> str:
        """What is embedded: stem and stimulus, and the options where they are the question.

        Not the answer otherwise: all that is compared agrees in it (benchmarks/README.md has the measurement).
        """
        return " ".join(self._embedded)

    @property
    def words(self) -> frozenset[str]:
        """What the embedded text is about: its content words."""
        return frozenset(content_words(self._embedded))

    @cached_property
    def _embedded(self) -> Phrase:
        tokens = self.stem.tokens + (self.stimulus.tokens if self.stimulus else ())
        if self.options_decide:
            tokens += tuple(token for option in sorted([*self.options, self.answer]) for token in option)
        return tokens


def facts_of(question: Question) -> Facts:
    """The facts of a question."""
    return Facts(wording_of(question))


def wording_of(question: Question) -> Wording:
    stimulus = question.stimulus.text if question.stimulus else None
    return Wording(question.stem, stimulus, tuple(option.text for option in question.options), question.answer)


def lookup_key(space: str, question_type: str, facts: Facts) -> int:
    """A signed 64-bit hash, equal for questions of a type whose answers and quantities agree.

    Two questions may share one by chance: what is found by it is compared in full.
    """
    return _hashed(8, space, question_type, facts.answer_key, *sorted(facts.quantities))


def word_keys(key: int, facts: Facts) -> tuple[int, ...]:
    """A signed 64-bit hash of the lookup key with each content word; none where the quantities say enough.

    The upper half is the key's: the entries of a question then lie side by side in an index, and storing it touches one
    or two pages instead of one per word.
    """
    words = () if facts.strong else {_hashed(4, str(key), word) for word in facts.words}
    return tuple(sorted(key >> 32 << 32 | word & 0xFFFFFFFF for word in words))


def _hashed(size: int, *parts: str) -> int:
    digest = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=size).digest()
    return int.from_bytes(digest, "big", signed=True)


def _phrase(text: str) -> Phrase:
    if drawing(text):
        return tuple(text.split())
    tokens = tuple(token for token in read(text).tokens if token not in FILLERS)
    phrase = SAME_ANSWERS.get(" ".join(tokens))
    return tuple(phrase.split()) if phrase else (tokens or (text.strip().casefold(),))
