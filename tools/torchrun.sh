# What dist_train.sh and dist_test.sh share; sourced by them, no command.

TOOLS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# die MESSAGE: say what is wrong and how it is called; usage() is the script's own.
die() {
    printf '%s: %s\n\n' "${0##*/}" "$*" >&2
    usage >&2
    exit 2
}

environment() {
    cat <<'TEXT'
  in the environment, for one run on several machines:
    NNODES       how many machines (default 1)
    NODE_RANK    which of them this is, 0 to NNODES - 1 (default 0)
    MASTER_ADDR  address of machine 0 (default 127.0.0.1)
    PORT         a free port of machine 0 (default 29500; on one machine: any that is free)
  and for any run:
    PYTHON       the interpreter (default python)
TEXT
}

# launch PROCESSES TOOL ARGUMENT...: run a tool of this folder in so many processes.
launch() {
    local processes=$1 tool=$2 meet=(--standalone)
    shift 2
    [[ $processes =~ ^[1-9][0-9]*$ ]] ||
        die "PROCESSES must be a whole number, 1 or more, got '$processes'"
    if [ -n "${NNODES:-}${PORT:-}" ]; then
        meet=(--nnodes "${NNODES:-1}" --node-rank "${NODE_RANK:-0}"
            --master-addr "${MASTER_ADDR:-127.0.0.1}" --master-port "${PORT:-29500}")
    fi
    export PYTHONPATH="$TOOLS/..${PYTHONPATH:+:$PYTHONPATH}"
    exec "${PYTHON:-python}" -m torch.distributed.run "${meet[@]}" \
        --nproc-per-node "$processes" "$TOOLS/$tool" "$@" --launcher pytorch
}
