"""What is asked for again counts every field once, whatever images were added in the meantime."""

from dataclasses import replace

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import update
from tests.service.again import analyse_again, found_anew
from tests.service.drawn import draw
from tests.service.review.test_answers import API, refused

from marrowscope.domain.repeats import same_field
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.patients import FIELD_DUPLICATE, Field


def test_a_field_read_is_not_counted_again_in_the_file_that_replaced_a_broken_one(
    reviewer: TestClient, app: FastAPI, database: Database
) -> None:
    drawn = draw(database, app.state.service.blobs, cells=12, fields=3, seed=5)
    readings = found_anew(drawn)
    names = [reading.name for reading in drawn.readings]
    analysis = analyse_again(reviewer, app, drawn, {name: readings[name] for name in names[:2]})
    # The third, broken file is sent again, larger: it shows the field of the first.
    with database.writing() as session:
        session.execute(
            update(Field)
            .where(Field.id == drawn.fields[0])
            .values(status=FIELD_DUPLICATE, message=same_field(names[2]))
        )
    problem = refused(reviewer.post(f"{API}/analyses/{analysis}/retry"), 409, "conflict")
    assert problem["detail"] == "an image added since shows a field of this analysis; ask for a new one"
    again = {name: replace(readings[name], name=name) for name in names[1:]}
    later = analyse_again(reviewer, app, drawn, again)
    fields = reviewer.get(f"{API}/patients/{drawn.patient}/fields").json()["items"]
    assert [field["status"] for field in fields] == ["duplicate", "read", "read"]
    assert reviewer.get(f"{API}/analyses/{later}").json()["status"] == "done"
