"""Class nouns, templates and the gallery."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booth import gallery, prompts
from booth.errors import PromptError

PLACES = [
    "in the jungle",
    "in the snow",
    "on the beach",
    "on a cobblestone street",
    "on top of pink fabric",
    "on top of a wooden floor",
    "with a city in the background",
    "with a mountain in the background",
    "with a blue house in the background",
    "on top of a purple rug in a forest",
]


@pytest.mark.parametrize(
    ("typed", "noun"),
    [
        ("dog", "dog"),
        ("  Dog ", "dog"),
        ("Stuffed   Animal", "stuffed animal"),
        ("a dog", "dog"),
        ("my the cat", "cat"),
        ("jack-o-lantern", "jack-o-lantern"),
        ("bird's nest", "bird's nest"),
        ("cafe\u0301", "caf\u00e9"),
        ("Собака", "собака"),
        ("犬", "犬"),
        ("कुत्ता", "कुत्ता"),
        ("do\u200bg\u202e", "dog"),
    ],
)
def test_a_noun_of_any_language_is_cleaned(typed: str, noun: str) -> None:
    assert prompts.check_class_noun(typed) == noun


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " \t\n",
        "\u200b",
        "this is rex",
        "my dog rex likes it",
        "dog2",
        "<b>dog</b>",
        "[V]",
        "{class}",
        "--help",
        "dog--cat",
        "dog_cat",
        "dog.",
        "🐶",
        "x" * 41,
        "dog\ud800",
        "${alert(1)}",
    ],
)
def test_a_sentence_or_markup_is_no_noun(typed: str) -> None:
    with pytest.raises(PromptError) as caught:
        prompts.check_class_noun(typed)
    assert "dog" in caught.value.remedy


@given(st.text(alphabet=st.characters(categories=["L", "M", "Zs", "Cf"]), max_size=45))
def test_a_clean_noun_stays_as_it_is(typed: str) -> None:
    try:
        noun = prompts.check_class_noun(typed)
    except PromptError:
        return
    assert prompts.check_class_noun(noun) == noun
    assert noun == unicodedata.normalize("NFC", noun)


@pytest.mark.parametrize(
    ("noun", "kind"),
    [
        ("dog", "live"),
        ("Dogs", "live"),
        ("golden retriever", "live"),
        ("puppies", "live"),
        ("wolves", "live"),
        ("foxes", "live"),
        ("guinea pig", "live"),
        ("toy poodle", "live"),
        ("people", "live"),
        ("stuffed animal", "object"),
        ("teddy bear", "object"),
        ("rubber duck", "object"),
        ("stuffed dogs", "object"),
        ("hot dog", "object"),
        ("dog house", "object"),
        ("glasses", "object"),
        ("zorblax", "object"),
        ("", "object"),
    ],
)
def test_the_kind_follows_the_head_noun(noun: str, kind: str) -> None:
    assert prompts.kind_of(noun) == kind


def test_every_offered_noun_passes_its_own_check_and_has_its_kind() -> None:
    for noun, kind in prompts.CLASS_NOUNS:
        assert prompts.check_class_noun(noun) == noun
        assert prompts.kind_of(noun) == kind


def test_training_prompts_are_the_papers() -> None:
    assert prompts.instance_prompt("kts", "dog") == "a kts dog"
    assert prompts.class_prompt("dog") == "a dog"


def test_a_caption_comes_after_the_paper_s_label() -> None:
    assert prompts.instance_prompt("kts", "dog", "on the beach") == "a kts dog on the beach"
    assert prompts.instance_prompt("kts", "dog", "on [v]'s rug") == "a kts dog on kts's rug"


def test_the_placeholder_is_filled_in_any_case() -> None:
    assert prompts.fill("a [V] dog and [v]", "kts") == "a kts dog and kts"


def test_control_characters_become_one_space() -> None:
    assert prompts.fill(" a\x00\r\n [V]\tdog\u2028\x07", "kts") == "a kts dog"


@pytest.mark.parametrize("text", ["", "  ", "\n\t\x00", "\ud800"])
def test_an_empty_idea_is_refused_kindly(text: str) -> None:
    with pytest.raises(PromptError):
        prompts.fill(text, "kts")


def test_an_idea_may_have_two_thousand_characters_and_no_more() -> None:
    assert len(prompts.fill("x" * prompts.LONGEST_PROMPT, "kts")) == prompts.LONGEST_PROMPT
    with pytest.raises(PromptError):
        prompts.fill("x" * (prompts.LONGEST_PROMPT + 1), "kts")


@given(st.text(max_size=60), st.sampled_from(["kts", "\\1", "{0}", "[V]", "%s"]))
def test_filling_never_interprets_what_was_typed(text: str, identifier: str) -> None:
    marked = "{0.__class__} %s \\g<0> " + text.replace("[", "(") + " [V]"
    filled = prompts.fill(marked, identifier)
    assert filled.startswith("{0.__class__} %s \\g<0>")
    assert filled.endswith(identifier)
    filled.encode("utf-8")


def test_the_papers_prompts_are_all_there() -> None:
    assert len(set(gallery.PAPER_LIVE)) == len(gallery.PAPER_LIVE) == 25
    assert len(set(gallery.PAPER_OBJECTS)) == len(gallery.PAPER_OBJECTS) == 25
    places = [f"a [V] {{class}} {place}" for place in PLACES]
    assert gallery.PAPER_LIVE[:10] == gallery.PAPER_OBJECTS[:10] == places
    assert gallery.PAPER_LIVE[-5:] == gallery.PAPER_OBJECTS[-5:]
    assert gallery.PAPER_LIVE[13] == "a [V] {class} wearing a black top hat and a monocle"
    assert gallery.PAPER_OBJECTS[24] == "a cube shaped [V] {class}"


@pytest.mark.parametrize(
    ("noun", "paper"), [("cat", gallery.PAPER_LIVE), ("teapot", gallery.PAPER_OBJECTS)]
)
def test_the_gallery_shows_every_prompt_of_the_paper(noun: str, paper: list[str]) -> None:
    assert set(paper) <= {card.template for card in gallery.cards(noun)}


@pytest.mark.parametrize("noun", ["dog", "vase"])
def test_each_application_has_several_cards_in_order(noun: str) -> None:
    applications = [card.application for card in gallery.cards(noun)]
    order = list(gallery.APPLICATIONS)
    assert applications == sorted(applications, key=order.index)
    assert all(applications.count(application) >= 4 for application in order)


def test_cards_have_keys_and_titles_of_their_own() -> None:
    keys = [card.key for card in gallery.GALLERY]
    assert len(set(keys)) == len(keys)
    for noun in ("dog", "vase"):
        names = [(card.application, card.title) for card in gallery.cards(noun)]
        assert len(set(names)) == len(names)


def test_live_subjects_and_objects_get_different_cards() -> None:
    live = {card.key for card in gallery.cards("dog")}
    things = {card.key for card in gallery.cards("vase")}
    assert live & things and live - things and things - live
    assert live | things == {card.key for card in gallery.GALLERY}


def test_every_card_and_preview_names_subject_and_class_once() -> None:
    for card in gallery.GALLERY:
        prompt = gallery.card_prompt(card, "zebra")
        assert prompt.count("[V] zebra") == 1
        assert "{" not in prompt
    for noun in ("dog", "vase"):
        previews = gallery.preview_prompts(noun)
        assert len(set(previews)) == 3
        assert all(text.count(f"[V] {noun}") == 1 for text in previews)


def test_a_card_speaks_of_the_class() -> None:
    jungle = next(card for card in gallery.GALLERY if card.key == "places-jungle")
    assert gallery.card_prompt(jungle, "dog") == "a [V] dog in the jungle"


def _letters(text: str) -> list[int]:
    return [ord(letter) for letter in text if not letter.isspace()]


@given(st.text(max_size=80), st.integers(0, 60))
def test_what_is_kept_fits_and_one_word_more_would_not(prompt: str, limit: int) -> None:
    dropped = prompts.dropped_words(prompt, _letters, limit)
    stripped = prompt.rstrip()
    assert stripped.endswith(dropped)
    kept = stripped[: len(stripped) - len(dropped)]
    assert len(_letters(kept)) <= limit
    if dropped:
        first = next(prompts._WORDS.finditer(dropped)).group()
        assert len(_letters(kept + first)) > limit


def test_words_past_the_limit_are_named() -> None:
    def by_word(text: str) -> list[int]:
        return list(range(len(text.split())))

    assert prompts.dropped_words("a kts dog in the deep snow", by_word, 5) == "deep snow"
    assert prompts.dropped_words("a kts dog", by_word, 3) == ""


def test_words_that_were_never_learnt_are_named_once_and_the_placeholder_is_none() -> None:
    texts = ["a [V] dog on Mars", "a [v] dog, on MARS in 2024", "ein [V]-Hund"]
    assert prompts.unknown_words(texts, {"a", "dog", "on", "in"}) == ["mars", "ein", "hund"]
