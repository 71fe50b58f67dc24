"""The rare-token lookup, on vocabularies built here."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from booth.errors import BaseModelError
from booth.identifiers import identifier, rare_tokens

CONSONANTS = "bcdfghjklmnpqrstvwxz"


def _byte_alphabet() -> list[str]:
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(code) for code in shown] + [chr(256 + extra) for extra in range(256 - len(shown))]


def _clip(words: list[str]) -> Any:
    """A CLIP tokenizer whose merges spell `words`, the last ones rarest."""
    transformers = pytest.importorskip("transformers")
    letters = _byte_alphabet()
    merges: dict[tuple[str, str], None] = {}
    for word in words:
        parts = [*word[:-1], word[-1] + "</w>"]
        while len(parts) > 1:
            merges[parts[0], parts[1]] = None
            parts[:2] = [parts[0] + parts[1]]
    vocabulary = letters + [letter + "</w>" for letter in letters]
    vocabulary += list(dict.fromkeys("".join(pair) for pair in merges))
    vocabulary += ["<|startoftext|>", "<|endoftext|>"]
    numbers = {piece: number for number, piece in enumerate(vocabulary)}
    return transformers.CLIPTokenizer(vocab=numbers, merges=list(merges), model_max_length=77)


COMMON = ["photo", "dog", "cat", "snow", "beach"]
RARE = ["".join(three) for three in itertools.product("qvx", CONSONANTS, "kzw")]


@pytest.fixture(scope="module")
def clip() -> Any:
    return _clip([*COMMON, *RARE, "fck", "jpg", "dog"])


class FakeUnigram:
    """A sentencepiece-like tokenizer: whole words marked with "▁", the rest letter by letter."""

    def __init__(self, pieces: list[str]) -> None:
        self.pieces = pieces
        self.numbers = {piece: number for number, piece in enumerate(pieces)}
        self.all_special_ids = [0]

    def __len__(self) -> int:
        return len(self.pieces)

    def __call__(self, text: str, *, add_special_tokens: bool) -> dict[str, list[int]]:
        assert not add_special_tokens
        return {"input_ids": [self.numbers.get(f"▁{word}", 0) for word in text.split()]}

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        return [self.pieces[number] for number in ids]

    def decode(self, ids: list[int]) -> str:
        return "".join(self.pieces[number] for number in ids).replace("▁", " ").strip()


def _t5_like() -> FakeUnigram:
    """32,100 pieces with short words before, in and after the paper's range of ids."""
    short = ["".join(letters) for letters in itertools.product(CONSONANTS, repeat=3)]
    pieces = [f"▁longer{number}" for number in range(32_100)]
    pieces[0], pieces[1] = "<pad>", "▁a"
    pieces[2_000:5_000] = [f"▁{word}" for word in short[:3_000]]
    pieces[9_000:12_000] = [f"▁{word}" for word in short[3_000:6_000]]
    return FakeUnigram(pieces)


def test_rare_words_are_one_token_each_and_come_back(clip: Any) -> None:
    words = rare_tokens(clip, 12, seed=3)
    assert len(set(words)) == 12
    for word in words:
        assert 2 <= len(word) <= 3 and word.isascii() and word.isalpha()
        ids = clip(word, add_special_tokens=False)["input_ids"]
        assert len(ids) == 1
        assert clip.decode(ids).strip() == word


def test_rare_words_come_from_the_rare_end(clip: Any) -> None:
    for word in rare_tokens(clip, 12, seed=0):
        (number,) = clip(word, add_special_tokens=False)["input_ids"]
        assert len(clip) * 0.8 <= number < len(clip) - 2


@pytest.mark.parametrize("length", [1, 2, 3])
def test_an_identifier_survives_inside_a_prompt(clip: Any, length: int) -> None:
    for seed in range(20):
        name = identifier(clip, seed, length)
        ids = clip(f"a {name} dog", add_special_tokens=False)["input_ids"]
        assert len(ids) == length + 2
        assert clip.decode(ids[1:-1]).strip() == name


def test_the_seed_decides(clip: Any) -> None:
    assert identifier(clip, 7, 2) == identifier(clip, 7, 2)
    assert len({identifier(clip, seed) for seed in range(30)}) > 5


def test_words_with_a_meaning_are_never_chosen() -> None:
    tokenizer = _clip([*COMMON, *RARE[:12], "fck", "jpg", "dog", "sks", "dbz", "tom"])
    chosen = set(rare_tokens(tokenizer, 12, seed=0))
    assert chosen == set(RARE[:12])


def test_words_without_vowels_are_preferred() -> None:
    tokenizer = _clip([*COMMON, *RARE[:12], "qua", "vob", "xeb"])
    assert set(rare_tokens(tokenizer, 8, seed=1)) <= set(RARE[:12])
    assert {"vob", "xeb"} < set(rare_tokens(tokenizer, 15, seed=1))


def test_special_tokens_are_left_alone() -> None:
    tokenizer = _t5_like()
    tokenizer.all_special_ids = [number for number in range(9_000, 10_000) if number % 2]
    for word in rare_tokens(tokenizer, 50, seed=0):
        assert tokenizer.numbers[f"▁{word}"] % 2 == 0


def test_a_vocabulary_of_plain_words_has_no_rare_end() -> None:
    with pytest.raises(BaseModelError) as caught:
        identifier(_clip(COMMON), seed=0)
    assert "base model" in caught.value.remedy


def test_more_words_than_there_are_is_an_error() -> None:
    with pytest.raises(BaseModelError):
        rare_tokens(_clip([*COMMON, *RARE[:12]]), 13, seed=0)


def test_no_words_are_no_trouble(clip: Any) -> None:
    assert rare_tokens(clip, 0, seed=0) == []


@pytest.mark.parametrize("length", [0, 4, -1])
def test_an_identifier_has_one_to_three_tokens(clip: Any, length: int) -> None:
    with pytest.raises(ValueError):
        identifier(clip, 0, length)


def test_a_unigram_vocabulary_is_searched_in_the_papers_range() -> None:
    tokenizer = _t5_like()
    assert len(tokenizer) == 32_100
    for word in rare_tokens(tokenizer, 20, seed=5):
        assert 9_000 <= tokenizer.numbers[f"▁{word}"] < 10_000


def test_a_word_the_tokenizer_reads_differently_is_not_offered() -> None:
    class Lossy(FakeUnigram):
        def __call__(self, text: str, *, add_special_tokens: bool) -> dict[str, list[int]]:
            ids = super().__call__(text, add_special_tokens=add_special_tokens)["input_ids"]
            return {"input_ids": [n if n < 9_100 else 0 for n in ids]}

    tokenizer = Lossy(_t5_like().pieces)
    words = rare_tokens(tokenizer, 20, seed=5)
    assert all(tokenizer.numbers[f"▁{word}"] < 9_100 for word in words)
