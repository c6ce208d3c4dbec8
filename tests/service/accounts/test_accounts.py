"""Logging in and out, roles, lock-out, tokens."""

from datetime import timedelta

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import select
from tests.service.conftest import PASSWORDS, log_in, logged_in

from marrowscope.service.accounts import passwords
from marrowscope.service.accounts.users import find_user
from marrowscope.service.clock import now
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.accounts import ApiToken, LoginSession, User

API = "/api/v1"


def refused(answer: Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def try_to_log_in(client: TestClient, username: str, password: str) -> int:
    token = client.get(f"{API}/session").json()["csrf_token"]
    credentials = {"username": username, "password": password}
    return client.post(f"{API}/session", json=credentials, headers={"X-CSRF-Token": token}).status_code


def test_a_session_says_who_is_logged_in_until_it_is_closed(client: TestClient) -> None:
    assert client.get(f"{API}/session").json()["user"] is None
    log_in(client, "Rita", PASSWORDS["rita"])
    state = client.get(f"{API}/session").json()
    assert state["user"]["username"] == "rita"
    assert state["user"]["role"] == "reviewer"
    assert state["user"]["created_at"].endswith("Z")
    assert client.delete(f"{API}/session").status_code == 204
    assert client.get(f"{API}/session").json()["user"] is None


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(app: FastAPI, client: TestClient) -> None:
    plain = client.get(f"{API}/session").headers["set-cookie"].lower()
    assert "httponly" in plain
    assert "samesite=strict" in plain
    safe = TestClient(app, base_url="https://testserver").get(f"{API}/session").headers["set-cookie"]
    assert safe.startswith("__Host-marrowscope=")
    assert "secure" in safe.lower()


def test_a_login_gives_a_new_identifier_and_the_old_cookie_is_worth_nothing(client: TestClient) -> None:
    token = client.get(f"{API}/session").json()["csrf_token"]
    planted = client.cookies["marrowscope"]
    credentials = {"username": "rita", "password": PASSWORDS["rita"]}
    client.post(f"{API}/session", json=credentials, headers={"X-CSRF-Token": token})
    assert client.cookies["marrowscope"] != planted
    client.cookies.clear()
    client.cookies["marrowscope"] = planted
    assert client.get(f"{API}/session").json()["user"] is None


def test_logging_in_again_ends_the_session_before(app: FastAPI, reviewer: TestClient) -> None:
    old = reviewer.cookies["marrowscope"]
    log_in(reviewer, "vera", PASSWORDS["vera"])
    thief = TestClient(app)
    thief.cookies["marrowscope"] = old
    assert thief.get(f"{API}/session").json()["user"] is None


def test_unsafe_requests_need_the_session_s_own_csrf_token(
    app: FastAPI, reviewer: TestClient, viewer: TestClient
) -> None:
    others = viewer.headers["X-CSRF-Token"]
    for token in ("", "wrong", others):
        answer = reviewer.delete(f"{API}/session", headers={"X-CSRF-Token": token})
        refused(answer, 403)
    bare = TestClient(app)
    refused(bare.post(f"{API}/session", json={"username": "rita", "password": PASSWORDS["rita"]}), 403)
    assert reviewer.get(f"{API}/session").json()["user"]["username"] == "rita"


def test_wrong_passwords_unknown_names_and_inactive_users_are_answered_alike(
    client: TestClient, admin: TestClient
) -> None:
    vera = next(u for u in admin.get(f"{API}/users").json()["items"] if u["username"] == "vera")
    assert admin.patch(f"{API}/users/{vera['id']}", json={"active": False}).status_code == 200
    token = client.get(f"{API}/session").json()["csrf_token"]
    answers = [
        client.post(
            f"{API}/session", json={"username": name, "password": word}, headers={"X-CSRF-Token": token}
        )
        for name, word in (("rita", "wrong"), ("nobody", "wrong"), ("vera", PASSWORDS["vera"]))
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.json()["detail"] for answer in answers}) == 1


@pytest.mark.parametrize("name", ["rita", "nobody"])
def test_a_name_is_locked_after_wrong_passwords_whether_it_exists_or_not(
    client: TestClient, settings: Settings, name: str
) -> None:
    tries = [try_to_log_in(client, name, "wrong") for _ in range(settings.lockout_failures)]
    assert set(tries) == {401}
    token = client.get(f"{API}/session").json()["csrf_token"]
    credentials = {"username": name, "password": PASSWORDS.get(name, "wrong")}
    answer = client.post(f"{API}/session", json=credentials, headers={"X-CSRF-Token": token})
    refused(answer, 429)
    assert 0 < int(answer.headers["retry-after"]) <= 60 * settings.lockout_minutes


