#!/usr/bin/env bash
# Build and run the real image, on a machine without a container engine.
#
# Base: a Debian made by debootstrap. Builder and runner: buildah with chroot isolation. The script then compares
# what the image computes with what the same version computes on this machine, byte for byte.
# docs/how-to/container.md describes what this shows and what it does not.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: packaging/verify-container.sh [OPTIONS]      (as root, on Debian or a relative of it)

  --patients DIR       what `analyse` reads in the image and on the host   (default: two of the demo's patients)
  --host-command PATH  marrowscope on this machine                         (default: .venv/bin/marrowscope)
  --suite NAME         Debian release of the base                          (default: bookworm)
  --mirror ADDRESS     where debootstrap fetches it        (default: the one this machine's apt uses)
  --cache DIR          base and image storage, kept for the next time
                       (default: $XDG_CACHE_HOME/marrowscope-container)
  --keep               keep the results and the image

Installs buildah and debootstrap with apt-get where they are missing.
TEXT
}

cd "$(dirname "${BASH_SOURCE[0]}")/.."
patients=""
host_command=.venv/bin/marrowscope
suite=bookworm
mirror=""
cache="${XDG_CACHE_HOME:-$HOME/.cache}/marrowscope-container"
keep=no
most_megabytes=700

while [ $# -gt 0 ]; do
    case "$1" in
    --patients | --host-command | --suite | --mirror | --cache)
        [ $# -ge 2 ] || { echo "$1 needs a value" >&2; exit 2; }
        case "$1" in
        --patients) patients=$(realpath "$2") ;;
        --host-command) host_command=$2 ;;
        --suite) suite=$2 ;;
        --mirror) mirror=$2 ;;
        --cache) cache=$2 ;;
        esac
        shift
        ;;
    --keep) keep=yes ;;
    -h | --help) usage; exit 0 ;;
    *) echo "no such option: $1" >&2; usage >&2; exit 2 ;;
    esac
    shift
done

