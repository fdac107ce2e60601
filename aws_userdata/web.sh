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

# The first administrator's token goes from one program into a secret, past logs and files; where the
# account is there already, the command refuses and nothing changes.
first_admin() {
    local settings
    mapfile -t settings </etc/toolyard/settings.env
    cd /opt/toolyard/current || return
    setpriv --reuid=toolyard --regid=toolyard --init-groups \
        env -i PATH="$PATH" HOME="$DATA" "${settings[@]}" "$PYTHON" -m cli admin create-user "$ADMIN_EMAIL" --admin --json |
        python3 -c '
import json, os, sys, boto3
token = json.load(sys.stdin)["token"]
boto3.client("secretsmanager", endpoint_url=os.environ.get("AWS_ENDPOINT_URL")).put_secret_value(
    SecretId=sys.argv[1], SecretString=token)' "$ADMIN_SECRET"
}
[ -z "${ADMIN_EMAIL:-}" ] || first_admin 2>/dev/null || say "there is an administrator already"

service web toolyard 30 "$PYTHON" -m web
ship_logs
port=$(sed -n 's/^TOOLYARD_PORT=//p' /etc/toolyard/settings.env)
wait_until 300 curl -fsS -m 5 -o /dev/null "http://127.0.0.1:${port:-8080}/readyz" ||
    { say "web is not ready; see /var/log/toolyard or the journal"; exit 1; }
signal_ready
say "web is ready"
