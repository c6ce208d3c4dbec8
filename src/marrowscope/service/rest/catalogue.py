"""What the page needs to know about the installation: cell types, rules, limits, bundles."""

from fastapi import APIRouter

from marrowscope.domain.decision import FLOOR, OVER_20, RULES, TARGET
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.exports.provenance import NOTICE
from marrowscope.service.analyses.networks import active_name
from marrowscope.service.rest.dependencies import TheService, Transaction, Viewer
from marrowscope.service.rest.shapes import Page, Shape
from marrowscope.service.review.shortcuts import shortcut_keys

router = APIRouter(tags=["catalogue"])


class TypeShape(Shape):
    """A cell type; `key` is its letter on the keyboard, `colour` is ``#rrggbb``."""

    id: str
    name: str
    abbreviation: str
    colour: str
    lineage: str
    is_blast: bool
    is_counted: bool
    parent: str | None
    key: str


class TaxonomyShape(Shape):
    """All cell types in the order of a differential."""

    version: str
    types: list[TypeShape]


class RuleShape(Shape):
    """A decision rule."""

    id: str
    title: str
    condition: str


class LimitsShape(Shape):
    """What an upload may hold."""

    file_bytes: int
    files: int
    pixels: int


class SettingsShape(Shape):
    """Defaults of analyses: rule, fewest cells for a decision, recommended cells."""

    rule: str
    rules: list[RuleShape]
    floor: int
    target: int
    limits: LimitsShape
    research_notice: str


class BundleShape(Shape):
    """Networks an analysis may use."""

    id: str
    name: str
    version: str
    sha256: str
    title: str
    is_default: bool


@router.get("/taxonomy")
def show_taxonomy(_: Viewer) -> TaxonomyShape:
    """List the cell types."""
    known = taxonomy()
    keys = shortcut_keys(known)
    names = [name for name in TypeShape.model_fields if name != "key"]
    types = [TypeShape(key=keys[kind.id], **{name: getattr(kind, name) for name in names}) for kind in known]
    return TaxonomyShape(version=known.version, types=types)


@router.get("/settings")
def show_settings(_: Viewer, service: TheService) -> SettingsShape:
    """Show the defaults and limits of this installation."""
    own = service.settings
    return SettingsShape(
        rule=OVER_20.id,
        rules=[RuleShape(id=rule.id, title=rule.title, condition=rule.condition) for rule in RULES.values()],
        floor=FLOOR,
        target=TARGET,
        limits=LimitsShape(file_bytes=own.file_bytes, files=own.files_per_patient, pixels=own.pixels),
        research_notice=NOTICE,
    )


@router.get("/bundles")
def list_bundles(session: Transaction, _: Viewer, service: TheService) -> Page[BundleShape]:
    """List the networks an analysis may use."""
    found = [(name, service.bundles.get(name)) for name in service.bundles]
    active = active_name(session, service.bundles)
    return Page(
        items=[
            BundleShape(
                id=name,
                name=bundle.name,
                version=bundle.version,
                sha256=bundle.sha256,
                title=bundle.title,
                is_default=name == active,
            )
            for name, bundle in found
        ]
    )
