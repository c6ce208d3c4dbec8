"""Other systems of a hospital, small: a receiver of HL7 v2 by MLLP, and a FHIR server."""

import json
import socketserver
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from hl7apy.parser import parse_message


class _Ear(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        receiver = self.server.receiver  # type: ignore[attr-defined]  # set below
        content = b""
        while not content.endswith(b"\x1c\r"):
            part = self.request.recv(4096)
            if not part:
                return
            content += part
        text = content.strip(b"\x0b\x1c\r").decode()
        receiver.messages.append(text)
        if receiver.code == "hang up":
            return
        if receiver.code == "never ends":
            with suppress(OSError):  # the sender has gone
                while not receiver.gone.wait(0.05):
                    self.request.sendall(b"MSA")
            return
        control_id = parse_message(text).msh.msh_10.to_er7()
        said = f"MSA|{receiver.code}|{control_id}|{receiver.words}\r"
        ack = f"MSH|^~\\&|LIS||||20260101||ACK^R01|1|P|2.5.1\r{said}"
        self.request.sendall(b"\x0b" + ack.encode() + b"\x1c\r")


class MllpReceiver:
    """Keeps every message; `code` is what it acknowledges with, ``hang up`` or ``never ends``."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.code = "AA"
        self.words = "unknown patient"
        self.gone = threading.Event()
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Ear)
        self._server.daemon_threads = True
        self._server.receiver = self  # type: ignore[attr-defined]  # of the handler above
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def target(self) -> str:
        return f"mllp://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        self.gone.set()
        self._server.shutdown()
        self._server.server_close()


class FhirServer:
    """Takes transactions as a FHIR server does: what `ifNoneExist` finds is not created again."""

    def __init__(self) -> None:
        self.status = 200
        self.never_ends = False
        self.drips = False
        self.leads_to: str | None = None
        self.resources: dict[str, Any] = {}
        self.tokens: list[str | None] = []
        self.gone = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                owner.tokens.append(self.headers.get("Authorization"))
                if owner.status == 200:
                    owner.take(body)
                if owner.drips:
                    self.drip()
                    return
                self.send_response(owner.status)
                if owner.leads_to is not None:
                    self.send_header("Location", owner.leads_to)
                if not owner.never_ends:
                    self.send_header("Content-Length", "0")
                self.end_headers()
                with suppress(OSError):  # the sender has gone
                    while owner.never_ends:
                        self.wfile.write(b" " * 65536)

            def drip(self) -> None:
                """Begin headers that never end, a character at a time."""
                self.wfile.write(b"HTTP/1.0 200 OK\r\nX-Drip: ")
                with suppress(OSError):  # the sender has gone
                    while not owner.gone.wait(0.05):
                        self.wfile.write(b"x")

            def log_message(self, *_: Any) -> None:
                return

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def take(self, bundle: dict[str, Any]) -> None:
        for entry in bundle["entry"]:
            key = f"{entry['request']['url']}?{entry['request']['ifNoneExist']}"
            self.resources.setdefault(key, entry["resource"])

    @property
    def target(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/fhir"

    def stop(self) -> None:
        self.gone.set()
        self._server.shutdown()
        self._server.server_close()
