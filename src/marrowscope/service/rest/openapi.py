"""The OpenAPI description, with refusals and authentication added to all operations."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from marrowscope.service.rest.problems import MEDIA_TYPE
from marrowscope.service.rest.shapes import Problem

ABOUT = (
    "From the images of a blood or bone-marrow smear to a differential count a hematologist can check and "
    "sign. For research use only.\n\n"
    "Log in with `POST /api/v1/session` and send `X-CSRF-Token` (from `GET /api/v1/session`) with every "
    "request that changes something, or send an API token: `Authorization: Bearer ms_...`."
)
_PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
REFUSALS: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "Refused; `type` says why", "content": _PROBLEM},
    "5XX": {"description": "Failed, or not available now", "content": _PROBLEM},
}
_SCHEMES = {
    "session": {"type": "apiKey", "in": "cookie", "name": "marrowscope"},
    "token": {"type": "http", "scheme": "bearer"},
}
_OPEN = frozenset({"/healthz", "/readyz", "/metrics", "/api/v1/session"})


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the description, built once."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, description=ABOUT, routes=app.routes)
        components = made.setdefault("components", {})
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        components.setdefault("schemas", {})["Problem"] = problem
        components["securitySchemes"] = _SCHEMES
        for path, item in made["paths"].items():
            if not path.startswith(tuple(_OPEN)):
                for operation in item.values():
                    operation["security"] = [{name: []} for name in _SCHEMES]
        app.openapi_schema = made
    return app.openapi_schema
