"""A tokenizer of CLIP's kind made from nothing: for models with random weights."""

from __future__ import annotations

import string

from transformers import CLIPTokenizer


def tokenizer() -> CLIPTokenizer:
    """CLIP's byte alphabet, a few words, and a rare end of vowel-less triples."""
    alphabet = _byte_alphabet()
    merges: list[tuple[str, str]] = []
    for word in ("photo", "dog", "cat", "the", "beach", "snow", "of"):
        _learn(word, merges)
    consonants = [c for c in string.ascii_lowercase if c not in "aeiouy"]
    for first in consonants:
        for second in consonants:
            merges.append((first, f"{second}</w>"))
    for first in consonants[:10]:
        merges.extend((first, f"{pair}</w>") for pair in ("qx", "zk", "vw", "xj", "kz"))
    vocabulary = [*alphabet, *(f"{letter}</w>" for letter in alphabet)]
    vocabulary += ["".join(merge) for merge in merges]
    vocabulary += ["<|startoftext|>", "<|endoftext|>"]
    ids = {token: number for number, token in enumerate(vocabulary)}
    return CLIPTokenizer(vocab=ids, merges=merges, model_max_length=77)


def _learn(word: str, merges: list[tuple[str, str]]) -> None:
    built = word[0]
    for position, letter in enumerate(word[1:], 1):
        piece = f"{letter}</w>" if position == len(word) - 1 else letter
        if (built, piece) not in merges:
            merges.append((built, piece))
        built += letter


def _byte_alphabet() -> list[str]:
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + n) for n in range(len(others))]
