#!/usr/bin/env bash
# tools/train.py in several processes: one for each GPU or, without any, on the CPU over gloo.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/torchrun.sh"

usage() {
    cat <<'TEXT'
usage: tools/dist_train.sh CONFIG PROCESSES [OPTION OF tools/train.py ...]

  CONFIG     path of a config
  PROCESSES  how many on this machine, as a rule as many as it has GPUs

TEXT
    environment
}

case ${1:-} in -h|--help) usage; exit ;; esac
[ $# -ge 2 ] || die "CONFIG and PROCESSES are needed, got ${*:-nothing}"
[ -f "$1" ] || die "there is no config '$1'"
launch "$2" train.py "$1" "${@:3}"
