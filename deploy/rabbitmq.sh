#!/bin/sh
# RabbitMQ in place of the file of queues, after deploy/install.sh: `sudo deploy/rabbitmq.sh`. May be repeated.
# Builder and runner get logins of their own, with the rights of docs/permissions.md; passwords stand in no argument.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
[ "$(id -u)" -eq 0 ] || { echo "rabbitmq: please run it as root" >&2; exit 1; }
[ -e /etc/toolyard/web.env ] || { echo "rabbitmq: run deploy/install.sh first" >&2; exit 1; }
umask 077

if [ ! -x /usr/lib/rabbitmq/bin/rabbitmq-server ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends rabbitmq-server </dev/null >/dev/null
fi
mkdir -p /etc/rabbitmq/conf.d
echo 'listeners.tcp.local = 127.0.0.1:5672' >/etc/rabbitmq/conf.d/toolyard.conf
chmod 0755 /etc/rabbitmq/conf.d
chmod 0644 /etc/rabbitmq/conf.d/toolyard.conf
systemctl restart rabbitmq-server

passwords=/etc/toolyard/rabbitmq.env
[ -s "$passwords" ] || for login in '' UTILITY_ BUILDER_ RUNNER_; do
    echo "TOOLYARD_RABBITMQ_${login}PASSWORD=$(openssl rand -hex 24)"
done >"$passwords"
set -a
. "$passwords"
set +a
(cd "$root" && .venv/bin/python -m cli.broker_logins) | rabbitmqctl -q import_definitions
if rabbitmqctl -q list_users | grep -q '^guest'; then rabbitmqctl -q delete_user guest; fi

bus() { # file login password
    touch "/etc/toolyard/$1"
    sed -i '/^TOOLYARD_BUS_URL=/d' "/etc/toolyard/$1" # keeps owner and mode
    echo "TOOLYARD_BUS_URL=amqp://$2:$3@127.0.0.1:5672/" >>"/etc/toolyard/$1"
}
bus web.env toolyard "$TOOLYARD_RABBITMQ_PASSWORD"
bus builder.env builder "$TOOLYARD_RABBITMQ_BUILDER_PASSWORD"
bus runner.env runner "$TOOLYARD_RABBITMQ_RUNNER_PASSWORD"
systemctl restart toolyard.target
