"""A batch on a Dask cluster that SLURM grows and shrinks.

    python packaging/cluster/dask_on_slurm.py MANIFEST OUT

Needs `pip install 'marrowscope[dask]' dask-jobqueue`. Every job runs four workers of one thread.
"""

import subprocess
import sys

from dask_jobqueue import SLURMCluster

manifest, out = sys.argv[1:]
with SLURMCluster(
    cores=4,
    processes=4,
    memory="8GB",
    walltime="04:00:00",
    # A worker may then have a process of its own that looks at images, so that a bad one costs one image.
    job_script_prologue=["export DASK_DISTRIBUTED__WORKER__DAEMON=False"],
) as cluster:
    cluster.adapt(minimum_jobs=1, maximum_jobs=16)
    engine = cluster.scheduler_address.replace("tcp://", "dask://")
    command = ["marrowscope", "batch", manifest, "-o", out, "--engine", engine, "--threads", "1", "--resume"]
    sys.exit(subprocess.run(command, check=False).returncode)
