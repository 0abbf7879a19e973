#!/usr/bin/env bash
# tools/test.py in several processes: one for each GPU or, without any, on the CPU over gloo.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/torchrun.sh"

usage() {
    cat <<'TEXT'
usage: tools/dist_test.sh CONFIG CHECKPOINT PROCESSES [OPTION OF tools/test.py ...]

  CONFIG      path of a config
  CHECKPOINT  path of a checkpoint of it
  PROCESSES   how many on this machine, as a rule as many as it has GPUs

TEXT
    environment
}

case ${1:-} in -h|--help) usage; exit ;; esac
[ $# -ge 3 ] || die "CONFIG, CHECKPOINT and PROCESSES are needed, got ${*:-nothing}"
[ -f "$1" ] || die "there is no config '$1'"
launch "$3" test.py "$1" "$2" "${@:4}"
