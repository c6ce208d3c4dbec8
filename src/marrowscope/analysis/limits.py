"""What a count cannot see, as sentences that stand beside the verdict."""

from marrowscope.domain.differential import Differential
from marrowscope.domain.percent import percent_text
from marrowscope.domain.rates import KnownErrors
from marrowscope.domain.taxonomy import taxonomy

# Shares from which acute promyelocytic leukemia (APL) is spoken of: more than a healthy marrow has
# (promyelocytes 3 to 12 %, monocytes to 3 %: Bain, Br J Haematol 1996;94:206). Abnormal promyelocytes with
# folded nuclei are easily taken for monocytes. Both are settings.
_PROMYELOCYTES, _MONOCYTES = 0.15, 0.15


def limits(differential: Differential, known: KnownErrors) -> tuple[str, ...]:
    """Return sentences on what the networks cannot name, and on what this count cannot exclude.

    Parameters
    ----------
    differential : the count
    known : what the bundle says of its networks; nothing it does not say is claimed
    """
    found = (
        alarms(differential),
        _blast_kinds(known),
        _experimental(differential, known),
        _unnamed(known),
    )
    return tuple(sentence for sentences in found for sentence in sentences)


def alarms(differential: Differential) -> tuple[str, ...]:
    """Return those of the sentences that a reader must not overlook."""
    promyelocytes = differential.share("promyelocyte") or 0.0
    monocytes = (differential.share("monocyte") or 0.0) + (differential.share("promonocyte") or 0.0)
    if "promyelocyte" in differential.equivalents:
        return ()
    many = []
    if promyelocytes >= _PROMYELOCYTES:
        many.append(f"promyelocytes ({percent_text(promyelocytes)} %)")
    if monocytes >= _MONOCYTES:
        many.append(f"monocytes ({percent_text(monocytes)} %)")
    if not many:
        return ()
    # What is taken for monocytes may be what acute monocytic leukemia counts as blasts, too.
    monocytic = "neither monocytic nor " if monocytes >= _MONOCYTES else ""
    excluded = "can be excluded" if monocytic else "cannot be excluded"
    sentence = (
        f"Many {' and '.join(many)}: {monocytic}acute promyelocytic leukemia (APL) {excluded}, and a low "
        f"blast share is no reassurance. Look for {'promonocytes and for ' if monocytic else ''}abnormal "
        "promyelocytes with Auer rods."
    )
    return (sentence,)


def _blast_kinds(known: KnownErrors) -> list[str]:
    if not known.blast_kinds:
        return []
    names = {
        kind.id: f"{kind.name.lower()}s" for kind in taxonomy() if kind.is_blast and kind.parent is not None
    }
    found = []
    for kind in known.blast_kinds:
        name = names.pop(kind.cell_type, kind.cell_type)
        found.append(f"{kind.called} of {kind.cells} {name} ({percent_text(kind.called / kind.cells)} %)")
    never = f" Not measured: {', '.join(names.values())}." if names else ""
    return [f"In laboratories they never saw, the networks called {' and '.join(found)} blasts.{never}"]


def _experimental(differential: Differential, known: KnownErrors) -> list[str]:
    counts = {**differential.counts, **differential.excluded}
    present = [
        f"{kind.name.lower()} ({counts[kind.id]})"
        for kind in taxonomy()
        if kind.id in known.experimental and counts.get(kind.id)
    ]
    if not present:
        return []
    return [f"Taught from one laboratory alone, so to be checked by eye: {', '.join(present)}."]


def _unnamed(known: KnownErrors) -> list[str]:
    if not known.types:
        return []
    named = {name for kind in known.types for name in (kind, *(a.id for a in taxonomy().ancestors(kind)))}
    missing = [
        kind.name.lower()
        for kind in taxonomy()
        if kind.is_counted
        and not kind.is_blast
        and kind.id not in {*named, "unclassified"}
        and not any(ancestor.id in named for ancestor in taxonomy().ancestors(kind.id))
    ]
    return [f"These networks do not name: {', '.join(missing)}."] if missing else []
