"""Choice of an engine by name."""

from marrowscope.engines.pool import Pool, WorkerPool, WorkLimits
from marrowscope.errors import InputError, MissingExtraError

LOCAL = "local"
_DASK = "dask://"
FIELD_SECONDS = 3600.0  # the largest field takes minutes, beside other work and at the lowest priority


def open_pool(engine: str, workers: int, niceness: int = 0, seconds: float = FIELD_SECONDS) -> Pool:
    """Open the pool of workers of an engine.

    Parameters
    ----------
    engine : ``local``, or ``dask://HOST:PORT`` of a cluster's scheduler
    workers : number of processes on this machine; a cluster has its own workers
    niceness : added to the niceness of processes on this machine
    seconds : after which a piece of work on this machine is given up

    Raises
    ------
    InputError
        There is no such engine, or no scheduler responds.
    MissingExtraError
        A cluster was requested, and the extra `dask` is not installed.
    """
    if engine == LOCAL:
        return WorkerPool(workers, niceness, WorkLimits(seconds))
    if not engine.startswith(_DASK):
        raise InputError(f"no engine {engine}: choose local or {_DASK}HOST:PORT")
    MissingExtraError.unless_found("a Dask cluster", "dask", "distributed")
    from marrowscope.engines.dask import DaskPool  # noqa: PLC0415 (an extra; takes a second to import)

    return DaskPool(engine)
