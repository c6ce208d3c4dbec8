"""Teachings: what they would learn from, asking for one, cancelling it, and deciding on its result."""

import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Literal

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marrowscope.codec import to_json
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.errors import DatasetError
from marrowscope.models.bundle import Bundle
from marrowscope.service.actors import Actor
from marrowscope.service.analyses import networks
from marrowscope.service.bundles import Bundles
from marrowscope.service.clock import now
from marrowscope.service.errors import ConflictError, UnavailableError
from marrowscope.service.settings import Settings
from marrowscope.service.store.base import row_of
from marrowscope.service.store.claims import WAITING
from marrowscope.service.store.tables.analyses import CANCELLED, DONE
from marrowscope.service.store.tables.teaching import ACTIVATED, DECLINED, Teaching
from marrowscope.service.teaching.cells import counted, learned_by, named_cells
from marrowscope.service.teaching.work import NamedCells
from marrowscope.service.trail import audit
from marrowscope.training.adapting.adaptation import FEWEST
from marrowscope.training.adapting.teaching import KEPT_OUT, PatientShare, draw_lot

MOST_CELLS = 4000
"""Cells of one teaching; of more, as many are drawn by lot. Bounds time, memory and disk."""

ENOUGH_OF_EACH, ENOUGH_PATIENTS = 50, 5
"""Blasts and other cells, and their patients, beside those kept out, from which the gain of learning was
measured (`runs/adapting.py`; the model card has the figures)."""

_DISK_BYTES = 256 * 2**20  # features of that many cells, and a bundle

Verdict = Literal["none", "thin", "enough"]


@dataclass(frozen=True)
class Outlook:
    """What chosen cases would give.

    `verdict`: ``none`` if nothing can be learned, for the reason in `message`; ``thin`` if it can, from
    fewer cells or patients than a gain was measured from; ``enough``.
    """

    types: dict[str, int]
    cells: int
    blasts: int
    patients: int
    verdict: Verdict
    message: str


def outlook(session: Session, bundles: Bundles, analyses: Sequence[str]) -> Outlook:
    """Return what these signed analyses would give to learn from."""
    present = networks.active(session, bundles)
    cells = named_cells(session, present, analyses)
    types = dict(sorted(counted(cells).items()))
    patients = patient_shares(cells)
    blasts = sum(one.blasts for one in patients.values())
    total = sum(types.values())
    try:
        _refuse_unusable(present, cells)
        draw_lot(patients, set(patients) - learned_by(session, present.sha256), seed=0)
    except (ConflictError, DatasetError) as error:
        return Outlook(types, total, blasts, len(patients), "none", str(error))
    left = len(patients) - max(2, ceil(KEPT_OUT * len(patients)))
    least = min(blasts, total - blasts) * left / len(patients)
    is_enough = left >= ENOUGH_PATIENTS and least >= ENOUGH_OF_EACH
    return Outlook(types, total, blasts, len(patients), "enough" if is_enough else "thin", "")


def ask(
    session: Session, actor: Actor, settings: Settings, bundles: Bundles, analyses: Sequence[str]
) -> Teaching:
    """Put a teaching of the active bundle into the queue; the lot is drawn now and recorded.

    Raises
    ------
    ConflictError
        Another is under way, the settings name the networks, or these cannot be taught.
    DatasetError
        The chosen cases give too little.
    UnavailableError
        The disk is nearly full.
    """
    networks.refuse_fixed(bundles)
    if session.scalar(select(Teaching.id).where(Teaching.status.in_(WAITING))) is not None:
        raise ConflictError("the networks are being taught already; wait for the result, or cancel it")
    if shutil.disk_usage(settings.data_folder).free < settings.free_bytes + _DISK_BYTES:
        raise UnavailableError("the disk is nearly full: there is no room to teach the networks")
    present = networks.active(session, bundles)
    seed = secrets.randbelow(2**31)
    cells = _at_most(named_cells(session, present, analyses), MOST_CELLS, seed)
    _refuse_unusable(present, cells)
    patients = patient_shares(cells)
    kept_out = draw_lot(patients, set(patients) - learned_by(session, present.sha256), seed)
    types = counted(cells)
    teaching = Teaching(
        number=(session.scalar(select(func.max(Teaching.number))) or 0) + 1,
        username=actor.username,
        by=actor.name,
        analyses=sorted(set(analyses)),
        images=to_json(tuple(cells)),
        types=dict(sorted(types.items())),
        seed=seed,
        kept_out=list(kept_out),
        learned_from=sorted(set(patients) - set(kept_out)),
        from_bundle=str(present.folder.resolve()),
        from_title=present.title,
        from_sha256=present.sha256,
        total=types.total(),
    )
    session.add(teaching)
    session.flush()
    audit.record(
        session, actor, "teaching.ask", "teaching", teaching.id,
        after={
            "bundle": present.title, "cases": len(teaching.analyses), "cells": types.total(), "seed": seed,
            "kept_out": teaching.kept_out, "learned_from": teaching.learned_from,
        },
    )  # fmt: skip
    return teaching


