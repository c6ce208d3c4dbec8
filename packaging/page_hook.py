"""Build hook for hatch, which builds page and documentation before the files of the wheel are collected.

If the page cannot be built (for example because npm's registry cannot be reached), an editable install
continues without it. The service then says so, and `make web` builds it later. A wheel is never built without
its page. Its documentation is built where the tools for it are installed (group `docs`); elsewhere the wheel
holds what `make docs` built before, if anything.
"""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "documentation"))
from manual import build_manual, can_be_built
from page import PageError, build_page, is_built


class PageBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling's parameters say nothing here
    """Hatch's hook: page and documentation are there before the files of the wheel are gathered."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page, unless it is up to date, and for a wheel the documentation."""
        del build_data
        if version != "editable" and can_be_built():
            build_manual()
        web = Path(self.root) / "src" / "marrowscope" / "web"
        if is_built(web):
            return
        try:
            build_page(web)
        except PageError as error:
            if version != "editable":
                raise
            self.app.display_warning(f"The review page is not built ({error}); `make web` builds it later.")
