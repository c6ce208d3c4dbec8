"""What MkDocs asks while it builds the documentation.

- Pages of the repository's root (architecture, security, ...) are pages of the site, too.
- Links are those of the repository. A file that is no page of the site is named, not linked.
- Inline scripts of the theme become files, so that the service shows the site under the policy of all its
  pages (`default-src 'self'`). Other inline code, and whatever would be fetched from another host, is a
  warning: the build fails.
"""

import hashlib
import logging
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
CARD = "src/marrowscope/models/builtin/marrowscope-1/MODEL_CARD.md"
FROM_ELSEWHERE = {
    "ARCHITECTURE.md": "project/architecture.md",
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security.md",
    "runs/LOG.md": "project/run-log.md",
    CARD: "project/model-card.md",
}
"""File of the repository → page of the site."""

_SITE_PATHS = {site: repository for repository, site in FROM_ELSEWHERE.items()}
_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_FOREIGN = re.compile(
    r"""<(?:script|img|iframe|link|source)\b[^>]*\b(?:src|href)=["']?(?:https?:)?//[^>]*>"""
)
_INLINE = re.compile(r"""<[^>]+\s(?:style|on[a-z]+)=["'][^>]*>|<style\b[^>]*>""")
# For hosts of their own; for developers of the theme; for searches in other languages.
_UNWANTED = ("404.html", "sitemap.xml*", "assets/**/*.map", "assets/javascripts/lunr/**/*.js")
_log = logging.getLogger("mkdocs.hooks.marrowscope")
_scripts: dict[str, str] = {}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie outside `docs/`."""
    _scripts.clear()
    for repository, site in FROM_ELSEWHERE.items():
        files.append(File.generated(config, site, content=(ROOT / repository).read_text("utf-8")))
    return files


def on_page_markdown(text: str, page: Page, files: Files, **_: Any) -> str:
    """Turn links of the repository into links of the site."""
    site = page.file.src_uri
    here = posixpath.dirname(_SITE_PATHS.get(site, f"docs/{site}"))

    def turned(found: re.Match[str]) -> str:
        words, target = found[1], found[2]
        address, mark, anchor = target.partition("#")
        if not address or "://" in address or address.startswith("mailto:"):
            return found[0]
        place = posixpath.normpath(posixpath.join(here, address))
        on_site = FROM_ELSEWHERE.get(place, place.removeprefix("docs/") if place.startswith("docs/") else "")
        if on_site and files.get_file_from_path(on_site) is not None:
            return f"[{words}]({posixpath.relpath(on_site, posixpath.dirname(site) or '.')}{mark}{anchor})"
        if not (ROOT / place).exists():
            _log.warning("%s: there is no %s", site, place)
        return words if words.strip("`") == place else f"{words} (`{place}` in the source)"

    return "".join(
        part if part.startswith("```") else _LINK.sub(turned, part)
        for part in re.split(r"(^```.*?^```$)", text, flags=re.DOTALL | re.MULTILINE)
    )


def on_post_page(output: str, page: Page, **_: Any) -> str:
    """Move inline scripts into files; tell of anything else that a strict policy would stop."""
    base = posixpath.relpath(".", posixpath.dirname(page.file.dest_uri) or ".")

    def moved(found: re.Match[str]) -> str:
        name = f"assets/inline/{hashlib.sha256(found[1].encode()).hexdigest()[:16]}.js"
        _scripts[name] = found[1]
        return f'<script src="{posixpath.join(base, name)}"></script>'

    output = _INLINE_SCRIPT.sub(moved, output)
    for what, pattern in (("comes from another host", _FOREIGN), ("is inline", _INLINE)):
        for found in pattern.findall(output):
            _log.warning("%s: this %s: %s", page.file.src_uri, what, found[:200])
    return output


def on_post_build(config: MkDocsConfig) -> None:
    """Write the scripts that were inline, and remove what nobody asks for here."""
    site = Path(config.site_dir)
    for name, script in sorted(_scripts.items()):
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script, "utf-8")
    for pattern in _UNWANTED:
        for path in site.glob(pattern):
            path.unlink()
