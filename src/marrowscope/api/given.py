"""What several functions are given: networks, and a folder for the results."""

from pathlib import Path

from marrowscope.errors import InputError
from marrowscope.exports.atomic import DISK_FAULTS
from marrowscope.journal import Journal
from marrowscope.models.bundle import Bundle, load_bundle


def networks_of(bundle: Bundle | str | Path | None) -> Bundle:
    """Return the networks of a name or folder, by default the built-in ones.

    Raises
    ------
    BundleError
        There are none, or they cannot be used.
    """
    return bundle if isinstance(bundle, Bundle) else load_bundle(bundle)


def journal_in(out: Path, facts: dict[str, str], *, resume: bool, overwrite: bool) -> Journal:
    """Open the journal of a run in a folder; see `Journal`.

    Raises
    ------
    InputError
        The folder cannot be written to, or as for `Journal`.
    OSError
        The disk is full or fails.
    """
    try:
        return Journal(out, facts, resume=resume, overwrite=overwrite)
    except OSError as error:
        if error.errno in DISK_FAULTS:  # no other folder of this disk would do
            raise
        raise InputError(f"cannot write to {out}: {error.strerror or error}") from error
