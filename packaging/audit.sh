#!/bin/sh
# Compare what is locked with known vulnerabilities. Needs a network: the databases are asked for every package.
set -eu

case "${1:-}" in
-h | --help)
    echo "usage: [PYTHON=python3] packaging/audit.sh [OPTIONS OF pip-audit]"
    echo "For example: packaging/audit.sh --vulnerability-service osv"
    exit 0
    ;;
esac
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -qq --disable-pip-version-check 'pip-audit>=2.9'
cat requirements/package.txt requirements/service.txt >"$work/released.txt"
# Strict: a package that the database could not be asked about is a failure, not a clean result.
"$work/venv/bin/pip-audit" --strict --require-hashes --disable-pip -r "$work/released.txt" "$@"
