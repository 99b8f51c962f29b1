"""geoseg on machines that Coiled starts: python with_coiled.py s3://bucket/job OUT SCENES...

Wants coiled and geoseg[dask,s3]; the scenes are s3:// names that the machines can read.
"""

import sys
from functools import partial

import coiled
from distributed import progress

from geoseg.tools.merge import merge
from geoseg.tools.plan import plan
from geoseg.tools.run import run_shard

place, out, *scenes = sys.argv[1:]
shards = plan(scenes, place).report["shards"]
with coiled.Cluster(n_workers=[1, 50], worker_cpu=4, spot_policy="spot_with_fallback") as cluster:
    client = cluster.get_client()
    futures = client.map(partial(run_shard, place), range(shards), pure=False, retries=3)
    progress(futures)
    client.gather(futures)
merge(place, out)
