"""All errors that the package raises on purpose.

    MarrowscopeError
    ├── InputError              a request or an input cannot be used          exit 2
    │   ├── ImageError          an image cannot be read (noted on its row; the run continues)
    │   ├── DatasetError        a labelled set is not as its layout requires
    │   ├── BundleError         a model bundle is missing, altered or too new
    │   └── MissingExtraError   an optional part is not installed
    ├── InferenceError          a network failed while running                exit 1
    ├── DamagedRecordError      a stored record cannot be read                exit 1
    └── ServiceError            the service refuses a request (kinds: service/errors.py)

Exceptions of libraries are translated where the library is imported.
"""

from importlib.util import find_spec


class MarrowscopeError(Exception):
    """Base of all errors raised on purpose; the message is one line that users can act on."""

    exit_code = 1


class InputError(MarrowscopeError):
    """A request or an input of the user cannot be used."""

    exit_code = 2


class ImageError(InputError):
    """An image cannot be read; its row gives the reason, and the run continues."""


class DatasetError(InputError):
    """A labelled data set is not as its layout requires."""


class BundleError(InputError):
    """A model bundle is missing, incomplete, altered, or made for another version."""


class MissingExtraError(InputError):
    """An optional part of the package is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the '{extra}' extra: pip install 'marrowscope[{extra}]'")

    @classmethod
    def unless_found(cls, what: str, extra: str, *modules: str) -> None:
        """Raise this error unless all `modules` of an extra can be imported; none is."""
        if any(find_spec(module) is None for module in modules):
            raise cls(what, extra)


class InferenceError(MarrowscopeError):
    """A network failed on this machine or on this input."""


class DamagedRecordError(MarrowscopeError):
    """A record written by this software cannot be read or was changed."""
