"""Responses that are pictures: they never change, so browsers may cache them."""

from typing import Annotated, Any

from fastapi import Path, Request
from fastapi.responses import Response

JPEG = {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}
PICTURE: dict[int | str, dict[str, Any]] = {
    200: {**JPEG, "description": "The picture"},
    304: {"description": "Not changed"},
}
Level = Annotated[int, Path(ge=0, le=40)]
TilePlace = Annotated[int, Path(ge=0, le=100_000)]
"""Column or row of a Deep Zoom tile."""
_KEEP = "private, max-age=31536000, immutable"


def tag(*parts: object) -> str:
    """Return an entity tag made of what determines a picture."""
    return '"' + "-".join(str(part) for part in parts) + '"'


def is_known(request: Request, etag: str) -> bool:
    """Return whether the browser has this picture already."""
    known = request.headers.get("if-none-match", "")
    return etag in {each.strip().removeprefix("W/") for each in known.split(",")}


def unchanged(etag: str) -> Response:
    """Respond that the browser's copy is current."""
    return Response(status_code=304, headers={"ETag": etag, "Cache-Control": _KEEP})


def jpeg(content: bytes, etag: str) -> Response:
    """Respond with a JPEG."""
    return Response(content, media_type="image/jpeg", headers={"ETag": etag, "Cache-Control": _KEEP})
