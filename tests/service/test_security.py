"""Attacks on the service: all refused, none leaves a trace where it should not."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError
from tests.service.conftest import PASSWORDS, log_in, logged_in
from tests.service.drawn import Drawn, draw

from marrowscope.errors import InputError
from marrowscope.service.rest.app import create_app
from marrowscope.service.settings import Settings, is_loopback, read_settings

pytestmark = pytest.mark.drawn(cells=24, fields=2)

API = "/api/v1"
HOSTILE = [
    "'; DROP TABLE patients; --",
    '" OR 1=1 --',
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "{{7*7}}${7*7}",
    "../../etc/passwd",
    "%00%0d%0aSet-Cookie: a=b",
    "=cmd|' /C calc'!A0",
    "日本語 \u202e RTL",
]
OPEN = {
    ("GET", f"{API}/session"),
    ("POST", f"{API}/session"),
    ("DELETE", f"{API}/session"),
    ("POST", f"{API}/session/setup"),
    ("GET", f"{API}/session/oidc"),
    ("GET", f"{API}/session/oidc/callback"),
    *(("GET", path) for path in ("/healthz", "/readyz", "/metrics")),
}
ADMINS = {
    ("GET", f"{API}/users"),
    ("POST", f"{API}/users"),
    ("PATCH", f"{API}/users/{{user_id}}"),
    ("DELETE", f"{API}/patients/{{patient_id}}"),
    ("GET", f"{API}/audit"),
    ("GET", f"{API}/audit/export.jsonl"),
    ("DELETE", f"{API}/controls/{{control_id}}"),
}
# One's own tokens, password and tests are for whoever may read.
VIEWERS_MAY = {
    ("POST", f"{API}/tokens"),
    ("DELETE", f"{API}/tokens/{{token_id}}"),
    ("POST", f"{API}/session/password"),
    ("PATCH", f"{API}/proficiency/{{reading_id}}/cells"),
    ("POST", f"{API}/proficiency/{{reading_id}}/finish"),
}


def operations(app: FastAPI) -> Iterator[tuple[str, str]]:
    for path, item in app.openapi()["paths"].items():
        for method in item:
            yield method.upper(), path


def address(path: str) -> str:
    filled = re.sub(r"\{(level|column|row)\}", "0", path).replace("{name}", "report.html")
    return re.sub(r"\{\w+\}", "0" * 32, filled)


def is_problem(answer: Any) -> bool:
    return bool(answer.headers["content-type"] == "application/problem+json")


def test_nobody_gets_anything_without_logging_in(app: FastAPI, client: TestClient) -> None:
    token = client.get(f"{API}/session").json()["csrf_token"]
    for method, path in operations(app):
        if (method, path) in OPEN:
            continue
        answer = client.request(method, address(path), headers={"X-CSRF-Token": token}, json={})
        assert answer.status_code == 401, (method, path, answer.text)
        assert is_problem(answer)


def test_every_route_is_described(app: FastAPI) -> None:
    hidden = {
        route.path
        for route in app.routes
        if isinstance(route, APIRoute) and not route.include_in_schema and route.path.startswith("/api")
    }
    assert not hidden


def test_viewers_change_nothing_and_reviewers_administer_nothing(
    app: FastAPI, viewer: TestClient, reviewer: TestClient
) -> None:
    for method, path in operations(app):
        if (method, path) in OPEN | VIEWERS_MAY:
            continue
        if (method, path) in ADMINS:
            answer = reviewer.request(method, address(path), json={})
            assert answer.status_code in {403, 422}, (method, path, answer.text)
        if method != "GET":
            answer = viewer.request(method, address(path), json={})
            assert answer.status_code in {403, 422}, (method, path, answer.text)


def test_unsafe_requests_without_the_token_go_no_further(app: FastAPI, admin: TestClient) -> None:
    del admin.headers["X-CSRF-Token"]
    for method, path in operations(app):
        if method != "GET":
            answer = admin.request(method, address(path), json={})
            assert answer.status_code == 403, (method, path)
            assert "X-CSRF-Token" in answer.json()["detail"]


def test_a_form_of_another_site_cannot_write(admin: TestClient) -> None:
    del admin.headers["X-CSRF-Token"]
    text = {"Content-Type": "text/plain"}
    answer = admin.post(f"{API}/patients", content=b'{"name": "planted"}', headers=text)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    assert admin.options(f"{API}/patients").status_code == 405
    assert admin.get(f"{API}/patients").json()["items"] == []


def test_reading_tokens_write_nothing(app: FastAPI, admin: TestClient) -> None:
    made = admin.post(f"{API}/tokens", json={"name": "t", "scopes": ["read"]}).json()
    program = TestClient(app, headers={"Authorization": f"Bearer {made['token']}"})
    for method, path in operations(app):
        if method != "GET" and (method, path) not in OPEN:
            answer = program.request(method, address(path), json={})
            assert answer.status_code in {403, 422}, (method, path, answer.text)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_kept_as_they_are_and_do_nothing(reviewer: TestClient, name: str) -> None:
    made = reviewer.post(f"{API}/patients", json={"name": name})
    if made.status_code == 422:  # the bidirectional override is no printable character
        assert not name.isprintable()
        return
    assert made.status_code == 201, made.text
    assert made.json()["name"] == name
    found = reviewer.get(f"{API}/patients", params={"search": name}).json()["items"]
    assert [each["id"] for each in found] == [made.json()["id"]]


@pytest.mark.parametrize("search", ["%", "_", "' OR '1'='1", "\\", "a%' UNION SELECT * FROM users --"])
def test_a_search_finds_what_it_says_alone(reviewer: TestClient, search: str) -> None:
    reviewer.post(f"{API}/patients", json={"name": "P-1"})
    answer = reviewer.get(f"{API}/patients", params={"search": search})
    assert answer.status_code == 200
    assert answer.json()["items"] == []


def test_html_in_names_is_text_in_the_report(app: FastAPI, viewer: TestClient) -> None:
    service = app.state.service
    drawn = draw(service.database, service.blobs, name="<script>alert(1)</script>", cells=24, fields=2)
    page = viewer.get(f"{API}/analyses/{drawn.analysis}/exports/report.html")
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize("text", ["x\x00y", "x\ny", "x\r\nSet-Cookie: a=b", "\ud800", "\u202egnp"])
def test_names_with_control_characters_are_refused(reviewer: TestClient, text: str) -> None:
    body = b'{"name": "%s"}' % "".join(f"\\u{ord(c):04x}" for c in text).encode()
    answer = reviewer.post(f"{API}/patients", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert is_problem(answer)


def test_no_input_becomes_a_header(reviewer: TestClient, drawn: Drawn) -> None:
    planted = "a%0d%0aX-Planted:%20yes"
    for path in (
        f"patients/{planted}",
        f"patients?search={planted}",
        f"fields/{drawn.fields[0]}/thumbnail.jpg?size=64{planted}",
        f"analyses/{drawn.analysis}/exports/{planted}",
        f"session/oidc/callback?state={planted}&code={planted}",
        f"audit?cursor={planted}",
    ):
        answer = reviewer.get(f"{API}/{path}", follow_redirects=False)
        assert "x-planted" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets/..%2f..%2fversion.py",
        "/assets/....//version.py",
        f"{API}/fields/..%2f..%2fetc%2fpasswd/thumbnail.jpg",
        f"{API}/analyses/{'0' * 32}/exports/..%2f..%2freport.html",
        f"{API}/fields/{'0' * 32}/image_files/0/..%2f0_0.jpg",
    ],
)
def test_no_path_leads_out(reviewer: TestClient, path: str) -> None:
    answer = reviewer.get(path)
    assert "root:" not in answer.text
    assert "__version__" not in answer.text
    # The page answers addresses of its own; everything else is not found.
    assert answer.status_code in {404, 422, 503} or "text/html" in answer.headers["content-type"]


def test_a_body_too_large_is_refused_by_what_it_announces_and_by_what_comes(
    reviewer: TestClient, settings: Settings
) -> None:
    large = b'{"name": "' + b"x" * settings.body_bytes + b'"}'
    announced = reviewer.post(f"{API}/patients", content=large, headers={"Content-Type": "application/json"})
    assert announced.status_code == 413
    assert is_problem(announced)
    chunks = (large[start : start + 65536] for start in range(0, len(large), 65536))
    came = reviewer.post(f"{API}/patients", content=chunks, headers={"Content-Type": "application/json"})
    assert came.status_code == 413
    assert is_problem(came)


@pytest.mark.parametrize("settings_more", [{"request_bytes": 20_000}])
def test_an_upload_beyond_the_limit_is_refused_while_it_comes(reviewer: TestClient) -> None:
    patient = reviewer.post(f"{API}/patients", json={"name": "P"}).json()["id"]
    answer = reviewer.post(f"{API}/patients/{patient}/files", files={"files": ("a.png", b"x" * 50_000)})
    assert answer.status_code == 413
    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    chunks = iter([head, *([b"x" * 1000] * 50), b"\r\n--b--\r\n"])
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = reviewer.post(f"{API}/patients/{patient}/files", content=chunks, headers=form)
    assert answer.status_code == 413
    assert is_problem(answer)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"name": 1}', b'{"nome": "x"}', b"\xff\xfe", b"[" * 9999]
)
def test_bodies_that_are_none_are_refused(reviewer: TestClient, body: bytes) -> None:
    answer = reviewer.post(f"{API}/patients", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}
    assert is_problem(answer)


def test_what_is_sent_is_not_repeated_in_refusals(client: TestClient) -> None:
    token = client.get(f"{API}/session").json()["csrf_token"]
    sent = {"username": "rita", "password": "secret in the wrong place", "extra": "another secret"}
    answer = client.post(f"{API}/session", json=sent, headers={"X-CSRF-Token": token})
    assert answer.status_code == 422
    assert "secret" not in answer.text


def test_every_answer_has_the_headers_that_protect_the_browser(client: TestClient) -> None:
    for path in ("/", f"{API}/session", f"{API}/patients", "/healthz", "/assets/none.js"):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert re.fullmatch("[0-9a-f]{32}", headers["x-request-id"])
    assert client.get(f"{API}/session").headers["cache-control"] == "no-store"


def test_an_unforeseen_failure_tells_the_client_nothing(
    app: FastAPI, admin: TestClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("P-017 Anna Keller")

    monkeypatch.setattr("marrowscope.service.accounts.users.list_users", broken)
    answer = admin.get(f"{API}/users")
    assert answer.status_code == 500
    assert is_problem(answer)
    assert "default-src" in answer.headers["content-security-policy"]
    shown = capsys.readouterr()
    for text in (answer.text, shown.out, shown.err):
        assert "Keller" not in text
    assert "RuntimeError" in shown.out


def test_a_database_that_is_away_is_said_to_be(
    admin: TestClient, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OperationalError("SELECT 'Keller'", {}, Exception("Keller"))

    monkeypatch.setattr("marrowscope.service.accounts.users.list_users", away)
    in_the_route = admin.get(f"{API}/users")
    monkeypatch.setattr("marrowscope.service.rest.guard.find_session", away)
    before_the_route = admin.get(f"{API}/patients")
    for answer in (in_the_route, before_the_route):
        assert answer.status_code == 503
        assert is_problem(answer)
        assert "Keller" not in answer.text


def test_figures_name_nobody(app: FastAPI, admin: TestClient, client: TestClient) -> None:
    made = admin.post(f"{API}/patients", json={"name": "P-017 Keller"}).json()
    admin.get(f"{API}/patients", params={"search": "Keller"})
    client.get(f"/{'x' * 50}")
    figures = client.get("/metrics").text
    assert "marrowscope_requests_total" in figures
    for word in ("Keller", "anna", made["id"], "xxxx", "testclient"):
        assert word not in figures


class TestWithoutAuthentication:
    @pytest.fixture
    def settings_more(self) -> dict[str, Any]:
        return {"authentication": "off"}

    @pytest.fixture
    def local(self, app: FastAPI) -> TestClient:
        return TestClient(app, base_url="http://127.0.0.1:8000")

    def test_who_is_at_the_machine_may_do_all(self, local: TestClient) -> None:
        state = local.get(f"{API}/session").json()
        assert state["authentication"] == "off"
        assert state["user"]["role"] == "admin"
        headers = {"X-CSRF-Token": state["csrf_token"]}
        assert local.post(f"{API}/patients", json={"name": "P"}, headers=headers).status_code == 201
        assert local.get(f"{API}/users").status_code == 200

    def test_another_site_may_not_use_the_open_port(self, app: FastAPI, local: TestClient) -> None:
        assert local.post(f"{API}/patients", json={"name": "P"}).status_code == 403
        rebound = TestClient(app, base_url="http://evil.example:8000")
        assert rebound.get(f"{API}/patients").status_code == 403

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "smears.example"])
    def test_it_is_refused_where_others_could_reach_it(self, settings: Settings, host: str) -> None:
        with pytest.raises(InputError, match="loopback"):
            create_app(settings.model_copy(update={"host": host}))

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
    def test_loopback_addresses_are_known(self, host: str) -> None:
        assert is_loopback(host)


def test_a_session_of_one_is_worth_nothing_to_another(app: FastAPI, reviewer: TestClient) -> None:
    thief = logged_in(app, "vera")
    thief.headers["X-CSRF-Token"] = reviewer.headers["X-CSRF-Token"]
    assert thief.post(f"{API}/tokens", json={"name": "x", "scopes": ["read"]}).status_code == 403
    log_in(thief, "vera", PASSWORDS["vera"])
    assert thief.get(f"{API}/session").json()["user"]["username"] == "vera"


@pytest.mark.parametrize("settings_more", [{"requests_per_minute": 5}])
def test_a_user_may_not_ask_without_end(client: TestClient) -> None:
    answers = [client.get(f"{API}/patients") for _ in range(7)]
    assert answers[0].status_code == 401
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0


class TestForwardedAddresses:
    """Anybody can write X-Forwarded-For: only a configured proxy's is believed, and by default none is."""

    @pytest.fixture
    def settings_more(self, request: pytest.FixtureRequest) -> dict[str, Any]:
        return {"login_attempts_per_minute": 2, **getattr(request, "param", {})}

    def attempts(self, app: FastAPI, peer: str) -> list[int]:
        client = TestClient(app, client=(peer, 50_000))
        token = client.get(f"{API}/session").json()["csrf_token"]
        credentials = {"username": "rita", "password": "wrong"}
        return [
            client.post(
                f"{API}/session",
                json=credentials,
                headers={"X-CSRF-Token": token, "X-Forwarded-For": f"192.0.2.{number}"},
            ).status_code
            for number in range(3)
        ]

    def cookie(self, app: FastAPI, peer: str) -> str:
        client = TestClient(app, client=(peer, 50_000))
        answer = client.get(f"{API}/session", headers={"X-Forwarded-Proto": "https"})
        return str(answer.headers["set-cookie"]).partition("=")[0]

    @pytest.mark.parametrize("peer", ["127.0.0.1", "10.1.2.3"])
    def test_by_default_none_is_believed(self, app: FastAPI, peer: str) -> None:
        assert self.attempts(app, peer) == [401, 401, 429]
        assert self.cookie(app, peer) == "marrowscope"

    @pytest.mark.parametrize(
        "settings_more", [{"trusted_proxies": "192.168.7.7, 10.1.0.0/16"}], indirect=True
    )
    def test_a_configured_proxy_is_believed_and_no_other(self, app: FastAPI) -> None:
        assert self.attempts(app, "10.1.2.3") == [401, 401, 401]
        assert self.cookie(app, "192.168.7.7") == "__Host-marrowscope"
        assert self.attempts(app, "10.2.2.3") == [401, 401, 429]
        assert self.cookie(app, "10.2.2.3") == "marrowscope"

    @pytest.mark.parametrize("text", ["*", "proxy.example", "10.0.0.1/8", "10.0.0.0/33"])
    def test_what_is_no_network_is_refused_at_the_start(self, text: str) -> None:
        with pytest.raises(InputError, match="trusted_proxies"):
            read_settings(trusted_proxies=text)
