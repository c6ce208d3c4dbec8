"""The same bytes under another name are said to repeat the first; the words stand in one place."""

from pathlib import Path

import marrowscope
from marrowscope.domain.repeats import FirstCopies


def test_the_first_copy_is_no_repetition_and_later_ones_name_it() -> None:
    copies = FirstCopies()
    assert copies.message("d1", "a.png") is None
    assert copies.message("d2", "b.png") is None
    assert copies.message("d1", "c.png") == "the same image as a.png; counted once"
    assert copies.message("d1", "a.png") is None  # asked again of the first itself


def test_images_already_there_come_first() -> None:
    copies = FirstCopies([("d1", "old.png"), ("d1", "older copy.png")])
    assert copies.message("d1", "new.png") == "the same image as old.png; counted once"


def test_the_words_stand_in_one_place() -> None:
    package = Path(marrowscope.__file__).parent
    texts = {path.name: path.read_text("utf-8") for path in package.rglob("*.py")}
    assert [name for name, text in texts.items() if "the same image as {" in text] == ["repeats.py"]
