#!/usr/bin/env bash
# Creates .venv, or refreshes it when the requirements have changed.
#
#   PYTHON=python3.11 MMCV=lite|full STACK=pinned|revived bash tools/setup_env.sh
#
# PYTHON  the interpreter to build .venv with (default: the first of python3,
#         python3.11, python3.10 that is 3.10 or 3.11); a .venv of another
#         version is built anew
# MMCV    lite: mmcv-lite plus the fallback ops of mmpose_ext.compat
#         full: real mmcv with compiled ops, from a wheel in PIP_FIND_LINKS if
#               there is one, else compiled (some 20 minutes; needs g++)
#         default: what .venv has, lite in a new one
# STACK   pinned: OpenMMLab's last releases, on numpy 1 (requirements.txt)
#         revived: OneDL's continuation of them, on numpy 2
#                  (requirements-revived.txt); with mmcv-lite only
#         default: what .venv has, pinned in a new one; one of the other stack
#         is built anew
# MMPOSE_EXT_VENV  another folder than .venv (make's other targets use .venv)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

VENV=${MMPOSE_EXT_VENV:-.venv}
STAMP=$VENV/mmpose_ext-setup
MMPOSE=mmpose==1.3.2   # --no-deps: its requirements name chumpy
FULL_MMCV=mmcv==2.1.0
# --no-deps: mmcv-lite asks for mmengine, mmcv-lite and imaug for opencv-python.
REVIVED=(mmcv-lite==2.2.0 onedl-mmdetection==3.5.1 imaug==0.4.3)
export PIP_DISABLE_PIP_VERSION_CHECK=1

die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# "3.11", or nothing if there is no such interpreter.
version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true; }

supported() { case $(version_of "$1") in 3.10|3.11) ;; *) return 1 ;; esac; }

find_python() {
    local candidate
    for candidate in python3 python3.11 python3.10; do
        if supported "$candidate"; then echo "$candidate"; return; fi
    done
    die "no Python 3.10 or 3.11 found (xtcocotools has no wheel for others)." \
        "Install one and name it: make setup PYTHON=/path/to/python3.11"
}

check_named_python() {
    local version
    version=$(version_of "$PYTHON")
    [ -n "$version" ] || die "PYTHON=$PYTHON does not run: give the path of Python 3.10 or 3.11"
    supported "$PYTHON" || die "PYTHON=$PYTHON is Python $version; 3.10 and 3.11 are" \
        "supported (xtcocotools has no wheel for others)"
}

# Only what is a virtual environment, or nothing yet: the folder may be anyone's.
remove_venv() {
    [ ! -e "$VENV" ] || [ -f "$VENV/pyvenv.cfg" ] || rmdir "$VENV" 2>/dev/null ||
        die "$VENV is no virtual environment: remove it, or give another MMPOSE_EXT_VENV"
    rm -rf "$VENV"
}

pip_install() { "$VENV/bin/python" -m pip install --quiet --quiet "$@"; }

import_cv2() { "$VENV/bin/python" -c 'import cv2' 2>&1; }

# The desktop build of OpenCV wants libGL and glib; a slim machine has neither.
ensure_cv2() {
    local error version
    error=$(import_cv2) && return
    version=$("$VENV/bin/python" -c \
        'from importlib.metadata import version; print(version("opencv-python"))')
    echo "setup: opencv-python does not load here (${error##*$'\n'});" \
        "taking opencv-python-headless==$version instead"
    # The two share one folder: never leave both.
    "$VENV/bin/python" -m pip uninstall --quiet --quiet --yes \
        opencv-python opencv-python-headless
    pip_install --no-deps "opencv-python-headless==$version"
    error=$(import_cv2) || die "OpenCV does not load: $error"
}

installed_mmcv() { sed -n 's/^mmcv: //p' "$STAMP" 2>/dev/null || true; }

