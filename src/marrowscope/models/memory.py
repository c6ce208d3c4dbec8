"""How a process holds memory that it has freed: networks fetch the same megabytes again at once."""

import ctypes

# Their numbers in malloc.h
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_LARGEST_MMAP_THRESHOLD = 32 << 20
_MOST_KEPT = 64 << 20


def keep_memory(most: int = _MOST_KEPT, pad: int = 0) -> bool:
    """Make glibc keep freed memory; return whether it does.

    Otherwise the kernel takes it back and clears it anew every time: where an environment variable says so,
    as Dask sets one for its workers (`MALLOC_TRIM_THRESHOLD_`), reading a patient takes half as long again.

    Parameters
    ----------
    most : bytes at the end of the heap that are kept
    pad : bytes that are fetched beyond what is asked for
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # not glibc, not Linux
        return False
    settings = (_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD), (_TRIM_THRESHOLD, most), (_TOP_PAD, pad)
    accepted = [mallopt(*setting) for setting in settings]
    return all(accepted)
