#!/bin/sh
# Prepares a bare Debian or Ubuntu machine: `scripts/setup.sh runtime` for make demo and make up,
# `scripts/setup.sh dev` for make test and make check. Steps that are done already cost next to nothing.
set -eu

cd "$(dirname "$0")/.."
wanted=${1:-runtime}
data=${TOOLYARD_DATA:-data}
PATH="$PATH:/usr/sbin:/sbin"

say() { printf 'set-up: %s\n' "$*" >&2; }
fail() { printf 'set-up: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
root() { [ "$(id -u)" -eq 0 ]; }
ubuntu() { grep -qx 'ID="\{0,1\}ubuntu"\{0,1\}' /etc/os-release 2>/dev/null; }

# A machine that has just booted is still busy with its own updates, most of all Ubuntu.
apt_get() { apt-get -o DPkg::Lock::Timeout=600 "$@"; }

# Debian packages: the ones of the given names are installed at once, or named when we are not root.
install_packages() {
    packages="$*"
    if ! root || ! have apt-get; then
        fail "please install as root, then run make as root (sandboxes need networks, firewall rules and mounts):  apt-get install --no-install-recommends $packages"
    fi
    say "installing $packages (apt)"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086
    apt_get install -qq -y --no-install-recommends $packages </dev/null >/dev/null 2>&1 || {
        say "refreshing the package lists first"
        apt_get update -qq >&2
        # shellcheck disable=SC2086
        apt_get install -qq -y --no-install-recommends $packages </dev/null >/dev/null
    }
}

# A server that only tests start, each its own: the package would start one for the whole machine.
install_unstarted() {
    policy=/usr/sbin/policy-rc.d
    if root && [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 0755 "$policy"
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
        install_packages "$@"
        rm -f "$policy"
        trap - EXIT
    else
        install_packages "$@"
    fi
}

python=
for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if have "$candidate" && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || fail "Python 3.11 or newer is needed, which Debian 12 and Ubuntu 24.04 bring:  apt-get install python3 python3-venv"

missing=
need() { # command package
    have "$1" || missing="$missing $2"
}

need git git
need make make
need debootstrap debootstrap
need nft nftables
need iptables iptables
need ip iproute2
need mkfs.ext4 e2fsprogs
need mount mount
# Ubuntu does not bring it, and debootstrap then takes an unsigned Debian.
[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || missing="$missing debian-archive-keyring"
# Another engine than the package's, such as a snap, has at least its socket.
have dockerd || [ -S /run/docker.sock ] || missing="$missing docker.io"
venv=made
.venv/bin/python -c 'import pip' 2>/dev/null || venv=
[ -n "$venv" ] || "$python" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing $python-venv"
if [ "$wanted" = dev ]; then
    need npm npm
    need shellcheck shellcheck
    need docker-registry docker-registry
    ubuntu || have google-chrome || need chromium chromium
    have initdb || [ -n "$(ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null)" ] || missing="$missing postgresql"
fi
# shellcheck disable=SC2086
[ -z "$missing" ] || install_packages $missing
if [ "$wanted" = dev ]; then
    have docker || install_packages docker-cli # the tests' own; Debian 12's engine brings it
    have nginx || install_unstarted nginx
    [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || install_unstarted rabbitmq-server
    have systemd-analyze || install_unstarted systemd
fi

# Python packages -----------------------------------------------------------------------------------
digest() { cat pyproject.toml "requirements/$1.txt" | sha256sum | cut -d' ' -f1; }
installed() { [ -f ".venv/.$1" ] && [ "$(cat ".venv/.$1")" = "$(digest "$1") $PWD" ]; }

if [ -z "$venv" ]; then
    say "creating .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv
fi
if ! installed "$wanted" && { [ "$wanted" != runtime ] || ! installed dev; }; then
    say "installing $(grep -c == "requirements/$wanted.txt") locked Python packages (a minute or two the first time)"
    .venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes \
        -r "requirements/$wanted.txt"
    .venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
    printf '%s %s' "$(digest "$wanted")" "$PWD" >".venv/.$wanted"
fi

# Ubuntu's Chromium is a snap, which cannot see the tests' folders in /tmp.
if [ "$wanted" = dev ] && ubuntu && ! have google-chrome && [ ! -x .venv/bin/chromium ]; then
    root || fail "please run make as root once: the tests' browser needs packages"
    say "fetching Playwright's Chromium for the tests"
    .venv/bin/python -m playwright install --with-deps chromium >&2
    ln -sf "$(.venv/bin/python -c 'from playwright.sync_api import sync_playwright
with sync_playwright() as found:
    print(found.chromium.executable_path)')" .venv/bin/chromium
fi

# Container engine --------------------------------------------------------------------------------
# Asked as the platform asks: Debian 13's engine does not bring the docker command.
engine_answers() {
    timeout 10 .venv/bin/python -c \
        'from shared.docker_engine import DEFAULT_SOCKET, DockerEngine; DockerEngine(DEFAULT_SOCKET).quick.ping()' \
        >/dev/null 2>&1
}

if ! engine_answers; then
    root || fail "no container engine answers; start it as root (systemctl start docker), then run make as root"
    say "starting the container engine"
    if [ -d /run/systemd/system ]; then
        systemctl start docker
    else
        # The init script mounts the control groups, which dockerd alone does not.
        [ ! -x /etc/init.d/docker ] || service docker start >/dev/null 2>&1 || true
        for _ in 1 2 3 4 5; do engine_answers && break; sleep 1; done
        if ! engine_answers; then
            mkdir -p /var/log
            setsid nohup dockerd >/var/log/dockerd.log 2>&1 </dev/null &
        fi
    fi
    waited=0
    until engine_answers; do
        waited=$((waited + 1))
        [ "$waited" -le 60 ] || fail "the container engine did not start within a minute; see /var/log/docker*.log"
        sleep 1
    done
fi
# On version 1 of control groups containerd tells who ran out of memory only where this hierarchy of
# systemd's is mounted, which no init script does.
named=/sys/fs/cgroup/systemd
if root && [ -d /sys/fs/cgroup/memory ] && [ ! -d "$named" ]; then
    { mkdir "$named" && mount -t cgroup -o none,name=systemd cgroup "$named"; } ||
        say "$named could not be mounted: programs that run out of memory will be told as killed"
fi

# What builds on this host need: its own package indexes and certificates -----------------------------
mkdir -p "$data"
.venv/bin/python scripts/build_settings.py "$data/build.env"
