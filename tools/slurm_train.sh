#!/usr/bin/env bash
# tools/train.py as a job of Slurm, a process for each GPU.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [OPTION OF tools/train.py ...]

  PARTITION  of the cluster
  JOB_NAME   as it shows in the queue
  CONFIG     path of a config
  WORK_DIR   folder of checkpoints and logs, which all machines see

  in the environment:
    GPUS           how many processes in all (default 8)
    GPUS_PER_NODE  how many of them on each machine (default 8)
    GRES           what each machine gives them (default gpu:GPUS_PER_NODE; empty: no GPUs, then
                   the processes run on CPUs over gloo)
    CPUS_PER_TASK  processors of each process (default 5)
    SRUN_ARGS      further options of srun, split at spaces
    PYTHON         the interpreter (default python)
TEXT
}

die() {
    printf '%s: %s\n\n' "${0##*/}" "$*" >&2
    usage >&2
    exit 2
}

case ${1:-} in -h|--help) usage; exit ;; esac
[ $# -ge 4 ] || die "PARTITION, JOB_NAME, CONFIG and WORK_DIR are needed, got ${*:-nothing}"
partition=$1 job=$2 config=$3 work_dir=$4
shift 4
[ -f "$config" ] || die "there is no config '$config'"
for name in GPUS GPUS_PER_NODE CPUS_PER_TASK; do
    [[ ${!name:-1} =~ ^[1-9][0-9]*$ ]] ||
        die "$name must be a whole number, 1 or more, got '${!name}'"
done
command -v srun >/dev/null || die 'there is no srun here: is this a machine of the cluster?'

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
gpus_per_node=${GPUS_PER_NODE:-8}
gres=${GRES-gpu:$gpus_per_node}
read -ra srun_args <<<"${SRUN_ARGS:-}"
export PYTHONPATH="$tools/..${PYTHONPATH:+:$PYTHONPATH}"
exec srun \
    --partition "$partition" \
    --job-name "$job" \
    ${gres:+--gres "$gres"} \
    --ntasks "${GPUS:-8}" \
    --ntasks-per-node "$gpus_per_node" \
    --cpus-per-task "${CPUS_PER_TASK:-5}" \
    --kill-on-bad-exit=1 \
    ${srun_args[@]+"${srun_args[@]}"} \
    "${PYTHON:-python}" -u "$tools/train.py" "$config" --work-dir "$work_dir" "$@" \
    --launcher slurm
