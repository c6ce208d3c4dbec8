"""A batch on a Dask cluster that SLURM grows and shrinks.

    python packaging/cluster/dask_on_slurm.py MANIFEST OUT

Needs `pip install 'marrowscope[dask]' dask-jobqueue`. Every job runs four workers of one thread. Keep
`dask.yaml` beside this file, in a folder that all machines see.
"""

import subprocess
import sys
from pathlib import Path

from dask_jobqueue import SLURMCluster

manifest, out = sys.argv[1:]
with SLURMCluster(
    cores=4,
    processes=4,
    memory="8GB",
    walltime="04:00:00",
    job_script_prologue=[f"export DASK_CONFIG={Path(__file__).resolve().with_name('dask.yaml')}"],
) as cluster:
    cluster.adapt(minimum_jobs=1, maximum_jobs=16)
    engine = cluster.scheduler_address.replace("tcp://", "dask://")
    command = ["marrowscope", "batch", manifest, "-o", out, "--engine", engine, "--threads", "1", "--resume"]
    sys.exit(subprocess.run(command, check=False).returncode)
