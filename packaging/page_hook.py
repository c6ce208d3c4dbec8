"""Build hook for hatch, which builds the page before the files of the wheel are collected.

If the page cannot be built (for example because npm's registry cannot be reached), an editable install
continues without it. The service then says so, and `make web` builds it later. A wheel is never built without
its page.
"""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))
from page import PageError, build_page, is_built


class PageBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling's parameters say nothing here
    """Hatch's hook: the page is there before the files of the wheel are gathered."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page for a wheel or an editable install, unless it is up to date."""
        del build_data
        web = Path(self.root) / "src" / "marrowscope" / "web"
        if is_built(web):
            return
        try:
            build_page(web)
        except PageError as error:
            if version != "editable":
                raise
            self.app.display_warning(f"The review page is not built ({error}); `make web` builds it later.")
