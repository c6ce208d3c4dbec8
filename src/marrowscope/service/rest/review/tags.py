"""Tags of patients."""

from typing import Annotated

from fastapi import APIRouter, Query

from marrowscope.service.rest.dependencies import Reviewer, Transaction, Viewer
from marrowscope.service.rest.shapes import Id, Line, Page, Shape
from marrowscope.service.review.notes import tags

router = APIRouter(tags=["patients"])


class TagUseShape(Shape):
    """A tag, and how many patients have it."""

    tag: str
    patients: int


class NewTag(Shape):
    """A tag to put on a patient; capitals and spaces around it do not matter."""

    tag: Line


class TagsShape(Shape):
    """The tags of a patient."""

    tags: list[str]


@router.get("/tags")
def list_tags(session: Transaction, user: Viewer) -> Page[TagUseShape]:
    """List the tags in use, the most frequent first."""
    return Page(items=[TagUseShape(tag=tag, patients=n) for tag, n in tags.in_use(session, user).items()])


@router.post("/patients/{patient_id}/tags")
def add_tag(session: Transaction, user: Reviewer, patient_id: Id, body: NewTag) -> TagsShape:
    """Put a tag on a patient."""
    return TagsShape(tags=tags.add(session, user, patient_id, body.tag))


@router.delete("/patients/{patient_id}/tags")
def remove_tag(
    session: Transaction,
    user: Reviewer,
    patient_id: Id,
    tag: Annotated[str, Query(min_length=1, max_length=200)],
) -> TagsShape:
    """Take a tag off a patient."""
    return TagsShape(tags=tags.remove(session, user, patient_id, tag))
