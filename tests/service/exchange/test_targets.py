"""Targets of the outbox on networks as they are: names that hang, hosts of several addresses."""

import socket
import threading
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.service.exchange.receivers import MllpReceiver

from marrowscope.service.exchange.targets import Letter, NotSentError, target_of


@pytest.mark.parametrize("name", ["http://hangs.invalid/fhir", "mllp://hangs.invalid:2575"])
def test_a_name_that_is_never_resolved_is_given_up(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attempt ends; the resolver cannot be stopped, but keeps no process from ending."""
    asked, ends = threading.Event(), threading.Event()

    def hang(*_: object, **__: object) -> list[Any]:
        asked.set()
        ends.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    try:
        with pytest.raises(NotSentError, match="in time"):
            target_of(name, file_format="hl7", token=None, seconds=0.2).send(Letter("r", "1", b"M", b"{}"))
        assert asked.is_set()
        left = [each for each in threading.enumerate() if each.name == "resolving"]
        assert left
        assert all(each.daemon for each in left)
    finally:
        ends.set()
    for each in left:
        each.join()


def test_a_receiver_is_reached_at_whichever_of_its_addresses_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    receiver = MllpReceiver()
    header = b"MSH|^~\\&|A|B|C|D|20260101||ORU^R01|7|P|2.5.1\r"
    letter = Letter("P 1_report", "7", header, b"{}")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        deaf = unused.getsockname()
        found = urlsplit(receiver.target)
        places = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", address)
            for address in (deaf, (found.hostname, found.port))
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: places)
        target_of("mllp://two.invalid:2575", file_format="hl7", token=None, seconds=90).send(letter)
    receiver.stop()
    assert len(receiver.messages) == 1
