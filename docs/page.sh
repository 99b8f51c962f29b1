# What a page does before its first command: this environment's geoseg, without progress bars, and the sample data.
# The kernel looks at the last command of a cell only; the trap tells conf.py of the others.
export PATH="$GEOSEG_BIN:$PATH" PYTHONWARNINGS=ignore COLUMNS=100
geoseg() (set -o pipefail; command geoseg "$@" 2>&1 | cat)
trap 'echo "$BASH_COMMAND" >>"$GEOSEG_PAGE_FAILURES"' ERR
cp -r "$GEOSEG_SAMPLE_DATA" sample_data
