"""A server is alive as long as its process is, however that ended."""

import subprocess
import sys
from pathlib import Path

from marrowscope.service.jobs.presence import Presence, is_served

SERVER = """
import sys
from pathlib import Path
from marrowscope.service.jobs.presence import Presence
presence = Presence(Path(sys.argv[1]))
print(presence.owner, flush=True)
sys.stdin.read()
"""


def test_a_killed_server_is_dead_at_once(tmp_path: Path) -> None:
    assert not is_served(tmp_path)
    own = Presence(tmp_path)
    arguments = [sys.executable, "-c", SERVER, str(tmp_path)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        other = server.stdout.readline().strip()
        assert own.is_alive(own.owner)
        assert own.is_alive(other)
        own.leave()
        assert is_served(tmp_path)
        server.kill()
    assert not own.is_alive(other)
    assert not is_served(tmp_path)
    own.forget_dead(other)
    assert list(tmp_path.iterdir()) == []
