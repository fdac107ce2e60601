# shellcheck shell=bash
# Web: pages, the API and the workers' API, behind the load balancer.
prepare_machine git
release_from_store
install_release

migrate() {
    local settings
    mapfile -t settings </etc/toolyard/settings.env
    cd /opt/toolyard/current || return
    setpriv --reuid=toolyard --regid=toolyard --init-groups \
        env -i PATH="$PATH" HOME="$DATA" "${settings[@]}" "$PYTHON" -m cli.prepare --database-only
}
# Several may start at once; a lock in the database lets one of them migrate.
again 30 10 migrate

service web toolyard 30 "$PYTHON" -m web
ship_logs
port=$(sed -n 's/^TOOLYARD_PORT=//p' /etc/toolyard/settings.env)
wait_until 300 curl -fsS -m 5 -o /dev/null "http://127.0.0.1:${port:-8080}/readyz" ||
    { say "web is not ready; see /var/log/toolyard or the journal"; exit 1; }
signal_ready
say "web is ready"
