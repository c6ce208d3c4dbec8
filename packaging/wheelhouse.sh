#!/bin/sh
# Fetch every wheel the image needs into build/wheelhouse, so that the image is built without a network.
# Run it with a Python of the image's version; pip's own configuration says where wheels come from.
set -eu

PYTHON=${PYTHON:-python3}
cd "$(dirname "$0")/.."

case "${1:-}" in
-h | --help)
    echo "usage: [PYTHON=python3.11] packaging/wheelhouse.sh"
    echo "Fills build/wheelhouse with what the Dockerfile installs; 'docker build' then needs no network."
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
