# shellcheck shell=bash
# What every machine of Toolyard does at its first start; the service's own script follows.
# /etc/toolyard/machine.env says what this machine is, settings.env what its service is told.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive HOME=/root

# shellcheck source=/dev/null
. /etc/toolyard/machine.env
export AWS_DEFAULT_REGION
METADATA=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}
DATA=${TOOLYARD_DATA:-/var/lib/toolyard}
HERE=/opt/toolyard/$RELEASE_DIGEST
PYTHON=$HERE/.venv/bin/python

say() { echo "toolyard: $*"; }

# again TIMES PAUSE COMMAND…: networks and package servers fail for moments.
again() {
    local left=$1 pause=$2
    shift 2
    until "$@"; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || { say "gave up: $1"; return 1; }
        sleep "$pause"
    done
}

packages() {
    say "installing $*"
    again 5 10 apt-get -o DPkg::Lock::Timeout=600 update -qq
    again 5 10 apt-get -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 install -qq -y \
        --no-install-recommends "$@" </dev/null
}

# The instance's metadata, version 2 of the service only.
metadata() {
    local token
    token=$(curl -fsS -m 5 -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 300" "$METADATA/latest/api/token")
    curl -fsS -m 5 -H @- "$METADATA/latest/meta-data/$1" <<<"X-aws-ec2-metadata-token: $token"
}

setting() { printf '%s=%s\n' "$1" "$2" >>/etc/toolyard/settings.env; }

# shellcheck disable=SC2120  # services name packages of their own
prepare_machine() {
    packages ca-certificates curl python3 python3-venv python3-boto3 "$@"
    INSTANCE=$(again 10 3 metadata instance-id)
    say "this is $INSTANCE, a $SERVICE"
    id toolyard >/dev/null 2>&1 ||
        useradd --system --user-group --home-dir "$DATA" --no-create-home --shell /usr/sbin/nologin toolyard
    install -d -m 750 -o toolyard -g toolyard "$DATA"
    install -d -m 700 -o toolyard -g toolyard "$DATA/secrets"
    install -d -m 755 /var/log/toolyard /opt/toolyard
    setting TOOLYARD_DATA "$DATA"
    setting TOOLYARD_WORKER_HOST "$INSTANCE"
    # An image of the operator's own may name endpoints and certificates in its environment.
    local name
    for name in AWS_ENDPOINT_URL AWS_EC2_METADATA_SERVICE_ENDPOINT AWS_CA_BUNDLE; do
        [ -z "${!name:-}" ] || setting "$name" "${!name}"
    done
}

# Web and utility may read releases; their role signs the request.
release_from_store() {
    say "fetching release ${RELEASE_DIGEST:0:12} from $RELEASE_BUCKET"
    again 10 5 python3 - "$RELEASE_BUCKET" "releases/$RELEASE_DIGEST.tar.gz" /tmp/release.tar.gz <<'PYTHON'
import os, sys, boto3
bucket, key, target = sys.argv[1:]
boto3.client("s3", endpoint_url=os.environ.get("AWS_ENDPOINT_URL")).download_file(bucket, key, target)
PYTHON
}

# Workers may read nothing: a signed GetCallerIdentity proves their role to web, which gives the
# worker token and an address of the release that is good for minutes.
release_from_web() {
    local url
    url=$(sed -n 's/^TOOLYARD_URL=//p' /etc/toolyard/settings.env)
    say "asking $url for a place among its workers"
    again 60 10 python3 - "$url" "$RELEASE_DIGEST" "$DATA/secrets/worker-token" /tmp/release.tar.gz <<'PYTHON'
import json, os, shutil, sys, urllib.parse, urllib.request
import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
url, digest, token, target = sys.argv[1:]
session = botocore.session.get_session()
sts = session.create_client("sts", endpoint_url=os.environ.get("AWS_ENDPOINT_URL"))
request = AWSRequest("POST", sts.meta.endpoint_url + "/", data="Action=GetCallerIdentity&Version=2011-06-15", headers={
    "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
    "X-Toolyard-Server": urllib.parse.urlsplit(url).netloc,
})
SigV4Auth(session.get_credentials().get_frozen_credentials(), "sts", sts.meta.region_name).add_auth(request)
asked = urllib.request.Request(
    url + "/api/v1/worker/enrolments",
    data=json.dumps({"headers": dict(request.headers.items()), "release": digest}).encode(),
    headers={"Content-Type": "application/json"},
)
with urllib.request.urlopen(asked, timeout=30) as answer:
    given = json.load(answer)
with urllib.request.urlopen(given["release_url"], timeout=120) as source, open(target, "wb") as file:
    shutil.copyfileobj(source, file)
with open(os.open(token, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
    file.write(given["worker_token"])
PYTHON
}

install_release() {
    sha256sum --check --status <<<"$RELEASE_DIGEST  /tmp/release.tar.gz" ||
        { say "the release's bytes are not those of its digest"; return 1; }
    install -d -m 755 "$HERE"
    tar -xzf /tmp/release.tar.gz -C "$HERE" --no-same-owner
    rm /tmp/release.tar.gz
    say "installing the locked Python packages"
    python3 -m venv "$HERE/.venv"
    again 3 10 "$HERE/.venv/bin/python" -m pip install -qq --disable-pip-version-check \
        --require-hashes -r "$HERE/requirements/runtime.txt"
    ln -sfn "$HERE" /opt/toolyard/current
}

# service NAME USER SECONDS ARGV…: kept alive by systemd, which waits SECONDS for a drain; where
# there is no systemd (a container), started as it is, with the same settings and the same user.
service() {
    local name=$1 user=$2 grace=$3
    shift 3
    if [ -d /run/systemd/system ]; then
        cat >"/etc/systemd/system/toolyard-$name.service" <<UNIT
[Unit]
Description=Toolyard: $name
Wants=network-online.target
After=network-online.target docker.service
StartLimitIntervalSec=0

[Service]
User=$user
WorkingDirectory=/opt/toolyard/current
EnvironmentFile=/etc/toolyard/settings.env
ExecStart=$*
Restart=always
RestartSec=2
KillMode=mixed
TimeoutStopSec=$grace

[Install]
WantedBy=multi-user.target
UNIT
        systemctl daemon-reload
        systemctl enable --now "toolyard-$name.service"
    else
        local settings
        mapfile -t settings </etc/toolyard/settings.env
        (
            cd /opt/toolyard/current
            exec setsid setpriv --reuid="$user" --regid="$user" --init-groups env -i PATH="$PATH" \
                HOME="$DATA" "${settings[@]}" "$@" >>"/var/log/toolyard/$name.log" 2>&1 </dev/null
        ) &
        echo $! >"/run/toolyard-$name.pid"
    fi
}

# The worker is drained when EC2 says that this machine ends.
watch_notices() {
    local stop=(systemctl stop --no-block "toolyard-$1.service")
    [ -d /run/systemd/system ] || stop=(bash -c "kill -TERM $(cat "/run/toolyard-$1.pid")")
    service notices root 10 "$PYTHON" -m shared.ec2_notices -- "${stop[@]}"
}

# What the services print goes to CloudWatch Logs, one stream an instance.
ship_logs() {
    local source=(journalctl --follow --lines=all --output=cat "--unit=toolyard-*")
    [ -d /run/systemd/system ] || source=(tail --follow=name --retry --lines=+1 --quiet "/var/log/toolyard/$SERVICE.log")
    service logs root 30 "$PYTHON" -m shared.ship_logs "$LOG_GROUP" "$INSTANCE" -- "${source[@]}"
}

# wait_until SECONDS COMMAND…
wait_until() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 1
    done
}

log_has() {
    if [ -d /run/systemd/system ]; then
        journalctl --unit="toolyard-$SERVICE.service" --output=cat | grep -q "$1"
    else
        grep -q "$1" "/var/log/toolyard/$SERVICE.log"
    fi
}

# CloudFormation goes on with the next machine only after this.
signal_ready() {
    [ -n "${SIGNAL_RESOURCE:-}" ] || return 0
    python3 - "$SIGNAL_STACK" "$SIGNAL_RESOURCE" "$INSTANCE" <<'PYTHON' || say "no stack waits for this machine"
import os, sys, boto3
stack, resource, instance = sys.argv[1:]
boto3.client("cloudformation", endpoint_url=os.environ.get("AWS_ENDPOINT_URL")).signal_resource(
    StackName=stack, LogicalResourceId=resource, UniqueId=instance, Status="SUCCESS")
PYTHON
}
