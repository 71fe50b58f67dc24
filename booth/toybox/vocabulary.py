"""Toybox's vocabulary: byte pairs learnt from its captions, then a long tail of rare syllables.

The tail is deliberate: DreamBooth needs identifiers the model has never seen, so hundreds of short
letter combinations are single tokens although no caption contains them; a vocabulary learnt from
captions alone would have no rare end at all.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from transformers import CLIPTokenizer

from booth.toybox.captions import caption
from booth.toybox.phrases import every_phrase
from booth.toybox.scene import random_scene

Merge = tuple[str, str]
LENGTH = 32
"""Tokens per prompt, the two markers included."""


def byte_alphabet() -> list[str]:
    """CLIP's printable stand-ins for the 256 bytes, in vocabulary order."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in plain]
    return [chr(b) for b in plain] + [chr(256 + i) for i in range(len(others))]


def letters(word: str) -> list[str]:
    """A word as byte pairs begin with it."""
    return [*word[:-1], word[-1] + "</w>"]


def learn_merges(
    words: Counter[str], limit: int, begin: Mapping[str, list[str]] | None = None
) -> list[Merge]:
    """Byte-pair merges, most frequent first, until every word is one token or `limit` is hit.

    `begin` says what each word is made of already; by default its letters.
    """
    spelt = {word: begin[word] if begin else letters(word) for word in words}
    merges: list[Merge] = []
    while len(merges) < limit:
        pairs: Counter[Merge] = Counter()
        for word, pieces in spelt.items():
            for pair in itertools.pairwise(pieces):
                pairs[pair] += words[word]
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        spelt = {word: _merged(pieces, best) for word, pieces in spelt.items()}
    return merges


def _merged(pieces: Sequence[str], pair: Merge) -> list[str]:
    """The pieces with every occurrence of the pair joined."""
    joined: list[str] = []
    for piece in pieces:
        if joined and (joined[-1], piece) == pair:
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


def rare_merges(taken: set[str], count: int, seed: int = 3) -> list[Merge]:
    """Merges that make `count` two- and three-letter words into tokens of their own."""
    if not count:
        return []
    letters = "abcdefghijklmnopqrstuvwxyz"
    pairs = [(a, b + "</w>") for a in letters for b in letters]
    merges = [pair for pair in pairs if "".join(pair) not in taken] + [("s", "ks</w>")]
    rng = np.random.default_rng(seed)
    vowels, plain = "aeiouy", "bcdfghjklmnpqrstvwxz"
    triples = [
        (a, b + c + "</w>")
        for a in plain
        for b in plain + vowels
        for c in plain
        if sum(letter in "jkqvwxz" for letter in a + b + c) >= 2 or b not in vowels
    ]
    for index in rng.permutation(len(triples)):
        if len(merges) >= count:
            break
        if "".join(triples[index]) not in taken:
            merges.append(triples[index])
    return merges


def count_words(captions: Iterable[str]) -> Counter[str]:
    """How often each word occurs."""
    return Counter(word for text in captions for word in re.findall(r"\w+|[^\w\s]", text))


def build_tokenizer(captions: Iterable[str], rare: int = 2200) -> CLIPTokenizer:
    """A CLIP tokenizer for these captions, with a rare end of about `rare` tokens."""
    learnt = learn_merges(count_words(captions), 1500)
    base = byte_alphabet()
    vocabulary = [*base, *(letter + "</w>" for letter in base)]
    vocabulary += ["".join(merge) for merge in learnt]
    tail = rare_merges(set(vocabulary), rare)
    vocabulary += ["".join(merge) for merge in tail]
    vocabulary = [*dict.fromkeys(vocabulary), "<|startoftext|>", "<|endoftext|>"]
    ids = {token: number for number, token in enumerate(vocabulary)}
    return CLIPTokenizer(vocab=ids, merges=learnt + tail, model_max_length=LENGTH)


def extend_tokenizer(tokenizer: CLIPTokenizer, captions: Iterable[str]) -> CLIPTokenizer:
    """The tokenizer with every word of the captions as one token; no old token changes its id.

    New tokens and their merges come last, so what was one token stays one: older merges win.
    """
    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    spelt = {word: tokenizer.tokenize(word) for word in count_words(captions)}
    new = Counter({word: 1 for word, pieces in spelt.items() if len(pieces) > 1})
    learnt = learn_merges(new, 9 * len(new), spelt)
    ids = dict(model["vocab"])
    for merge in learnt:
        ids.setdefault("".join(merge), len(ids))
    merges = [tuple(merge) for merge in model["merges"]] + learnt
    return CLIPTokenizer(vocab=ids, merges=merges, model_max_length=tokenizer.model_max_length)


def caption_sample(count: int, seed: int = 4) -> list[str]:
    """Captions of the first `count` training scenes and every phrase there is, for a vocabulary."""
    rng = np.random.default_rng(seed)
    return [caption(random_scene(i), rng) for i in range(count)] + every_phrase()
