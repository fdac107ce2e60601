# Every service of Toolyard in one image; compose.yaml says which part runs. Web, utility and their
# like run as an ordinary user; builder, runner and janitor need root, the engine's socket and the host's network.
ARG BASE=debian:bookworm-slim
FROM ${BASE}

RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        ca-certificates e2fsprogs git iproute2 iptables mount nftables postgresql-client python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/toolyard
COPY pyproject.toml README.md ./
COPY requirements/runtime.txt requirements/runtime.txt
RUN python3 -m venv .venv \
    && .venv/bin/pip install -qq --no-cache-dir --require-hashes -r requirements/runtime.txt
COPY . .
RUN .venv/bin/pip install -qq --no-cache-dir --no-deps --no-build-isolation -e . \
    && useradd --system --uid 990 --home-dir /var/lib/toolyard --no-create-home toolyard \
    && install -d -m 0750 -o toolyard -g toolyard /var/lib/toolyard

ENV PATH=/opt/toolyard/.venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2 \
    TOOLYARD_DATA=/var/lib/toolyard
USER toolyard
CMD ["python", "-m", "web"]
