#!/usr/bin/env bash
# Prove that the archive of `make bundle` installs and works without a network: an own network namespace with loopback alone.
set -euo pipefail

case "${1:-}" in
-h | --help)
    echo "usage: packaging/verify-bundle.sh [ARCHIVE] [PYTHON]     (as root; the newest of dist/ by default)"
    exit 0
    ;;
esac
cd "$(dirname "${BASH_SOURCE[0]}")/.."
archive=${1:-$(ls -t dist/marrowscope-*-cp3*.tar.gz | head -n 1)}
python=$(command -v "${2:-python3}")
[ "$(id -u)" = 0 ] || { echo "This needs root: a network namespace." >&2; exit 2; }
proved() { printf '  ok    %s\n' "$*"; }
refuted() { printf '  FAIL  %s\n' "$*" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Nothing of this machine's own settings: no route, no index, no cache, no packages of others.
alone() { unshare --net sh -ec 'ip link set lo up; exec "$@"' sh env -i PATH=/usr/local/bin:/usr/bin:/bin HOME="$work/home" LANG=C.UTF-8 "$@"; }
mkdir "$work/home"
alone ip route get 192.0.2.1 >/dev/null 2>&1 && refuted "there is a route"
proved "there is no route"
tar -C "$work" -xzf "$archive"
bundle=$(echo "$work"/marrowscope-*)
alone sh "$bundle/install.sh" --prefix "$work/installed" --python "$python" >"$work/install.log" 2>&1 \
    || { tail -n 15 "$work/install.log" >&2; refuted "the installation"; }
proved "$(basename "$archive") installs; doctor finds everything in order, its self-test included"
alone "$work/installed/bin/marrowscope" demo -o "$work/demo" --quiet >"$work/demo.log" 2>&1 \
    || { tail -n 5 "$work/demo.log" >&2; refuted "the demo"; }
proved "the demo runs: $(($(wc -l <"$work/demo/patients.csv") - 1)) patients, $(($(wc -l <"$work/demo/cells.csv") - 1)) cells"
mkdir "$work/in" "$work/out"
cp -r "$(find "$work/demo/patients" -mindepth 1 -maxdepth 1 -type d | sort | head -n 1)" "$work/in/"
PATH_WITH=$work/installed/bin:/usr/local/bin:/usr/bin:/bin
alone env PATH="$PATH_WITH" python3 packaging/try_service.py "$work/in" "$work/out/served" >"$work/serve.log" 2>&1 \
    || { tail -n 15 "$work/serve.log" >&2; refuted "the service"; }
proved "the service delivers its page, reads a patient, prints a PDF, and is backed up and restored"

# An archive with one bit changed is refused, and what was installed stays.
printf 'x' | dd of="$bundle/VERSION" bs=1 seek=0 conv=notrunc status=none
if alone sh "$bundle/install.sh" --prefix "$work/installed" --python "$python" >"$work/damaged.log" 2>&1; then refuted "a damaged archive installs"; fi
"$work/installed/bin/marrowscope" --version >/dev/null || refuted "what was installed is gone"
proved "a damaged archive is refused, and what was installed stays"
echo "Verified: $(basename "$archive"), $("$python" --version)."
