#!/bin/sh
# Install marrowscope from the archive in which this script lies; no network is needed.
set -eu

usage() {
    cat <<'TEXT'
usage: sh install.sh [--prefix FOLDER] [--python PYTHON] [--systemd]

  --prefix FOLDER   where it is installed                    (default: /opt/marrowscope)
  --python PYTHON   the interpreter, of the version in the archive's name (default: python3)
  --systemd         also make the user marrowscope and install the units (as root); nothing is started

An earlier version in FOLDER is kept as FOLDER.old until the next time.
TEXT
}

prefix=/opt/marrowscope
python=python3
systemd=no
while [ $# -gt 0 ]; do
    case "$1" in
    --prefix | --python)
        [ $# -ge 2 ] || { echo "$1 needs a value" >&2; exit 2; }
        case "$1" in --prefix) prefix=$2 ;; --python) python=$2 ;; esac
        shift
        ;;
    --systemd) systemd=yes ;;
    -h | --help) usage; exit 0 ;;
    *) echo "no such option: $1" >&2; usage >&2; exit 2 ;;
    esac
    shift
done
here=$(cd "$(dirname "$0")" && pwd)
cd "$here"

echo "Checking the archive ..."
sha256sum --check --quiet SHA256SUMS || { echo "The archive is damaged; nothing was installed." >&2; exit 1; }
wanted=$(sed -n 's/^.*-cp3\([0-9]*\)-.*$/3.\1/p' <<TEXT
$(basename "$here")
TEXT
)
found=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') || { echo "There is no $python." >&2; exit 2; }
[ -z "$wanted" ] || [ "$found" = "$wanted" ] || {
    echo "The archive is for Python $wanted; $python is $found. Name another with --python." >&2
    exit 2
}
"$python" -c 'import ensurepip, venv' 2>/dev/null || {
    echo "$python cannot make virtual environments: install its venv package (Debian: python3-venv)." >&2
    exit 2
}

echo "Installing into $prefix ..."
# An environment keeps its own path, so it is made in its place; what was there is put back if anything fails.
rm -rf "$prefix.old"
[ ! -e "$prefix" ] || mv "$prefix" "$prefix.old"
undo() {
    rm -rf "$prefix"
    [ ! -e "$prefix.old" ] || mv "$prefix.old" "$prefix"
    echo "Not installed; all is as before." >&2
}
trap undo EXIT
"$python" -m venv "$prefix"
pip="$prefix/bin/python -m pip install -qq --disable-pip-version-check --no-input --no-index --no-deps --find-links $here/wheels"
# shellcheck disable=SC2086  # a command with its options
$pip --require-hashes -r requirements/package.txt -r requirements/service.txt
# shellcheck disable=SC2086
$pip "$here"/wheels/marrowscope-*.whl
cp -r docs monitoring proxy sbom.cdx.json LICENSE CHANGELOG.md "$prefix/"
"$prefix/bin/marrowscope" doctor --report "$prefix/doctor.json"
trap - EXIT

if [ "$systemd" = yes ]; then
    id marrowscope >/dev/null 2>&1 || useradd --system --home-dir /var/lib/marrowscope --shell /usr/sbin/nologin marrowscope
    sed "s|/opt/marrowscope|$prefix|g" systemd/marrowscope.service >/etc/systemd/system/marrowscope.service
    sed "s|/opt/marrowscope|$prefix|g" systemd/marrowscope-backup.service >/etc/systemd/system/marrowscope-backup.service
    cp systemd/marrowscope-backup.timer /etc/systemd/system/
    if [ ! -e /etc/marrowscope.env ]; then
        cp systemd/marrowscope.env /etc/marrowscope.env
        chmod 600 /etc/marrowscope.env
    fi
    echo "Units are installed. Edit /etc/marrowscope.env, then: systemctl daemon-reload && systemctl enable --now marrowscope"
fi
echo "Installed: $prefix/bin/marrowscope $("$prefix/bin/marrowscope" --version | cut -d' ' -f2)"
