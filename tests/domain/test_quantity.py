"""Numbers agree with their nouns."""

from marrowscope.domain.quantity import quantity


def test_only_one_is_singular() -> None:
    assert [quantity(number, "field") for number in (0, 1, 2)] == ["0 fields", "1 field", "2 fields"]
    assert [quantity(number, "entry", "entries") for number in (1, 386)] == ["1 entry", "386 entries"]
