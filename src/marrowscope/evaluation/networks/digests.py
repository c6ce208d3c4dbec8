"""Which networks a figure belongs to."""

import hashlib

from marrowscope.models.bundle import Bundle


def network_digests(bundle: Bundle) -> dict[str, str]:
    """Give the sha256 of both networks, by file name."""
    names = (bundle.detector.file, bundle.classifier.file)
    return {name: hashlib.sha256((bundle.folder / name).read_bytes()).hexdigest() for name in names}
