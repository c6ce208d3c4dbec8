"""A small OpenID Connect issuer on a local port: as much of one as a log-in needs."""

import base64
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "marrowscope-tests", "the client's secret"


class Issuer:
    """An issuer that says what `claims` says; `key` is what it signs with, `published` what it shows.

    Whoever comes was identified two hours ago, and again when they must be and it `asks_anew`.
    """

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self.published = self.key
        self.claims: dict[str, Any] = {}
        self.challenges: dict[str, tuple[str, str]] = {}
        self.asks_anew = True
        self._known_since = int(time.time()) - 7200
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
                pass

            def do_GET(self) -> None:
                issuer.get(self)

            def do_POST(self) -> None:
                issuer.token(self)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def authorize(self, address: str) -> tuple[str, str]:
        """What happens in the browser: somebody logs in; gives state and code."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        if asked.get("prompt") == "login" and asked["max_age"] == "0" and self.asks_anew:
            self._known_since = int(time.time())
        code = f"code{len(self.challenges)}"
        self.challenges[code] = (asked["code_challenge"], asked["nonce"])
        return asked["state"], code

    def get(self, request: BaseHTTPRequestHandler) -> None:
        if request.path == "/.well-known/openid-configuration":
            found = {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
            }
            _answer(request, 200, found)
        else:
            _answer(request, 200, {"keys": [self.published.as_dict(private=False)]})

    def token(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["content-length"])).decode()
        sent = {name: values[0] for name, values in parse_qs(body).items()}
        challenge, nonce = self.challenges.pop(sent.get("code", ""), ("", ""))
        digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != challenge:
            _answer(request, 400, {"error": "invalid_grant"})
            return
        at = int(time.time())
        known = {"auth_time": self._known_since, "nonce": nonce}
        claims = {"iss": self.url, "aud": CLIENT, "iat": at, "exp": at + 300, **known, **self.claims}
        id_token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        _answer(request, 200, {"access_token": "x", "token_type": "Bearer", "id_token": id_token})


def _answer(request: BaseHTTPRequestHandler, status: int, document: dict[str, Any]) -> None:
    body = json.dumps(document).encode()
    request.send_response(status)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
