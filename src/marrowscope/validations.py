"""A laboratory's own validations of bundles: a file for each bundle, named by its digest.

They lie beside the installation, not in a bundle, which is the same everywhere. A validation holds for the
networks it measured and no others: with another bundle it is not found.
"""

import json
import os
from pathlib import Path

from marrowscope.codec import from_json, to_json
from marrowscope.domain.rates import Validation
from marrowscope.errors import DamagedRecordError
from marrowscope.exports.atomic import write_atomic

FOLDER = "MARROWSCOPE_VALIDATIONS"
"""Environment variable that names the folder."""


def validations_folder() -> Path:
    """Return the folder of validations: `FOLDER`, or the user's folder for data of programs."""
    named = os.environ.get(FOLDER)
    if named:
        return Path(named)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "marrowscope" / "validations"


def read_validation(bundle_sha256: str, folder: Path | None = None) -> Validation | None:
    """Return the validation of these networks, None if there is none.

    Raises
    ------
    DamagedRecordError
        The file is not a validation of these networks.
    """
    path = _path(bundle_sha256, folder)
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DamagedRecordError(f"the validation {path} cannot be read: {error}") from error
    validation = from_json(document, Validation)
    if validation.bundle_sha256 != bundle_sha256:
        raise DamagedRecordError(f"the validation {path} is of other networks: remove it and validate again")
    return validation


def write_validation(validation: Validation, folder: Path | None = None) -> Path:
    """Store a validation in place of an earlier one of the same networks, and return its path.

    Raises
    ------
    OSError
        The folder cannot be written to.
    """
    path = _path(validation.bundle_sha256, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, (json.dumps(to_json(validation), indent=1) + "\n").encode())
    return path


def _path(bundle_sha256: str, folder: Path | None) -> Path:
    return (folder or validations_folder()) / f"{bundle_sha256}.json"