# Read off the packages, not off the stamp: an interrupted set-up leaves no stamp.
installed_stack() {
    if compgen -G "$VENV/lib/python*/site-packages/onedl_mmengine-*" >/dev/null
    then echo revived; else echo pinned; fi
}

fingerprint() {
    printf 'mmcv: %s\n' "$MMCV"
    cat "$REQUIREMENTS" requirements-dev.txt setup.py tools/setup_env.sh
}

install_full_mmcv() {
    "$VENV/bin/python" -m pip uninstall --quiet --yes mmcv-lite
    pip_install --force-reinstall --no-deps --only-binary=mmcv $FULL_MMCV 2>/dev/null || {
        echo "setup: no wheel of $FULL_MMCV in PIP_FIND_LINKS; compiling it (about 20 minutes)"
        pip_install wheel ninja psutil
        # Isolation would hide torch from the build, and the ops would be skipped.
        MMCV_WITH_OPS=1 pip_install --force-reinstall --no-deps \
            --no-build-isolation --no-binary=mmcv $FULL_MMCV
    }
}

install_pinned() {
    # mmcv and mmcv-lite share one folder: never leave both.
    if [ "$MMCV" = full ]; then
        grep -v '^mmcv-lite' $REQUIREMENTS >"$VENV/requirements-full.txt"
        pip_install -r "$VENV/requirements-full.txt" -r requirements-dev.txt
        install_full_mmcv
    else
        if "$VENV/bin/python" -m pip show --quiet mmcv 2>/dev/null; then
            "$VENV/bin/python" -m pip uninstall --quiet --yes mmcv mmcv-lite
        fi
        pip_install -r $REQUIREMENTS -r requirements-dev.txt
    fi
}

install_revived() {
    pip_install -r $REQUIREMENTS -r requirements-dev.txt
    pip_install --no-deps "${REVIVED[@]}"
    # Its wheel is compiled for numpy 1; so may be what pip compiled and cached before.
    pip_install --no-deps --no-build-isolation --no-cache-dir \
        --no-binary=xtcocotools xtcocotools==1.14.3
}

MMCV=${MMCV:-$(installed_mmcv)}
MMCV=${MMCV:-lite}
case $MMCV in lite|full) ;; *) die "MMCV must be lite or full, got '$MMCV'" ;; esac

STACK=${STACK:-$(installed_stack)}
case $STACK in
    pinned) REQUIREMENTS=requirements.txt ;;
    revived) REQUIREMENTS=requirements-revived.txt
        [ "$MMCV" = lite ] || die "STACK=revived has mmcv-lite only: take MMCV=lite with it" ;;
    *) die "STACK must be pinned or revived, got '$STACK'" ;;
esac

if [ -n "${PYTHON:-}" ]; then
    check_named_python
    if [ "$(version_of "$VENV/bin/python")" != "$(version_of "$PYTHON")" ]; then
        remove_venv
    fi
fi
if [ "$(installed_stack)" != "$STACK" ]; then remove_venv; fi

if [ -f "$STAMP" ] && fingerprint | cmp -s - "$STAMP"; then exit 0; fi

if [ ! -x "$VENV/bin/python" ] || ! supported "$VENV/bin/python"; then
    python=${PYTHON:-$(find_python)}
    echo "setup: creating $VENV with $("$python" --version)"
    remove_venv
    "$python" -m venv "$VENV" ||
        die "'$python -m venv' failed; on Debian or Ubuntu: apt install python3-venv"
fi
rm -f "$STAMP"

echo 'setup: installing torch (a minute; several with a cold package cache)'
pip_install "$(grep -o '^torch==[^ ]*' $REQUIREMENTS)"

echo "setup: installing the OpenMMLab stack ($STACK) with MMCV=$MMCV"
"install_$STACK"
pip_install --no-deps $MMPOSE
pip_install --no-deps --no-build-isolation --editable .
ensure_cv2

fingerprint >"$STAMP.new"
mv "$STAMP.new" "$STAMP"
echo "setup: $VENV is ready"
