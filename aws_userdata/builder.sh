# shellcheck shell=bash
# Builder: looks at repositories and makes tools of them, each step in a sandbox; root as the runner.
prepare_machine debian-archive-keyring debootstrap docker.io e2fsprogs git iproute2 iptables mount nftables
release_from_web
install_release

chown -R root:root "$DATA"
[ ! -d /run/systemd/system ] || systemctl enable --now docker.service
wait_until 60 curl -fsS -o /dev/null --unix-socket /run/docker.sock http://engine/_ping ||
    { say "the container engine does not answer"; exit 1; }

service builder root 7500 "$PYTHON" -m builder_service
ship_logs
watch_notices builder
wait_until 300 log_has builder_ready ||
    { say "the builder is not ready; see /var/log/toolyard or the journal"; exit 1; }
say "the builder is ready"
