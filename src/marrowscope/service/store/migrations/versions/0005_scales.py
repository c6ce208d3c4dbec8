"""Scales measured for a patient are written by the names of their parts."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rewrite rows ``[width, height, mpp, source]``: an analysis under way reads them again."""
    analyses = sa.table("analyses", sa.column("id"), sa.column("scales", sa.JSON()))
    connection = op.get_bind()
    for analysis, scales in connection.execute(sa.select(analyses.c.id, analyses.c.scales)).all():
        if any(isinstance(row, list) for row in scales):
            named = [_named(row) for row in scales]
            connection.execute(analyses.update().where(analyses.c.id == analysis).values(scales=named))


def _named(row: Any) -> Any:
    if not isinstance(row, list):
        return row
    width, height, mpp, source = row
    return {"width": width, "height": height, "scale": {"mpp": mpp, "source": source}}
