# shellcheck shell=bash
# Runner: takes runs from its queue and keeps each in a sandbox. Root, for the sandbox's own sake:
# it makes file systems and packet rules; what runs inside is never root.
prepare_machine docker.io e2fsprogs git iproute2 iptables mount nftables
release_from_web
install_release

chown -R root:root "$DATA"
[ ! -d /run/systemd/system ] || systemctl enable --now docker.service
wait_until 60 curl -fsS -o /dev/null --unix-socket /run/docker.sock http://engine/_ping ||
    { say "the container engine does not answer"; exit 1; }

service janitor root 30 "$PYTHON" -m runner_service.janitor
service runner root 7500 "$PYTHON" -m runner_service
ship_logs
watch_notices runner
wait_until 300 log_has runner_ready ||
    { say "the runner is not ready; see /var/log/toolyard or the journal"; exit 1; }
say "the runner is ready"
