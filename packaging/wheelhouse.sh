#!/bin/sh
# Download all wheels for the image to build/wheelhouse, so that the image can be built without a network.
# Run it with the same Python version as the image; pip's configuration determines where wheels come from.
set -eu

PYTHON=${PYTHON:-python3}
cd "$(dirname "$0")/.."

case "${1:-}" in
-h | --help)
    echo "usage: [PYTHON=python3.11] packaging/wheelhouse.sh"
    echo "Downloads everything that the Dockerfile installs to build/wheelhouse; 'docker build' then needs no network."
    exit 0
    ;;
esac

rm -rf build/wheelhouse
mkdir -p build/wheelhouse
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$PYTHON" -m venv "$work/venv"
# What builds the package, then what it needs, as locked. The package itself is built inside the image; its review page,
# which npm's registry is needed for, is built here.
"$work/venv/bin/python" -m pip install -qq --require-hashes --no-deps -r requirements/install.txt
"$work/venv/bin/python" packaging/page.py
"$work/venv/bin/python" -m pip wheel -qq --wheel-dir build/wheelhouse --require-hashes --no-deps \
    -r requirements/install.txt -r requirements/package.txt -r requirements/service.txt
echo "$(ls build/wheelhouse | wc -l) wheels in build/wheelhouse: $(du -sh build/wheelhouse | cut -f1)"
