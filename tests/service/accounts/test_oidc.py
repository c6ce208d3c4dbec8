"""Single sign-on against a real, small issuer."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from joserfc.jwk import RSAKey
from pydantic import SecretStr
from tests.service.issuer import CLIENT, SECRET, Issuer

from marrowscope.errors import InputError
from marrowscope.service.settings import Settings

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


def sign_on(client: TestClient, issuer: Issuer, **change: str) -> Any:
    begun = client.get(f"{API}/session/oidc", follow_redirects=False)
    assert begun.status_code == 303
    state, code = issuer.authorize(begun.headers["location"])
    query = {"state": state, "code": code, **change}
    return client.get(f"{API}/session/oidc/callback", params=query, follow_redirects=False)


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
