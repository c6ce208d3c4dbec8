"""Which networks new analyses use: the bundle that the settings name, else the one chosen on the page."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from marrowscope.models.bundle import DEFAULT_NAME, Bundle
from marrowscope.service.actors import Actor
from marrowscope.service.bundles import Bundles
from marrowscope.service.errors import ConflictError, NotFoundError
from marrowscope.service.store.tables.teaching import BundleChoice
from marrowscope.service.trail import audit


def active_name(session: Session, bundles: Bundles) -> str:
    """Return the identifier of the bundle that new analyses use.

    A bundle that the settings name is that of whoever runs the server: it wins, so that no page can undo it,
    and so that a server can be started where the chosen one is lost.
    """
    if bundles.fixed is not None:
        return bundles.fixed
    latest = session.scalar(select(BundleChoice).order_by(BundleChoice.number.desc()).limit(1))
    return DEFAULT_NAME if latest is None else latest.bundle


def active(session: Session, bundles: Bundles) -> Bundle:
    """Return the bundle that new analyses use.

    Raises
    ------
    ConflictError
        It is no longer in the installation.
    BundleError
        It is altered or not readable.
    """
    name = active_name(session, bundles)
    try:
        return bundles.get(name)
    except NotFoundError:
        raise ConflictError(
            f"the active networks, {name}, are missing here: an administrator must activate others"
        ) from None


def choices(session: Session) -> Sequence[BundleChoice]:
    """Return the choices made so far, the latest first."""
    return session.scalars(select(BundleChoice).order_by(BundleChoice.number.desc())).all()


def previous_name(session: Session) -> str | None:
    """Return the bundle that was active before the present one; None before the first choice."""
    made = choices(session)
    if not made:
        return None
    return made[1].bundle if len(made) > 1 else DEFAULT_NAME


def choose(
    session: Session,
    actor: Actor,
    bundles: Bundles,
    name: str,
    *,
    reason: str,
    teaching_id: str | None = None,
) -> BundleChoice:
    """Make a bundle the one that new analyses use.

    Raises
    ------
    NotFoundError
        The installation has no such bundle.
    BundleError
        It is altered or not readable.
    ConflictError
        It is active already, or the settings name another.
    """
    refuse_fixed(bundles)
    before = active_name(session, bundles)
    if name == before:
        raise ConflictError("these networks are active already")
    bundle = bundles.get(name)
    choice = BundleChoice(
        bundle=name, title=bundle.title, sha256=bundle.sha256, username=actor.username, by=actor.name,
        reason=reason, teaching_id=teaching_id,
    )  # fmt: skip
    session.add(choice)
    audit.record(
        session, actor, "bundle.activate", "bundle", name,
        before={"bundle": before},
        after={"bundle": name, "title": bundle.title, "sha256": bundle.sha256, "reason": reason},
    )  # fmt: skip
    return choice


def refuse_fixed(bundles: Bundles) -> None:
    """Refuse a choice where the settings name the bundle.

    Raises
    ------
    ConflictError
        They do.
    """
    if bundles.fixed is not None:
        raise ConflictError(f"the settings of this server name the networks: {bundles.fixed}")
