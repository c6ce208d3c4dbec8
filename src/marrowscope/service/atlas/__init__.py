"""The atlas: drawn cells, open sets that were imported, and signed cells that readers pinned."""
