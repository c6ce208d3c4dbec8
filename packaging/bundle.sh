#!/bin/sh
# Make one archive that installs marrowscope on a machine without internet: `make bundle` runs this script.
#
# It holds every wheel as locked, the package with page and networks, checksums, a list of all parts with their licences (CycloneDX), the
# install script, systemd units and monitoring. Run it with the Python version and on the kind of machine that it is for.
set -eu

case "${1:-}" in
-h | --help)
    echo "usage: [PYTHON=python3.11] packaging/bundle.sh"
    echo "Writes dist/marrowscope-VERSION-PYTHON-MACHINE.tar.gz and its SHA-256."
    exit 0
    ;;
esac

PYTHON=${PYTHON:-python3}
cd "$(dirname "$0")/.."
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' src/marrowscope/version.py)
tag=$("$PYTHON" -c 'import platform, sys; print(f"cp{sys.version_info.major}{sys.version_info.minor}-{sys.platform}-{platform.machine()}")')
name=marrowscope-$version-$tag
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fresh=yes
for lock in requirements/package.txt requirements/service.txt requirements/install.txt; do
    [ build/wheelhouse -nt "$lock" ] || fresh=no
done
[ $fresh = yes ] || { echo "Collecting wheels ..."; PYTHON=$PYTHON sh packaging/wheelhouse.sh; }

echo "Building the package ..."
PYTHON=$PYTHON sh packaging/dist.sh "$work/dist"

echo "Putting $name together ..."
root=$work/$name
mkdir -p "$root/wheels" "$root/requirements"
cp build/wheelhouse/*.whl "$root/wheels/"
cp "$work"/dist/*.whl "$root/wheels/"
cp requirements/package.txt requirements/service.txt "$root/requirements/"
cp packaging/install.sh LICENSE README.md CHANGELOG.md "$root/"
cp -r docs packaging/systemd packaging/monitoring packaging/proxy "$root/"
echo "$version" >"$root/VERSION"

# What is in it, by the wheels themselves.
"$PYTHON" -m venv "$work/installed"
"$work/installed/bin/python" -m pip install -qq --disable-pip-version-check --no-index --find-links "$root/wheels" --require-hashes --no-deps \
    -r requirements/package.txt -r requirements/service.txt
"$work/installed/bin/python" -m pip install -qq --disable-pip-version-check --no-index --no-deps "$root"/wheels/marrowscope-*.whl
"$work/installed/bin/python" -m pip uninstall -qq --disable-pip-version-check --yes pip setuptools 2>/dev/null || true
"$PYTHON" -m venv "$work/tool"
"$work/tool/bin/python" -m pip install -qq --disable-pip-version-check 'cyclonedx-bom>=7'
"$work/tool/bin/cyclonedx-py" environment "$work/installed/bin/python" --pyproject pyproject.toml --output-reproducible \
    --output-format JSON --output-file "$root/sbom.cdx.json" --gather-license-texts 2>"$work/sbom.log" \
    || { cat "$work/sbom.log" >&2; exit 1; }

(cd "$root" && find . -type f ! -name SHA256SUMS -print0 | sort -z | xargs -0 sha256sum >"$work/sums" && mv "$work/sums" SHA256SUMS)
mkdir -p dist
epoch=$(git log -1 --format=%ct 2>/dev/null || echo 0)
tar -C "$work" --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner -cf - "$name" | gzip -n -9 >"dist/$name.tar.gz"
(cd dist && sha256sum "$name.tar.gz" | tee "$name.tar.gz.sha256")
echo "dist/$name.tar.gz: $(du -h "dist/$name.tar.gz" | cut -f1), $(ls "$root/wheels" | wc -l) wheels"
