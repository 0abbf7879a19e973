#!/usr/bin/env bash
# Runs the test suite in other environments than .venv, one after another.
#
#   bash tools/test_matrix.sh [full] [revived] [ARGUMENTS OF PYTEST]
#
# full     OpenMMLab's last releases with real mmcv and its compiled ops, from a
#          wheel in PIP_FIND_LINKS if there is one, else compiled (20 minutes)
# revived  OneDL's continuation of them, on numpy 2: requirements-revived.txt
#
# Both, unless some are named. Each lives in build/matrix/NAME, is kept, and is
# refreshed when its requirements have changed; what pytest printed is in
# build/matrix/NAME.log. Exit status 1 if a test failed in one of them.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

FOLDER=build/matrix
SHOWN='torch|numpy|(onedl-)?mmengine|mmcv(-lite)?|mmdet|onedl-mmdetection|mmpose'
SHOWN+='|xtcocotools|opencv-python(-headless)?|setuptools'

export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE}

set_up() {
    local mmcv=lite stack=pinned
    case $1 in full) mmcv=full ;; revived) stack=revived ;; esac
    MMPOSE_EXT_VENV=$FOLDER/$1 MMCV=$mmcv STACK=$stack bash tools/setup_env.sh
}

versions() {
    "$FOLDER/$1/bin/python" -m pip list --format=freeze --disable-pip-version-check |
        grep -xiE "($SHOWN)==.*" | tr '\n' ' '
}

# "12 passed, 1 skipped in 3.45s", or why there is no such line.
outcome() {
    local line
    line=$(grep -E ' in [0-9.]+s( \(.*\))?( =+)?$' "$FOLDER/$1.log" | tail -n 1 | tr -d '=')
    echo ${line:-pytest came to no end, see $FOLDER/$1.log}
}

names=()
while [ $# -gt 0 ]; do
    case $1 in full|revived) names+=("$1"); shift ;; *) break ;; esac
done
if [ ${#names[@]} = 0 ]; then names=(full revived); fi

summary=()
status=0
mkdir -p $FOLDER
for name in "${names[@]}"; do
    echo "== $name =="
    if ! set_up "$name"; then
        summary+=("FAILED  $name: no environment, its set-up failed")
        status=1
        continue
    fi
    if "$FOLDER/$name/bin/python" -m pytest -n 2 --dist worksteal "$@" 2>&1 |
        tee "$FOLDER/$name.log"
    then word=passed; else word=FAILED; status=1; fi
    summary+=("$word  $name: $(outcome "$name")" "        $(versions "$name")")
done
printf '\n'
printf '%s\n' "${summary[@]}"
exit $status
