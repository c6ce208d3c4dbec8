# marrowscope in a container: the package, its networks and the service with its page; no compiler, no pip, no network.
#
#   docker build -t marrowscope .
#   docker run --rm --network none --read-only --tmpfs /tmp -v PATIENTS:/in:ro -v OUT:/out marrowscope analyse /in -o /out
#   docker run --rm -p 127.0.0.1:8000:8000 --read-only --tmpfs /tmp -v DATA:/data marrowscope serve --host 0.0.0.0 --data /data
#
# BASE is any Debian-like image with Python >= 3.11 and its venv module.
# Both stages must start from the same one: the environment keeps the path of its interpreter.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
COPY . /source
# With wheels in build/wheelhouse (packaging/wheelhouse.sh) nothing is fetched; without, pip asks its index.
RUN if [ -d /source/build/wheelhouse ]; then \
        export PIP_NO_INDEX=1 PIP_FIND_LINKS=/source/build/wheelhouse; \
    fi; \
    export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_CACHE_DIR=1 \
    && python3 -m venv /opt/tools \
    && /opt/tools/bin/python -m pip install --require-hashes --no-deps -r /source/requirements/install.txt \
    && /opt/tools/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir /opt/wheel /source \
    && python3 -m venv --without-pip /opt/venv \
    && /opt/tools/bin/python -m pip --python /opt/venv/bin/python install --require-hashes --no-deps --only-binary :all: \
        -r /source/requirements/package.txt -r /source/requirements/service.txt \
    && /opt/tools/bin/python -m pip --python /opt/venv/bin/python install --no-index --no-deps /opt/wheel/*.whl \
    && python3 /source/packaging/slim.py /opt/venv

FROM ${BASE}
ARG VERSION=1.0.0
LABEL org.opencontainers.image.title="marrowscope" \
      org.opencontainers.image.description="From the images of a blood or bone-marrow smear to a differential count. Research use only." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="The marrowscope authors"
# PDF reports are set by Pango; a base that has it is left alone.
RUN if ! ldconfig -p | grep -q libpangoft2; then \
        apt-get update && apt-get install -y --no-install-recommends libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core \
        && rm -rf /var/lib/apt/lists/*; \
    fi
COPY --from=build /opt/venv /opt/venv
COPY packaging/cluster/dask.yaml /etc/dask/marrowscope.yaml
RUN groupadd --gid 10001 marrowscope \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin marrowscope \
    && mkdir /in /out /data && chown 10001:10001 /out /data
# The root file system may be read-only: everything that wants to be written goes to /tmp, /out or /data.
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    XDG_CACHE_HOME=/tmp/.cache \
    XDG_CONFIG_HOME=/tmp/.config \
    MPLCONFIGDIR=/tmp/.matplotlib
EXPOSE 8000
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["marrowscope"]
CMD ["--help"]
