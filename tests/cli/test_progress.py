"""Where there is no terminal, progress is a line from time to time, and one at the end."""

import pytest

from marrowscope.batches.run import BatchProgress
from marrowscope.cli.progress import BatchDisplay, ProgressDisplay
from marrowscope.progress import Progress


@pytest.mark.parametrize("quiet", [False, True])
def test_the_end_is_a_line_unless_nothing_is_to_be_said(
    capsys: pytest.CaptureFixture[str], quiet: bool
) -> None:
    with BatchDisplay(quiet=quiet) as batch:
        batch(BatchProgress(done=1, earlier=0, running=1, failed=0, total=2))
        batch(BatchProgress(done=2, earlier=0, running=0, failed=1, total=2))
    with ProgressDisplay(quiet=quiet) as fields:
        fields(Progress("listing"))
        fields(Progress("reading"))
        fields(Progress("reading", done=3, total=3, cells=40, blasts=2))
    lines = capsys.readouterr().err.splitlines()
    if quiet:
        assert lines == []
        return
    first, second = lines
    assert first == "2 of 2 patients, 0 running, 1 failed"
    assert second.startswith("3 of 3 fields, 40 cells, 2 blasts, ")
