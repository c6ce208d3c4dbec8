"""``marrowscope doctor``: whether everything works here."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.console import fail, one_line_errors, print_json
from marrowscope.cli.installation import Data, DatabaseUrl
from marrowscope.cli.options import AsJson
from marrowscope.domain.quantity import quantity

EXAMPLE = "Example:  marrowscope doctor --data /srv/marrowscope"
_WORDS = {"ok": "ok   ", "note": "note ", "wrong": "WRONG"}


@one_line_errors
def doctor(
    report: Annotated[
        Path | None, typer.Option("--report", help="Also write the findings to this file, as JSON.")
    ] = None,
    as_json: AsJson = False,
    data: Data = None,
    database: DatabaseUrl = None,
) -> None:
    """Check the package, its networks, this machine and an installation. The exit code is 1 if one is wrong.

    A drawn field is read as a test. The findings name no patient, user, host or folder, so that they can be
    attached to a bug report. Nothing is changed.
    """
    from itertools import chain

    from marrowscope.cli.doctor import package, service

    found = []
    for finding in chain(package.findings(), service.findings(data, database)):
        found.append(finding)
        if not as_json:
            typer.echo(f"{_WORDS[finding.state]}  {finding.check}: {finding.says}")
    states = Counter(finding.state for finding in found)
    document = {"healthy": not states["wrong"], "findings": [asdict(finding) for finding in found]}
    if as_json:
        print_json(document)
    if report is not None:
        import json

        report.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    if states["wrong"]:
        fail(f"{quantity(states['wrong'], 'check')} of {len(found)} failed", 1)
