"""Every error the package raises on purpose.

    MarrowscopeError
    ├── InputError              what was asked or given cannot be used        exit 2
    │   ├── ImageError          one image cannot be read (recorded on its row, never ends a run)
    │   ├── DatasetError        a labelled set is not what it should be
    │   ├── BundleError         a model bundle is missing, altered or too new
    │   └── MissingExtraError   an optional part is not installed
    ├── InferenceError          a network failed while running                exit 1
    ├── DamagedRecordError      what was written down cannot be read back     exit 1
    └── ServiceError            the service refuses a request (kinds: service/errors.py)

Foreign exceptions are translated where their library is imported.
"""


class MarrowscopeError(Exception):
    """Base of all errors raised on purpose; its text is one line a person can act on."""

    exit_code = 1


class InputError(MarrowscopeError):
    """What the user asked for or gave cannot be used."""

    exit_code = 2


class ImageError(InputError):
    """One image cannot be read; its row says why and the run goes on."""


class DatasetError(InputError):
    """A labelled data set is not what its layout promises."""


class BundleError(InputError):
    """A model bundle is missing, incomplete, altered, or made for another version."""


class MissingExtraError(InputError):
    """An optional part of the package is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the '{extra}' extra: pip install 'marrowscope[{extra}]'")


class InferenceError(MarrowscopeError):
    """A network could not be run on this machine or on this input."""


class DamagedRecordError(MarrowscopeError):
    """Something this program wrote down is no longer what it wrote."""
