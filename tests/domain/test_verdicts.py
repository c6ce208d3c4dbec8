"""A verdict's words, which stand in one place, and the page's copy of them."""

import re
from pathlib import Path

import marrowscope
from marrowscope.domain.decision import RULES, Verdict, custom_rule, verdict_words

STRINGS = Path(marrowscope.__file__).parent / "web" / "src" / "strings.ts"


def test_the_page_uses_the_same_words() -> None:
    block = re.search(r"decisions: \{(.*?)\}", STRINGS.read_text("utf-8"), re.DOTALL)
    assert block is not None
    told = dict(re.findall(r'(\w+): "([^"]+)"', block[1]))
    thresholds = {rule.threshold_percent for rule in RULES.values()}
    assert len(thresholds) == 1  # the page has no other
    assert told == {verdict.value: verdict_words(verdict, *thresholds) for verdict in Verdict}


def test_words_name_the_threshold_and_never_a_disease() -> None:
    rule = custom_rule(25, inclusive=True)
    assert verdict_words(Verdict.NEGATIVE, rule.threshold_percent) == "Below 25 %"
    words = " ".join(verdict_words(verdict, 20) for verdict in Verdict).casefold()
    assert "negative" not in words
    assert "positive" not in words