def test_an_administrator_unlocks_by_setting_a_password(admin: TestClient, client: TestClient) -> None:
    for _ in range(5):
        try_to_log_in(client, "rita", "wrong")
    assert try_to_log_in(client, "rita", PASSWORDS["rita"]) == 429
    rita = next(u for u in admin.get(f"{API}/users").json()["items"] if u["username"] == "rita")
    answer = admin.patch(f"{API}/users/{rita['id']}", json={"password": "a new password"})
    assert answer.status_code == 200
    assert try_to_log_in(client, "rita", "a new password") == 200


@pytest.mark.parametrize("settings_more", [{"login_attempts_per_minute": 2}])
def test_one_address_may_not_try_names_without_end(client: TestClient) -> None:
    assert [try_to_log_in(client, f"user{n}", "wrong") for n in range(3)] == [401, 401, 429]


def test_idle_and_old_sessions_end(database: Database, reviewer: TestClient) -> None:
    assert reviewer.get(f"{API}/session").json()["user"] is not None
    with database.writing() as session:
        opened = session.scalars(select(LoginSession)).one()
        opened.last_seen_at = now() - timedelta(minutes=61)
    assert reviewer.get(f"{API}/session").json()["user"] is None
    with database.writing() as session:
        opened = session.scalars(select(LoginSession)).one()
        opened.last_seen_at, opened.expires_at = now(), now() - timedelta(seconds=1)
    assert reviewer.get(f"{API}/session").json()["user"] is None


def test_a_new_password_ends_other_sessions_and_keeps_this_one(app: FastAPI, reviewer: TestClient) -> None:
    other = logged_in(app, "rita")
    change = {"old": PASSWORDS["rita"], "new": "another good password"}
    refused(reviewer.post(f"{API}/session/password", json={**change, "old": "wrong"}), 403)
    refused(reviewer.post(f"{API}/session/password", json={**change, "new": "short"}), 422)
    assert reviewer.post(f"{API}/session/password", json=change).status_code == 204
    assert reviewer.get(f"{API}/session").json()["user"]["username"] == "rita"
    assert other.get(f"{API}/session").json()["user"] is None


def test_wrong_old_passwords_lock_the_name(
    reviewer: TestClient, client: TestClient, settings: Settings
) -> None:
    change = {"old": "wrong", "new": "another good password"}
    for _ in range(settings.lockout_failures):
        assert reviewer.post(f"{API}/session/password", json=change).json()["type"] == "unconfirmed"
    change["old"] = PASSWORDS["rita"]
    refused(reviewer.post(f"{API}/session/password", json=change), 429)
    assert try_to_log_in(client, "rita", PASSWORDS["rita"]) == 429


@pytest.mark.parametrize("typed", ["gef\u00e4rbt und gez\u00e4hlt", "gefa\u0308rbt und geza\u0308hlt"])
def test_a_password_is_one_however_its_accents_are_typed(reviewer: TestClient, typed: str) -> None:
    change = {"old": PASSWORDS["rita"], "new": "gef\u00e4rbt und geza\u0308hlt"}
    assert reviewer.post(f"{API}/session/password", json=change).status_code == 204
    log_in(reviewer, "rita", typed)


@pytest.mark.parametrize("typed", ["gef\u00e4rbt und gez\u00e4hlt", "gefa\u0308rbt und geza\u0308hlt"])
def test_a_hash_of_text_as_it_was_typed_still_serves_and_is_renewed(
    database: Database, client: TestClient, typed: str
) -> None:
    old = passwords._hasher.hash("gefa\u0308rbt und geza\u0308hlt")  # as earlier versions hashed it
    with database.writing() as session:
        find_user(session, "rita").password_hash = old
    log_in(client, "rita", typed)
    with database.reading() as session:
        renewed = find_user(session, "rita").password_hash
    assert renewed is not None
    assert passwords._hasher.verify(renewed, "gef\u00e4rbt und gez\u00e4hlt")
    log_in(client, "rita", typed)


def test_a_role_taken_away_ends_the_session(admin: TestClient, reviewer: TestClient) -> None:
    rita = reviewer.get(f"{API}/session").json()["user"]
    assert admin.patch(f"{API}/users/{rita['id']}", json={"role": "viewer"}).status_code == 200
    assert reviewer.get(f"{API}/session").json()["user"] is None