def get(session: Session, teaching_id: str) -> Teaching:
    """Return a teaching.

    Raises
    ------
    NotFoundError
        There is none.
    """
    return row_of(session, Teaching, teaching_id, "teaching")


def listed(session: Session) -> Sequence[Teaching]:
    """Return all teachings, the latest first."""
    return session.scalars(select(Teaching).order_by(Teaching.number.desc())).all()


def cancel(session: Session, actor: Actor, teaching_id: str) -> Teaching:
    """Cancel a teaching; what it has computed is discarded.

    Raises
    ------
    NotFoundError
        There is none.
    ConflictError
        It has ended.
    """
    teaching = row_of(session, Teaching, teaching_id, "teaching", is_held=True)
    if teaching.status not in WAITING:
        raise ConflictError(f"this teaching is {teaching.status} already")
    end(session, actor, teaching, CANCELLED, "")
    return teaching


def end(session: Session, actor: Actor, teaching: Teaching, status: str, message: str) -> None:
    """End a teaching; which cells it was of is forgotten, how many stays."""
    before = teaching.status
    teaching.status, teaching.message, teaching.finished_at = status, message, now()
    teaching.let_go()
    teaching.images = []
    result = teaching.result or {}
    after = {
        "status": status, "bundle": teaching.bundle_title, "sha256": teaching.bundle_sha256,
        "figures": result.get("figures"), "replay": result.get("replay"),
    }  # fmt: skip
    if status != DONE:
        after = {"status": status, "message": message}
    audit.record(
        session, actor, f"teaching.{status}", "teaching", teaching.id, before={"status": before}, after=after
    )


def decide(
    session: Session, actor: Actor, bundles: Bundles, teaching_id: str, *, activate: bool, reason: str
) -> Teaching:
    """Activate the new bundle, or decline it: it is then removed.

    Raises
    ------
    NotFoundError
        There is no such teaching.
    ConflictError
        It gave no bundle or is decided on, its bundle was compared with others than the present one, or is
        active and declined.
    """
    teaching = row_of(session, Teaching, teaching_id, "teaching", is_held=True)
    if teaching.status != DONE or teaching.bundle is None:
        raise ConflictError("this teaching gave no new networks to decide on")
    if teaching.decision is not None:
        raise ConflictError(f"this was decided already: {teaching.decision}")
    if activate:
        if networks.active(session, bundles).sha256 != teaching.from_sha256:
            raise ConflictError(
                "the new networks were compared with others than the present ones: teach again"
            )
        networks.choose(session, actor, bundles, teaching.bundle, reason=reason, teaching_id=teaching.id)
    else:
        if networks.active_name(session, bundles) == teaching.bundle:
            raise ConflictError("these networks are active: activate others before you decline them")
        audit.record(
            session, actor, "teaching.decline", "teaching", teaching.id,
            after={"bundle": teaching.bundle_title, "sha256": teaching.bundle_sha256, "reason": reason},
        )  # fmt: skip
    teaching.decision = ACTIVATED if activate else DECLINED
    teaching.decided_by, teaching.decided_at, teaching.reason = actor.name, now(), reason
    return teaching


def patient_shares(cells: Sequence[NamedCells]) -> dict[str, PatientShare]:
    """Return what each patient gives."""
    found: dict[str, PatientShare] = {}
    for image in cells:
        blasts = sum(taxonomy()[name].is_blast for name in image.types)
        own = found.get(image.patient, PatientShare(0, 0))
        found[image.patient] = PatientShare(own.blasts + blasts, own.others + len(image.types) - blasts)
    return found


def _refuse_unusable(present: Bundle, cells: Sequence[NamedCells]) -> None:
    if not present.classifier.feature_space:
        raise ConflictError("the present networks cannot be taught: their bundle has no feature space")
    if counted(cells).total() < FEWEST:
        raise DatasetError(f"too few cells: it takes {FEWEST} that readers named")


def _at_most(cells: Sequence[NamedCells], number: int, seed: int) -> list[NamedCells]:
    """Draw that many cells by lot, where there are more."""
    sizes = [len(image.types) for image in cells]
    if sum(sizes) <= number:
        return list(cells)
    chosen = np.zeros(sum(sizes), bool)
    chosen[np.random.default_rng(seed).permutation(sum(sizes))[:number]] = True
    kept = []
    for image, rows in zip(cells, np.split(chosen, np.cumsum(sizes)[:-1]), strict=True):
        take = np.flatnonzero(rows).tolist()
        if take:
            boxes, types = tuple(image.boxes[i] for i in take), tuple(image.types[i] for i in take)
            kept.append(replace(image, boxes=boxes, types=types))
    return kept
