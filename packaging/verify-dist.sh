#!/usr/bin/env bash
# Prove that a release is reproducible and works: wheel and sdist are built twice, here and from a fresh clone with other times,
# permissions and time zone, and must be the same bytes; the wheel then runs the demo in a clean environment.
set -euo pipefail

case "${1:-}" in
-h | --help)
    echo "usage: [PYTHON=python3.11] packaging/verify-dist.sh      (everything must be committed)"
    exit 0
    ;;
esac
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PYTHON=${PYTHON:-python3}
proved() { printf '  ok    %s\n' "$*"; }
refuted() { printf '  FAIL  %s\n' "$*" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ -z "$(git status --porcelain)" ] || { echo "Commit everything first: the clone has only what is committed." >&2; exit 2; }

echo "Building here and from a fresh clone ..."
sh packaging/dist.sh "$work/here" >/dev/null
git clone -q --no-hardlinks . "$work/clone"
if [ -d build/wheelhouse ]; then mkdir "$work/clone/build" && cp -r build/wheelhouse "$work/clone/build/"; fi
(
    umask 077
    cd "$work/clone"
    find . -path ./.git -prune -o -type f -exec touch -d '2001-02-03 04:05:06' {} +
    TZ=Pacific/Auckland LC_ALL=C sh packaging/dist.sh "$work/there" >/dev/null
)
for path in "$work"/here/*; do
    cmp "$path" "$work/there/$(basename "$path")" || refuted "$(basename "$path") differs"
    proved "$(basename "$path"): the same $(stat -c %s "$path") bytes twice, $(sha256sum "$path" | cut -c1-16)"
done

echo "Installing the wheel into a clean environment ..."
"$PYTHON" -m venv "$work/clean"
find=()
[ ! -d build/wheelhouse ] || find=(--no-index --find-links build/wheelhouse)
"$work/clean/bin/python" -m pip install -qq --disable-pip-version-check "${find[@]}" "$work"/here/*.whl
cd "$work"
env -u PYTHONPATH clean/bin/marrowscope demo -o demo --quiet >demo.log 2>&1 || { tail -n 5 demo.log >&2; refuted "the demo"; }
proved "pip install of the wheel alone, then the demo: $(($(wc -l <demo/patients.csv) - 1)) patients, $(($(wc -l <demo/cells.csv) - 1)) cells"
env -u PYTHONPATH clean/bin/marrowscope doctor >doctor.log 2>&1 || { cat doctor.log >&2; refuted "doctor"; }
proved "doctor finds it in order"
