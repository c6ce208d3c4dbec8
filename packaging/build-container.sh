#!/bin/sh
# Build the image with any engine that works on this machine.
set -eu

case "${1:-}" in
-h | --help)
    echo "usage: [BASE=IMAGE] packaging/build-container.sh [NAME]"
    echo "Builds the image NAME (marrowscope) with docker, podman or buildah, whichever works on this machine."
    exit 0
    ;;
esac

cd "$(dirname "$0")/.."
name=${1:-marrowscope}
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' src/marrowscope/version.py)

if docker info >/dev/null 2>&1; then
    engine="docker build"
elif command -v podman >/dev/null 2>&1; then
    engine="podman build"
elif command -v buildah >/dev/null 2>&1; then
    engine="buildah build"
else
    echo "No container engine works on this machine: install docker, podman or buildah" >&2
    echo "(or, as root on Debian, see packaging/verify-container.sh --help)." >&2
    exit 2
fi
echo "Building $name $version with ${engine% build} ..."
exec $engine --build-arg "VERSION=$version" ${BASE:+--build-arg "BASE=$BASE"} -t "$name:$version" -t "$name:latest" .
