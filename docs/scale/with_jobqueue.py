"""geoseg on Dask workers that SLURM starts: python with_jobqueue.py OUT SCENES...

Wants dask-jobqueue; PBSCluster, LSFCluster and SGECluster take the same arguments. With GPUs: add
job_extra_directives=["--gres=gpu:1"] and worker_extra_args=["--resources", "GPU=1"], and give
geoseg --device cuda.
"""

import subprocess
import sys

from dask_jobqueue import SLURMCluster

out, *scenes = sys.argv[1:]
with SLURMCluster(cores=1, processes=1, job_cpu=4, memory="4GB", walltime="04:00:00") as cluster:
    cluster.adapt(minimum_jobs=1, maximum_jobs=50)
    # The store lies on the file system that the nodes see, beside the output.
    words = ["geoseg", "vectorize", *scenes, out, "--dask", cluster.scheduler_address]
    sys.exit(subprocess.run([*words, "--threads", "4"]).returncode)