say() { printf '%s\n' "$*"; }
proved() { printf '  ok    %s\n' "$*"; }
refuted() { printf '  FAIL  %s\n' "$*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || { echo "This needs root: chroot, mounts and a network namespace." >&2; exit 2; }
[ -x "$host_command" ] || { echo "There is no $host_command to compare with: run 'make setup' or 'make demo' first." >&2; exit 2; }

# --- tools -------------------------------------------------------------------------------------------------
missing=""
for tool in buildah debootstrap; do command -v $tool >/dev/null || missing="$missing $tool"; done
command -v ip >/dev/null || missing="$missing iproute2"
if [ -n "$missing" ]; then
    command -v apt-get >/dev/null || { echo "Missing:$missing; install them." >&2; exit 2; }
    say "Installing$missing ..."
    apt-get update -qq
    # shellcheck disable=SC2086  # several names
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

mkdir -p "$cache"
cache=$(realpath "$cache")
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
buildah=(buildah --storage-driver vfs --root "$cache/storage" --runroot "$cache/run")
pango=libpangoft2-1.0-0,libharfbuzz-subset0,fonts-dejavu-core
base=localhost/marrowscope-base:$suite-pango-slim
image=localhost/marrowscope:verified
container=""
work=$(mktemp -d)

finish() {
    if [ -n "${network:-}" ]; then
        # What still runs in the network of this script: database, scheduler, worker.
        ip netns pids "$network" | xargs -r kill 2>/dev/null || true
        for _ in 1 2 3 4 5 6 7 8 9 10; do
            [ -n "$(ip netns pids "$network")" ] || break
            sleep 1
        done
        ip netns pids "$network" | xargs -r kill -KILL 2>/dev/null || true
        ip netns del "$network" || true
    fi
    [ -z "$container" ] || "${buildah[@]}" rm "$container" >/dev/null || true
    if [ "$keep" = yes ]; then
        say "Kept: results in $work, the image $image in $cache/storage"
    else
        "${buildah[@]}" rmi "$image" >/dev/null 2>&1 || true
        rm -rf "$work"
    fi
}
trap finish EXIT

# --- base --------------------------------------------------------------------------------------------------
if ! "${buildah[@]}" inspect --type image "$base" >/dev/null 2>&1; then
    if [ -z "$mirror" ]; then
        # shellcheck disable=SC2016  # apt's own placeholder
        mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $suite" | head -n 1)
    fi
    say "Creating the base: Debian $suite with Python, by debootstrap (takes minutes, once) ..."
    # An empty mirror means debootstrap's own.
    debootstrap --variant=minbase --include=python3,python3-venv,$pango "$suite" "$work/base" ${mirror:+"$mirror"} \
        >"$work/debootstrap.log" 2>&1 || { tail -n 5 "$work/debootstrap.log" >&2; refuted "debootstrap"; }
    rm -rf "$work/base/var/cache/apt/archives" "$work/base/var/lib/apt/lists"
    # As the official images do: documents and translations go, licences stay.
    rm -rf "$work"/base/usr/share/{man,locale,info}
    find "$work/base/usr/share/doc" ! -type d ! -name copyright -delete
    tar -C "$work/base" -cf "$work/base.tar" .
    scratch=$("${buildah[@]}" from scratch)
    "${buildah[@]}" add -q "$scratch" "$work/base.tar" / >/dev/null
    "${buildah[@]}" commit -q "$scratch" "$base" >/dev/null
    "${buildah[@]}" rm "$scratch" >/dev/null
    rm -rf "$work/base" "$work/base.tar"
fi

# --- build -------------------------------------------------------------------------------------------------
python=$(dirname "$host_command")/python
[ -x "$python" ] || python=python3
if ! [ build/wheelhouse -nt requirements/service.txt ] || ! [ build/wheelhouse -nt pyproject.toml ]; then
    say "Collecting wheels ..."
    PYTHON=$python sh packaging/wheelhouse.sh
fi
say "Building the image from the Dockerfile, without a network ..."
started=$SECONDS
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' src/marrowscope/version.py)
unshare --net "${buildah[@]}" build -q --pull-never --build-arg "BASE=$base" --build-arg "VERSION=$version" -t "$image" . \
    >"$work/build.log" 2>&1 || { tail -n 30 "$work/build.log" >&2; refuted "the build"; }
proved "the Dockerfile builds with the network off, in $((SECONDS - started)) s"

container=$("${buildah[@]}" from --pull-never "$image")
root=$("${buildah[@]}" mount "$container")
config() { "${buildah[@]}" inspect --type container --format "{{.OCIv1.Config.$1}}" "$container"; }
[ "$(config User)" = 10001:10001 ] || refuted "the image's user is '$(config User)'"
[ "$(config Entrypoint)" = "[marrowscope]" ] || refuted "the image's entry point is '$(config Entrypoint)'"
proved "it starts 'marrowscope' as user 10001"
size=$(du -sm --apparent-size "$root" | cut -f1)
[ "$size" -lt "$most_megabytes" ] || refuted "the image has $size MB"
proved "it has $size MB, less than $most_megabytes"

# --- run ---------------------------------------------------------------------------------------------------
# Targets of buildah's own mounts must exist before the root is made read-only.
mkdir -p "$root/run" "$root/in" "$root/out" "$root/data"
touch "$root/etc/hosts" "$root/etc/resolv.conf"
mkdir "$work/in" "$work/out" "$work/data"
chown 10001:10001 "$work/out" "$work/data"

# Run a command in the image: no network but loopback, root read-only, /in read-only, /out and /tmp writable.
# The network is a new one, or the one that `network` names; `given` are variables of its environment.
network=""
given=()
in_image() {
    local apart=(unshare --net)
    [ -z "$network" ] || apart=(ip netns exec "$network")
    # shellcheck disable=SC2016  # expanded by the inner shell
    "${apart[@]}" unshare --mount --propagation private sh -ec '
        root=$1; shift
        ip link set lo up
        mount --bind "$root" "$root"
        mount -o remount,bind,ro "$root"
        mount -t tmpfs tmpfs "$root/run"
        exec "$@"' sh "$root" \
        "${buildah[@]}" run --mount type=tmpfs,destination=/tmp -v "$work/in:/in:ro" -v "$work/out:/out" -v "$work/data:/data" \
        "${given[@]}" "$container" -- "$@"
}

# shellcheck disable=SC2016  # expanded inside the image
in_image sh -c '
    fail() { echo "$1" >&2; exit 1; }
    test "$(id -u):$(id -g)" = 10001:10001 || fail "runs as $(id)"
    grep -q "^CapEff:[[:space:]]*0*$" /proc/self/status || fail "holds capabilities"
    for place in / /opt/venv /usr /etc /in; do
        if (: >"$place/probe") 2>/dev/null; then fail "$place can be written"; fi
    done
    (: >/out/probe && rm /out/probe && : >/tmp/probe) || fail "/out or /tmp cannot be written"
    test "$(tail -n +3 /proc/net/dev | grep -vc " lo:\|^ *lo:")" = 0 || fail "there is a network"
    for tool in cc gcc g++ ld pip pip3; do
        if command -v $tool >/dev/null; then fail "$tool is inside"; fi
    done' >"$work/probe.log" 2>&1 || refuted "the sandbox: $(head -n 1 "$work/probe.log")"
proved "not root, no capabilities, root file system and /in read-only, loopback only, no compiler, no pip"

same() { # the folder on the host, the folder in the image, what it was
    for name in patients.csv cells.csv; do
        cmp "$1/$name" "$2/$name" || refuted "$3: $name differs between host and image"
    done
    proved "$3: patients.csv ($(($(wc -l <"$1/patients.csv") - 1)) patients) and cells.csv" \
        "($(($(wc -l <"$1/cells.csv") - 1)) cells) equal the host's, byte for byte"
}

say "Running the demo on the host and in the image ..."
"$host_command" demo -o "$work/host-demo" --quiet >"$work/host-demo.log" 2>&1 \
    || { tail -n 5 "$work/host-demo.log" >&2; refuted "the demo on the host"; }
started=$SECONDS
in_image marrowscope demo -o /out/demo --quiet >"$work/demo.log" 2>&1 \
    || { tail -n 5 "$work/demo.log" >&2; refuted "the demo in the image"; }
say "  (in the image: $((SECONDS - started)) s)"
same "$work/host-demo" "$work/out/demo" "demo"

if [ -z "$patients" ]; then
    find "$work/host-demo/patients" -mindepth 1 -maxdepth 1 -type d | sort | head -n 2 | while read -r folder; do
        cp -r "$folder" "$work/in/"
    done
else
    cp -r "$patients/." "$work/in/"
fi
chmod -R a+rX "$work/in"
say "Analysing $(find "$work/in" -mindepth 1 -maxdepth 1 | wc -l) patients on the host and in the image ..."
"$host_command" analyse "$work/in" -o "$work/host-analyse" --quiet >"$work/host-analyse.log" 2>&1 \
    || { tail -n 5 "$work/host-analyse.log" >&2; refuted "analyse on the host"; }
in_image marrowscope analyse /in -o /out/analyse --quiet >"$work/analyse.log" 2>&1 \
    || { tail -n 5 "$work/analyse.log" >&2; refuted "analyse in the image"; }
same "$work/host-analyse" "$work/out/analyse" "analyse /in -o /out"
for name in report.html patients.xlsx run.json; do
    [ -s "$work/out/analyse/$name" ] || refuted "$name is missing"
done
proved "report.html, patients.xlsx and run.json are there; everything in /out belongs to user $(stat -c %u "$work/out/analyse/report.html")"

say "Serving in the image ..."
cp packaging/try_service.py "$work/out/"
in_image python3 /out/try_service.py /in /out/served >"$work/serve.log" 2>&1 \
    || { tail -n 15 "$work/serve.log" >&2; refuted "the service in the image"; }
for patient in "$work"/out/served/*/; do
    name=$(basename "$patient")
    grep "^$name," "$work/host-analyse/patients.csv" | cmp - <(tail -n +2 "$patient/patients.csv") \
        || refuted "$name: the service's figures differ from the host's"
    [ "$(head -c 5 "$patient/report.pdf")" = "%PDF-" ] || refuted "$name: no PDF report"
done
proved "the service gives its page, takes uploads, and $(find "$work/out/served" -name patients.csv | wc -l) patients' figures equal the host's; PDF reports"

proved "doctor finds the installation sound; a backup of the running service was restored, and its audit trail verified"

postgres=$(find /usr/lib/postgresql -name initdb 2>/dev/null | sort -V | tail -n 1 | xargs -r dirname)
if [ -n "$postgres" ]; then
    say "Serving in the image with PostgreSQL and a Dask cluster beside it, in a network of their own ..."
    network=marrowscope-$$
    ip netns add "$network"
    ip -n "$network" link set lo up
    mkdir "$work/postgres"
    chown postgres "$work/postgres"
    chmod a+x "$work"
    as_postgres() { ip netns exec "$network" setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
    (cd / && as_postgres "$postgres/initdb" -D "$work/postgres/data" -U marrowscope -A trust --no-sync >"$work/postgres.log")
    (cd / && as_postgres "$postgres/pg_ctl" -D "$work/postgres/data" -w -l "$work/postgres/log" \
        -o "-k $work/postgres -c listen_addresses=127.0.0.1" start >>"$work/postgres.log")
    (cd / && as_postgres "$postgres/createdb" -h 127.0.0.1 -U marrowscope marrowscope)
    in_image dask scheduler --host 127.0.0.1 --port 8786 --no-dashboard >"$work/scheduler.log" 2>&1 &
    scheduler=$!
    in_image dask worker tcp://127.0.0.1:8786 --nworkers 1 --nthreads 1 --no-dashboard --local-directory /tmp \
        >"$work/worker.log" 2>&1 &
    given=(--env MARROWSCOPE_DATABASE=postgresql://marrowscope@127.0.0.1/marrowscope
        --env MARROWSCOPE_ENGINE=dask://127.0.0.1:8786)
    until ip netns exec "$network" bash -c ': </dev/tcp/127.0.0.1/8786' 2>/dev/null; do
        kill -0 "$scheduler" 2>/dev/null || { tail -n 15 "$work/scheduler.log" >&2; refuted "the scheduler in the image"; }
        sleep 1
    done
    in_image python3 /out/try_service.py /in /out/cluster >"$work/cluster.log" 2>&1 \
        || { tail -n 15 "$work/cluster.log" >&2; refuted "the service with PostgreSQL and Dask"; }
    given=()
    for patient in "$work"/out/cluster/*/; do
        name=$(basename "$patient")
        grep "^$name," "$work/host-analyse/patients.csv" | cmp - <(tail -n +2 "$patient/patients.csv") \
            || refuted "$name: the figures of the cluster differ from the host's"
    done
    proved "with PostgreSQL and a Dask worker, $(find "$work/out/cluster" -name patients.csv | wc -l) patients' figures equal the host's;" \
        "a backup of PostgreSQL was restored as SQLite"
else
    say "  (PostgreSQL and Dask beside it: not tried, as this machine has no PostgreSQL)"
fi

say "Verified: marrowscope $version on Debian $suite, $(buildah --version | cut -d' ' -f1-3), chroot isolation."
say "Not shown by this: a container runtime's own isolation. See docs/how-to/container.md."
