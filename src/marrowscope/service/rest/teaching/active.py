"""The networks that new analyses use, and going back to others."""

from fastapi import APIRouter

from marrowscope.service.analyses import networks
from marrowscope.service.rest.dependencies import Admin, TheService, Transaction
from marrowscope.service.rest.shapes import Instant, Line, Page, Shape
from marrowscope.service.store.tables.teaching import BundleChoice
from marrowscope.validations import read_validation

router = APIRouter(tags=["teaching"])


class ActiveShape(Shape):
    """The active networks.

    `is_fixed`: the settings of the server name them. `is_validated`: this laboratory has validated them.
    `laboratories`: of how many laboratories that such networks never saw they carry error rates.
    `previous` is what was active before.
    """

    id: str
    title: str
    sha256: str
    is_fixed: bool
    is_validated: bool
    laboratories: int
    previous: str | None


class ChoiceShape(Shape):
    """A choice of networks."""

    bundle: str
    title: str
    sha256: str
    by: str
    at: Instant
    reason: str


class NewChoice(Shape):
    """Networks to activate, and why."""

    bundle: Line
    reason: Line


@router.get("/networks/active")
def show_active(session: Transaction, _: Admin, service: TheService) -> ActiveShape:
    """Show the networks that new analyses use."""
    bundle = networks.active(session, service.bundles)
    validation = read_validation(bundle.sha256, service.settings.validation_folder)
    return ActiveShape(
        id=networks.active_name(session, service.bundles),
        title=bundle.title,
        sha256=bundle.sha256,
        is_fixed=service.bundles.fixed is not None,
        is_validated=validation is not None,
        laboratories=len(bundle.laboratories),
        previous=networks.previous_name(session),
    )


@router.get("/networks/choices")
def list_choices(session: Transaction, _: Admin) -> Page[ChoiceShape]:
    """List who chose which networks and why, the latest first."""
    return Page(items=[ChoiceShape.model_validate(each) for each in networks.choices(session)])


@router.post("/networks/choices", status_code=201)
def choose(session: Transaction, user: Admin, service: TheService, body: NewChoice) -> ChoiceShape:
    """Activate networks of the installation for new analyses, for example to go back."""
    chosen: BundleChoice = networks.choose(session, user, service.bundles, body.bundle, reason=body.reason)
    session.flush()
    return ChoiceShape.model_validate(chosen)
