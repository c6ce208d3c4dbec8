#!/bin/sh
# Build wheel and sdist of the package into a folder: the same bytes whenever and wherever the same sources are built.
#
# Times in the archives are those of the last commit (SOURCE_DATE_EPOCH wins over it), permissions are set, and the tools are
# locked. With wheels in build/wheelhouse nothing is fetched.
set -eu

case "${1:-}" in
-h | --help)
    echo "usage: [PYTHON=python3.11] packaging/dist.sh [FOLDER]      (default: dist)"
    exit 0
    ;;
esac

PYTHON=${PYTHON:-python3}
cd "$(dirname "$0")/.."
mkdir -p "${1:-dist}"
out=$(cd "${1:-dist}" && pwd)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 1735689600)}
export SOURCE_DATE_EPOCH
umask 022
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -d build/wheelhouse ]; then
    export PIP_NO_INDEX=1 PIP_FIND_LINKS="$PWD/build/wheelhouse"
fi
"$PYTHON" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes --no-deps -r requirements/install.txt
"$work/venv/bin/python" packaging/page.py >/dev/null
# From a copy with fixed permissions: a checkout has those of whoever made it. It has the documentation only if somebody built it
# there, so that a release is made without.
mkdir "$work/source"
tar -cf - --exclude=__pycache__ --exclude=node_modules --exclude='.*_cache' --exclude=src/marrowscope/web/manual \
    src tests packaging README.md LICENSE CHANGELOG.md pyproject.toml | tar -C "$work/source" --no-same-permissions -xf -
chmod -R u=rwX,go=rX "$work/source"
cd "$work/source"
"$work/venv/bin/python" -m hatchling build --target sdist --directory "$out" >/dev/null
"$work/venv/bin/python" -m hatchling build --target wheel --directory "$out" >/dev/null
cd "$out" && sha256sum marrowscope-*.whl marrowscope-*.tar.gz
