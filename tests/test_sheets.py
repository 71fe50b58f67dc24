"""Contact sheets: every picture, its words and its row's label are on the page."""

from __future__ import annotations

from PIL import Image, ImageChops

from booth import sheets


def picture(colour: str) -> Image.Image:
    return Image.new("RGB", (32, 32), colour)


def test_every_picture_is_on_the_page_once() -> None:
    colours = ["#ff0000", "#00ff00", "#0000ff", "#ffff00", "#00ffff"]
    rows = sheets.in_rows([(picture(colour), "") for colour in colours], 2)
    page = sheets.page([("", row) for row in rows], cell=40)
    counted = dict((tuple(c), n) for n, c in page.getcolors(page.width * page.height) or ())
    for colour in colours:
        rgb = tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
        assert counted[rgb] == 40 * 40


def test_words_stand_below_their_picture_and_labels_beside_their_row() -> None:
    bare = sheets.page([("", [(picture("red"), "")])], cell=64)
    worded = sheets.page([("", [(picture("red"), "a dog")])], cell=64)
    labelled = sheets.page([("with training", [(picture("red"), "")])], cell=64)
    assert worded.height > bare.height and worded.width == bare.width
    assert labelled.width > bare.width and labelled.height == bare.height
    below = worded.crop((0, bare.height - 4, worded.width, worded.height))
    beside = labelled.crop((0, 0, labelled.width - bare.width, labelled.height))
    for margin in (below, beside):
        blank = Image.new("RGB", margin.size, sheets.PAPER)
        assert ImageChops.difference(margin, blank).getbbox() is not None


def test_a_row_without_words_takes_no_room_for_them() -> None:
    row = [(picture("red"), "")]
    both = sheets.page([("", row), ("", [(picture("blue"), "a cat")])], cell=64)
    worded = sheets.page([("", [(picture("blue"), "a cat")])], cell=64)
    bare = sheets.page([("", row)], cell=64)
    assert both.height == bare.height + worded.height - 64 // 16


def test_long_words_end_after_two_lines_instead_of_running_into_the_next_picture() -> None:
    short = sheets.page([("", [(picture("red"), "a dog " * 6)])], cell=64)
    long = sheets.page([("", [(picture("red"), "a dog " * 60)])], cell=64)
    assert short.size == long.size
