#!/bin/sh
# Check for what the tests need besides Python: a PostgreSQL server, Chromium, the text layout library for PDF reports, and,
# where Debian has them, Firefox and dciodvfy, which checks DICOM files.
# On Debian and Ubuntu, as root, install what is missing. Elsewhere, print what is missing; the tests that need it
# are skipped, visibly.
set -eu

missing=""
if ! command -v initdb >/dev/null 2>&1 && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
    missing="$missing postgresql"
fi
command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 \
    || command -v google-chrome >/dev/null 2>&1 || missing="$missing chromium"
command -v firefox-esr >/dev/null 2>&1 || command -v firefox >/dev/null 2>&1 \
    || ! apt-cache show firefox-esr >/dev/null 2>&1 || missing="$missing firefox-esr"
command -v dciodvfy >/dev/null 2>&1 || ! apt-cache show dicom3tools >/dev/null 2>&1 || missing="$missing dicom3tools"
has_library() {
    # ldconfig is in /usr/sbin, which is not always in the path of users.
    PATH="$PATH:/usr/sbin:/sbin" ldconfig -p 2>/dev/null | grep -q "$1"
}
has_library libpangoft2-1.0.so.0 || missing="$missing libpangoft2-1.0-0"
has_library libharfbuzz-subset.so.0 || missing="$missing libharfbuzz-subset0"

[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Debian packages the tests need (once):$missing ..."
    export DEBIAN_FRONTEND=noninteractive
    # Without a network, all other tests can still run.
    if apt-get update -qq && apt-get install -qq -y --no-install-recommends $missing >/dev/null; then
        exit 0
    fi
    echo "They could not be installed." >&2
fi
echo "Not on this machine:$missing. The tests that need them will be skipped." >&2
