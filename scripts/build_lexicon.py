"""Builds the lexicon of the verbal item models from the hand-picked lists, WordNet and word frequencies.

    apt-get install wordnet-base && pip install wordfreq && npm pack moby && tar xf moby-*.tgz
    python scripts/build_lexicon.py package/words.txt    # rewrites lexicon.json beside the lists

Not run at install time: the result is in the repository. What comes from where is in `data/README.md`.
The lists (relations, scales, categories, synonyms, antonyms, definitions …) say what is right. WordNet guards them: it
adds, for every listed word, the listed words that are close to it in any sense, so that none of them is ever a wrong
option, and, for every category, the listed words that could belong to it in any sense. The Moby thesaurus, which is far
wider, guards the questions for the nearest meaning: what it names under a word is never a wrong option there.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "qgen_dagster/generation/items/verbal/data"
WORDNET = Path("/usr/share/wordnet")
FILES = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
# Whatever is, in any sense, at or below one of these is not a common word here: groups of people, languages, faiths,
# arms, the sexual, the criminal, drugs, illness and death have no place in a game with letters.
UNFIT_BELOW = (
    "n:ethnic_group#1",
    "n:inhabitant#1",
    "n:natural_language#1",
    "n:religious_person#1",
    "n:religion#2",
    "n:weapon#1",
    "n:sexual_activity#1",
    "n:reproductive_organ#1",
    "n:body_waste#1",
    "n:crime#1",
    "n:criminal#1",
    "n:drug#1",
    "n:alcohol#1",
    "n:disease#1",
    "n:killing#2",
    "n:death#1",
    "n:prostitute#1",
    "n:unpleasant_person#1",
    "n:sexuality#1",
    "n:bad_person#1",
    "n:deity#1",
    "v:kill#1",
    "v:copulate#1",
    "v:excrete#1",
    "v:injure#1",
)
# WordNet's usage domains that make a word unfit.
UNFIT_USAGE = {"ethnic_slur", "obscenity", "disparagement", "vulgarism", "slang"}
INFLECTIONS = ("", "s", "es", "ed", "d", "er", "ing", "y")
Synset = tuple[str, int]


class WordNet:
    """The database files of WordNet 3.0, read whole."""

    def __init__(self, folder: Path) -> None:
        self.words: dict[Synset, list[str]] = {}
        self.pointers: dict[Synset, list[tuple[str, Synset]]] = {}
        self.lexical: dict[tuple[Synset, str], list[tuple[str, Synset, str]]] = defaultdict(list)
        self.senses: dict[tuple[str, str], list[Synset]] = {}
        self.gloss: dict[Synset, str] = {}
        self.proper: set[str] = set()  # words that some sense writes with a capital letter
        self.children: dict[Synset, list[Synset]] = defaultdict(list)
        for pos, name in FILES.items():
            self._read_data(pos, folder / f"data.{name}")
            self._read_index(pos, folder / f"index.{name}")
        for synset, pointers in self.pointers.items():
            for symbol, target in pointers:
                if symbol in ("@", "@i"):
                    self.children[target].append(synset)

    def _read_data(self, pos: str, path: Path) -> None:
        for line in path.read_text(encoding="latin-1").splitlines():
            if line.startswith("  "):
                continue
            data, _, gloss = line.partition(" | ")
            fields = data.split()
            synset = (pos, int(fields[0]))
            count = int(fields[3], 16)
            self.proper.update(f.lower() for f in fields[4 : 4 + 2 * count : 2] if f[:1].isupper())
            words = [fields[4 + 2 * i].split("(")[0].lower() for i in range(count)]
            at = 4 + 2 * count
            pointers = []
            for i in range(int(fields[at])):
                symbol, offset, target_pos, parts = fields[at + 1 + 4 * i : at + 5 + 4 * i]
                target = ("a" if target_pos == "s" else target_pos, int(offset))
                pointers.append((symbol, target))
                if parts != "0000":
                    self.lexical[synset, words[int(parts[:2], 16) - 1]].append((symbol, target, parts[2:]))
            self.words[synset], self.pointers[synset], self.gloss[synset] = words, pointers, gloss

    def _read_index(self, pos: str, path: Path) -> None:
        for line in path.read_text(encoding="latin-1").splitlines():
            if not line.startswith("  "):
                fields = line.split()
                count = int(fields[2])
                self.senses[fields[0], pos] = [(pos, int(offset)) for offset in fields[-count:]]

    def synsets(self, word: str, pos: str | None = None) -> list[Synset]:
        """All senses of a word, of its singular too when it looks like a plural."""
        forms = [word.replace(" ", "_")]
        for ending, base in (("ies", "y"), ("es", ""), ("s", "")):
            if word.endswith(ending) and len(word) > 3:
                forms.append(word.removesuffix(ending) + base)
        kinds = [pos] if pos else list(FILES)
        return [synset for form in forms for kind in kinds for synset in self.senses.get((form, kind), [])]

    def below(self, synset: Synset) -> set[Synset]:
        found, queue = {synset}, [synset]
        while queue:
            for child in self.children[queue.pop()]:
                if child not in found:
                    found.add(child)
                    queue.append(child)
        return found

    def around(self, synset: Synset) -> set[Synset]:
        """The synset, those one step above or below, two above, and adjectives similar to it or to its head."""
        near = {synset, *self.children[synset]}
        for symbol, target in self.pointers[synset]:
            if symbol in ("@", "&", "^", "$", "*"):
                near.add(target)
            if symbol == "@":
                near.update(t for s, t in self.pointers[target] if s == "@")
            if symbol == "&":
                near.update(t for s, t in self.pointers[target] if s == "&")
        return near

    def opposites(self, synset: Synset, word: str) -> set[str]:
        """Words that WordNet calls antonyms of the word, or of a head adjective to which it is similar."""
        found = set()
        heads = [target for symbol, target in self.pointers[synset] if symbol == "&"]
        for source in [synset, *heads]:
            for candidate in self.words[source] if source in heads else [word]:
                for symbol, target, part in self.lexical[source, candidate]:
                    if symbol == "!":
                        found.add(self.words[target][int(part, 16) - 1])
        return found


def sections(name: str) -> Iterator[tuple[str, str]]:
    """The lines of a list with the section header under which they stand."""
    head = ""
    for line in (DATA / name).read_text(encoding="utf-8").splitlines():
        if line.startswith(("@relation", "@pos", "@family")):
            head = line.partition(" ")[2]
        elif line and not line.startswith("#"):
            yield head, line


def read_relations() -> dict[str, dict[str, Any]]:
    relations: dict[str, dict[str, Any]] = {}
    for head, line in sections("relations.txt"):
        name, level = head.split()
        relation = relations.setdefault(name, {"level": int(level), "pairs": []})
        if line.startswith("@gloss"):
            relation["gloss"] = line.removeprefix("@gloss ")
        elif line.startswith("@kind"):
            relation["kinds"] = line.split()[1:]
        else:
            pair, _, also = line.partition(" / ")
            first, second = (word.strip() for word in pair.split(" : "))
            relation["pairs"].append([first, second, [w.strip() for w in also.split(",") if w.strip()]])
    return relations


def read_categories(wordnet: WordNet, words: set[str]) -> list[dict[str, Any]]:
    categories = []
    for _, line in sections("categories.txt"):
        name, parent, anchors, members = (part.strip() for part in line.split("|"))
        inside: set[Synset] = set()
        for anchor in anchors.split():
            pos, _, rest = anchor.rpartition(":")
            lemma, _, sense = rest.partition("#")
            inside |= wordnet.below(wordnet.senses[lemma, pos or "n"][int(sense) - 1])
        listed = members.split()
        pos = "v" if "v:" in anchors else "n"
        outside = [w for w in listed if not inside.intersection(wordnet.synsets(w, pos))]
        if outside:
            print(f"{name}: not below the anchors: {', '.join(outside)}", file=sys.stderr)
        possible = sorted(w for w in words if w not in listed and inside.intersection(wordnet.synsets(w, pos)))
        categories.append({"name": name, "parent": parent, "members": listed, "possible": possible})
    return categories


def fields(name: str) -> list[list[str]]:
    """The lines of a list of records, split at their bars."""
    return [[part.strip() for part in line.split("|")] for _, line in sections(name)]


def cell(text: str, separator: str = ",") -> list[str]:
    return [part.strip() for part in text.split(separator)]


def read_gradables() -> list[dict[str, Any]]:
    scales = []
    for nouns, one, other in fields("gradables.txt"):
        sides = [[cell(part) for part in side.split("<")] for side in (one, other)]
        scales.append({"nouns": cell(nouns, ";"), "sides": sides})
    return scales


def read_definitions() -> list[dict[str, Any]]:
    families: dict[str, dict[str, Any]] = {}
    for head, line in sections("definitions.txt"):
        pos, _, name = head.partition(" ")
        word, definition = (part.strip() for part in line.split("|"))
        families.setdefault(head, {"pos": pos, "name": name, "words": {}})["words"][word] = definition
    return list(families.values())


def read_passages() -> list[dict[str, Any]]:
    """The themes of short passages: lines that open with a mark, then properties (or, for an order, the things)."""
    themes: list[dict[str, Any]] = []
    for line in (DATA / "passages.txt").read_text(encoding="utf-8").splitlines():
        mark, _, rest = line.partition(" ")
        if mark == "@theme":
            kind, _, name = rest.partition(" ")
            parts: dict[str, list[Any]] = {"scene": [], "aside": [], "world": [], "before": [], "lines": []}
            themes.append({"kind": kind, "name": name, **parts})
        elif mark.startswith("@"):
            themes[-1][mark[1:]].append(rest)
        elif line and not line.startswith("#"):
            themes[-1]["lines"].append(cell(line, "|"))
    return themes


def thesaurus(path: Path, words: set[str]) -> dict[str, list[str]]:
    """For each of the words those after it in the alphabet that stand under it, or under which it stands.

    A line of the file is: word,word,word …
    """
    linked: dict[str, set[str]] = defaultdict(set)
    for line in path.read_text(encoding="utf-8").splitlines():
        head, *under = line.split(",")
        if head in words:
            for other in words.intersection(under) - {head}:
                linked[min(head, other)].add(max(head, other))
    return {word: sorted(others) for word, others in sorted(linked.items())}


def blocked_words() -> set[str]:
    stems = [line for _, line in sections("blocked.txt")]
    exact = {stem[1:] for stem in stems if stem.startswith("=")}
    return exact | {stem + ending for stem in stems for ending in INFLECTIONS if not stem.startswith("=")}


def common_words(wordnet: WordNet, blocked: set[str], zipf: Any) -> list[str]:
    """Lower-case words of 3 to 10 letters that WordNet knows and that most adults know, screened."""
    unfit = {
        word
        for synset, pointers in wordnet.pointers.items()
        for symbol, target in pointers
        if symbol == ";u" and UNFIT_USAGE.intersection(wordnet.words[target])
        for word in wordnet.words[synset]
    }
    for anchor in UNFIT_BELOW:
        pos, lemma, sense = re.split("[:#]", anchor)
        if (lemma, pos) not in wordnet.senses:
            print(f"no such anchor: {anchor}", file=sys.stderr)
            continue
        for synset in wordnet.below(wordnet.senses[lemma, pos][int(sense) - 1]):
            unfit.update(wordnet.words[synset])
    found = {
        word
        for word, pos in wordnet.senses
        if pos != "r" and re.fullmatch(r"[a-z]{3,10}", word) and word not in wordnet.proper
        if word not in blocked and word not in unfit and zipf(word, "en") >= 3.2
    }
    return sorted(found)


def main() -> None:
    from wordfreq import zipf_frequency

    wordnet = WordNet(WORDNET)
    relations = read_relations()
    scales = [[head, line.split(" < ")] for head, line in sections("scales.txt")]
    synonyms = [[head, line.split()] for head, line in sections("synonyms.txt")]
    antonyms = [[head, line.split(" : ")] for head, line in sections("antonyms.txt")]
    words: set[str] = set()
    for relation in relations.values():
        for first, second, also in relation["pairs"]:
            words |= {first, second, *also}
    for _, group in [*scales, *synonyms, *antonyms]:
        words.update(group)
    for _, line in sections("categories.txt"):
        words.update(line.rpartition("|")[2].split())
    gradables, definitions = read_gradables(), read_definitions()
    for family in definitions:
        words.update(family["words"])
    doubles = [[*line[:3], *map(cell, line[3:])] for line in fields("double_meanings.txt")]
    for record in doubles:
        words.add(str(record[0]))
        words.update(record[3], record[4])
    blocked = blocked_words()
    if bad := sorted(words & blocked):
        print(f"blocked words in the lists: {', '.join(bad)}", file=sys.stderr)
    owners: dict[Synset, set[str]] = defaultdict(set)
    for word in words:
        for synset in wordnet.synsets(word):
            owners[synset].add(word)
    near: dict[str, list[str]] = {}
    opposite: dict[str, list[str]] = {}
    for word in sorted(words):
        senses = wordnet.synsets(word)
        if not senses:
            print(f"not in WordNet: {word}", file=sys.stderr)
        close = {w for s in senses for around in wordnet.around(s) for w in owners[around]} - {word}
        against = {w for s in senses for w in wordnet.opposites(s, word) if w in words}
        if close:
            near[word] = sorted(close)
        if against:
            opposite[word] = sorted(against)
    common = common_words(wordnet, blocked, zipf_frequency)
    compared = {word for _, group in [*scales, *synonyms, *antonyms] for word in group}
    lexicon = {
        "relations": relations,
        "scales": scales,
        "synonyms": synonyms,
        "antonyms": antonyms,
        "categories": read_categories(wordnet, words),
        "gradables": gradables,
        "clauses": fields("clauses.txt"),
        "definitions": definitions,
        "doubles": doubles,
        "passages": read_passages(),
        "near": near,
        "opposite": opposite,
        "akin": thesaurus(Path(sys.argv[1]), compared),
        "zipf": {w: round(min(zipf_frequency(p, "en") for p in w.split()), 1) for w in sorted(words | set(common))},
        "common": common,
    }
    lines = ",\n".join(f" {json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in lexicon.items())
    (DATA / "lexicon.json").write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
    print(f"{len(words)} listed words, {len(common)} common words", file=sys.stderr)


if __name__ == "__main__":
    main()