def test_only_administrators_manage_users(
    client: TestClient, viewer: TestClient, reviewer: TestClient
) -> None:
    new = {"username": "mallory", "name": "M", "role": "admin", "password": "let me in please"}
    refused(client.get(f"{API}/users"), 401)
    for somebody in (viewer, reviewer):
        own = somebody.get(f"{API}/session").json()["user"]["id"]
        refused(somebody.get(f"{API}/users"), 403)
        refused(somebody.post(f"{API}/users", json=new), 403)
        refused(somebody.patch(f"{API}/users/{own}", json={"role": "admin"}), 403)


def test_the_last_administrator_stays(admin: TestClient) -> None:
    anna = admin.get(f"{API}/session").json()["user"]
    for change in ({"role": "viewer"}, {"active": False}):
        refused(admin.patch(f"{API}/users/{anna['id']}", json=change), 409)


def test_passwords_and_secrets_are_not_in_the_database(database: Database, admin: TestClient) -> None:
    made = admin.post(f"{API}/tokens", json={"name": "script", "scopes": ["read"]}).json()
    with database.reading() as session:
        hashes = session.scalars(select(User.password_hash)).all()
        kept = session.scalars(select(ApiToken.secret_sha256)).one()
    assert all(str(each).startswith("$argon2id$") for each in hashes)
    assert made["token"].startswith("ms_")
    assert made["token"] not in kept


class TestTokens:
    def bearer(self, app: FastAPI, owner: TestClient, *scopes: str) -> TestClient:
        made = owner.post(f"{API}/tokens", json={"name": "script", "scopes": list(scopes)})
        assert made.status_code == 201, made.text
        return TestClient(app, headers={"Authorization": f"Bearer {made.json()['token']}"})

    def test_scopes_limit_what_a_token_may_do(self, app: FastAPI, admin: TestClient) -> None:
        new = {"username": "new", "name": "N", "role": "viewer", "password": "a good password"}
        refused(self.bearer(app, admin, "read", "write").post(f"{API}/users", json=new), 403)
        refused(self.bearer(app, admin, "read").get(f"{API}/users"), 403)
        assert self.bearer(app, admin, "admin").post(f"{API}/users", json=new).status_code == 201

    def test_a_scope_beyond_the_role_is_refused(self, reviewer: TestClient, viewer: TestClient) -> None:
        refused(reviewer.post(f"{API}/tokens", json={"name": "x", "scopes": ["admin"]}), 403)
        refused(viewer.post(f"{API}/tokens", json={"name": "x", "scopes": ["write"]}), 403)

    def test_a_token_makes_no_tokens(self, app: FastAPI, admin: TestClient) -> None:
        program = self.bearer(app, admin, "read", "write", "admin")
        refused(program.post(f"{API}/tokens", json={"name": "x", "scopes": ["read"]}), 403)
        refused(program.post(f"{API}/session/password", json={"old": "x", "new": "y"}), 403)

    def test_a_token_ends_by_expiry_removal_and_its_user(
        self, app: FastAPI, admin: TestClient, reviewer: TestClient, database: Database
    ) -> None:
        program = self.bearer(app, reviewer, "read")
        assert program.get(f"{API}/session").json()["user"]["username"] == "rita"
        with database.writing() as session:
            token = session.scalars(select(ApiToken)).one()
            token.expires_at = now() - timedelta(seconds=1)
        refused(program.get(f"{API}/session"), 401)
        program = self.bearer(app, reviewer, "read")
        newest = reviewer.get(f"{API}/tokens").json()["items"][0]["id"]
        assert reviewer.delete(f"{API}/tokens/{newest}").status_code == 204
        refused(program.get(f"{API}/session"), 401)
        program = self.bearer(app, reviewer, "read")
        rita = reviewer.get(f"{API}/session").json()["user"]["id"]
        admin.patch(f"{API}/users/{rita}", json={"active": False})
        refused(program.get(f"{API}/session"), 401)

    def test_tokens_of_others_are_out_of_reach(self, admin: TestClient, reviewer: TestClient) -> None:
        made = admin.post(f"{API}/tokens", json={"name": "script", "scopes": ["read"]}).json()
        assert reviewer.get(f"{API}/tokens").json()["items"] == []
        refused(reviewer.delete(f"{API}/tokens/{made['id']}"), 404)
        assert len(admin.get(f"{API}/tokens").json()["items"]) == 1

    def test_other_kinds_of_authorization_are_refused(self, reviewer: TestClient) -> None:
        for value in ("Basic cml0YTp4", "Bearer", "Bearer ms_wrong", "nonsense"):
            refused(reviewer.get(f"{API}/session", headers={"Authorization": value}), 401)
