#!/usr/bin/env bash
# All shards of some scenes as one SLURM array, and the merge when they are done.
#     ./slurm.sh JOB_FOLDER SCENES...      (the folder lies on a file system that all nodes see)
set -euo pipefail
job=$1
shift
last=$(geoseg plan "$@" --out "$job" --json |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["shards"] - 1)')
array=$(sbatch --parsable --array="0-$last%200" --cpus-per-task=4 --mem=4G --time=2:00:00 \
    --requeue --wrap "geoseg run '$job' --shard \$SLURM_ARRAY_TASK_ID --threads 4")
sbatch --parsable --dependency="afterok:$array" --cpus-per-task=1 --mem=8G --time=12:00:00 \
    --wrap "geoseg merge '$job' --overwrite"
