"""Single sign-on against a real, small issuer."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from joserfc.jwk import RSAKey
from pydantic import SecretStr
from sqlalchemy import select
from tests.service.conftest import reasons
from tests.service.drawn import Drawn
from tests.service.issuer import CLIENT, SECRET, Issuer

from marrowscope.errors import InputError
from marrowscope.service.accounts.authentication import FRESH
from marrowscope.service.clock import now
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.accounts import LoginSession

API = "/api/v1"
MARA = {"sub": "4711", "preferred_username": "Mara", "name": "Mara Lang", "roles": ["staff", "hematology"]}


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    running = Issuer()
    yield running
    running.close()


@pytest.fixture
def settings_more(issuer: Issuer) -> dict[str, Any]:
    return {
        "public_url": "http://testserver",
        "oidc_issuer": issuer.url,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": SecretStr(SECRET),
        "oidc_roles": {"hematology": "reviewer", "it": "admin"},
    }


def sign_on(client: TestClient, issuer: Issuer, query: str = "", **change: str) -> Any:
    begun = client.get(f"{API}/session/oidc{query}", follow_redirects=False)
    assert begun.status_code == 303
    state, code = issuer.authorize(begun.headers["location"])
    given = {"state": state, "code": code, **change}
    answer = client.get(f"{API}/session/oidc/callback", params=given, follow_redirects=False)
    client.headers["X-CSRF-Token"] = client.get(f"{API}/session").json()["csrf_token"]
    return answer


@pytest.mark.parametrize("missing", ["public_url", "oidc_client_id", "oidc_issuer"])
def test_half_a_setup_is_refused_at_the_start(settings_more: dict[str, Any], missing: str) -> None:
    with pytest.raises(InputError, match="single sign-on needs"):
        Settings(**{**settings_more, missing: None}).refuse_unsafe()


def test_the_session_says_where_to_sign_on(client: TestClient) -> None:
    assert client.get(f"{API}/session").json()["oidc"]["url"] == f"{API}/session/oidc"


def test_a_group_gives_a_role_and_a_change_of_groups_changes_it(client: TestClient, issuer: Issuer) -> None:
    issuer.claims = MARA
    answer = sign_on(client, issuer)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    user = client.get(f"{API}/session").json()["user"]
    assert (user["username"], user["name"], user["role"]) == ("mara", "Mara Lang", "reviewer")
    issuer.claims = {**MARA, "roles": ["hematology", "it"]}
    assert sign_on(client, issuer).status_code == 303
    again = client.get(f"{API}/session").json()["user"]
    assert (again["id"], again["role"]) == (user["id"], "admin")


def test_who_has_no_group_is_refused(client: TestClient, issuer: Issuer) -> None:
    for roles in ([], ["staff"]):
        issuer.claims = {**MARA, "roles": roles}
        assert sign_on(client, issuer).status_code == 403
    assert client.get(f"{API}/session").json()["user"] is None


def test_a_local_account_of_the_same_name_is_not_taken_over(client: TestClient, issuer: Issuer) -> None:
    issuer.claims = {**MARA, "preferred_username": "anna"}
    assert sign_on(client, issuer).status_code == 303
    user = client.get(f"{API}/session").json()["user"]
    assert user["username"].startswith("anna-")
    assert user["role"] == "reviewer"


def test_an_account_made_inactive_stays_out(client: TestClient, admin: TestClient, issuer: Issuer) -> None:
    issuer.claims = MARA
    sign_on(client, issuer)
    mara = client.get(f"{API}/session").json()["user"]["id"]
    admin.patch(f"{API}/users/{mara}", json={"active": False})
    assert sign_on(client, issuer).status_code == 403


@pytest.mark.parametrize(
    "lie",
    [
        {"nonce": "another"},
        {"aud": "another client"},
        {"iss": "http://another"},
        {"exp": 1_000_000_000},
        {"sub": None},
    ],
)
def test_statements_that_do_not_hold_are_refused(
    client: TestClient, issuer: Issuer, lie: dict[str, Any]
) -> None:
    issuer.claims = {**MARA, **lie}
    assert sign_on(client, issuer).status_code == 401


def test_another_s_signature_state_or_code_is_refused(client: TestClient, issuer: Issuer) -> None:
    issuer.claims = MARA
    assert sign_on(client, issuer, state="another").status_code == 401
    assert sign_on(client, issuer, code="another").status_code == 401
    issuer.published = RSAKey.generate_key(2048, {"kid": "one"})
    assert sign_on(client, issuer).status_code == 401
    client.cookies.clear()
    answer = client.get(f"{API}/session/oidc/callback?state=x&code=y", follow_redirects=False)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_issuer_that_is_away_is_said_to_be(client: TestClient, issuer: Issuer) -> None:
    issuer.server.shutdown()
    issuer.server.server_close()
    answer = client.get(f"{API}/session/oidc", follow_redirects=False)
    assert answer.status_code == 503
    assert "issuer" in answer.json()["detail"]


class TestSigning:
    """Accounts without a password sign after a new sign-on, each signature after its own."""

    CONFIRM = "?confirm=true&back=/patients/4711/report"

    @staticmethod
    def sign(client: TestClient, drawn: Drawn) -> Any:
        revision = client.get(f"{API}/analyses/{drawn.analysis}").json()["revision"]
        body = {"meaning": "seen", "revision": revision, "waived": reasons(client, drawn.analysis)}
        return client.post(f"{API}/analyses/{drawn.analysis}/signature", json=body)

    def test_a_new_sign_on_serves_one_signature(
        self, client: TestClient, issuer: Issuer, drawn: Drawn
    ) -> None:
        issuer.claims = MARA
        sign_on(client, issuer)
        assert client.get(f"{API}/session").json()["to_sign"] == "sign-on"
        assert self.sign(client, drawn).json()["type"] == "unconfirmed"
        assert sign_on(client, issuer, self.CONFIRM).headers["location"] == "/patients/4711/report"
        assert client.get(f"{API}/session").json()["to_sign"] == "nothing"
        assert self.sign(client, drawn).status_code == 201
        again = {"reason": "a smudge"}
        assert client.post(f"{API}/analyses/{drawn.analysis}/amendments", json=again).status_code == 201
        assert self.sign(client, drawn).json()["type"] == "unconfirmed"

    def test_a_refused_signature_uses_nothing_up(
        self, client: TestClient, issuer: Issuer, drawn: Drawn
    ) -> None:
        issuer.claims = MARA
        sign_on(client, issuer, self.CONFIRM)
        stale = {"meaning": "seen", "revision": 99}
        refused = client.post(f"{API}/analyses/{drawn.analysis}/signature", json=stale)
        assert refused.status_code == 409
        assert self.sign(client, drawn).status_code == 201

    def test_a_sign_on_too_long_ago_serves_no_signature(
        self, client: TestClient, issuer: Issuer, drawn: Drawn, database: Database
    ) -> None:
        issuer.claims = MARA
        sign_on(client, issuer, self.CONFIRM)
        with database.writing() as session:
            for opened in session.scalars(select(LoginSession)):
                opened.confirmed_at = now() - FRESH
        assert self.sign(client, drawn).json()["type"] == "unconfirmed"

    def test_an_issuer_that_does_not_ask_anew_is_not_believed(
        self, client: TestClient, issuer: Issuer
    ) -> None:
        issuer.claims, issuer.asks_anew = MARA, False
        assert sign_on(client, issuer, self.CONFIRM).status_code == 401
        issuer.claims = {**MARA, "auth_time": None}
        assert sign_on(client, issuer, self.CONFIRM).status_code == 401

    @pytest.mark.parametrize(
        "back", ["//evil.example", "/\\evil.example", "https://evil.example", "/a?b=//c"]
    )
    def test_the_way_back_leads_to_the_page_alone(self, client: TestClient, back: str) -> None:
        answer = client.get(f"{API}/session/oidc", params={"back": back}, follow_redirects=False)
        assert answer.status_code == 422
