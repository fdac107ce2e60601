#!/bin/sh
# A plain Debian or Ubuntu server: `sudo deploy/install.sh tools.example.org`, from a checkout in /opt/toolyard.
# Asks nothing and may be repeated: what is there is kept, units and nginx's site are written anew.
# With DESTDIR=folder only files are written, below that folder (for packagers and tests).
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
domain=${1:-${TOOLYARD_DOMAIN:-}}
dest=${DESTDIR:-}
umask 022

say() { printf 'install: %s\n' "$*" >&2; }
fail() { printf 'install: %s\n' "$*" >&2; exit 1; }

[ -n "$domain" ] || fail "say under which name people reach this server:  $0 tools.example.org"
case $domain in
*[!A-Za-z0-9.-]* | .* | -*) fail "$domain is no host name" ;;
esac
[ -n "$dest" ] || [ "$(id -u)" -eq 0 ] || fail "please run it as root"
case $root in
/home/* | /root/*) [ -n "$dest" ] || fail "move the checkout to /opt/toolyard: services cannot see $root" ;;
esac

# Programs ------------------------------------------------------------------------------------------
if [ -z "$dest" ]; then
    export DEBIAN_FRONTEND=noninteractive
    missing=
    for package in nginx postgresql nftables openssl ca-certificates python3 python3-venv git make; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
    done
    if [ -n "$missing" ]; then
        say "installing$missing (apt)"
        apt-get update -qq
        # shellcheck disable=SC2086
        apt-get install -qq -y --no-install-recommends $missing </dev/null >/dev/null
    fi
    TOOLYARD_DATA=/var/lib/toolyard-worker "$root/scripts/setup.sh" runtime
    getent group toolyard >/dev/null || groupadd --system toolyard
    getent passwd toolyard >/dev/null || useradd --system --gid toolyard \
        --home-dir /var/lib/toolyard --no-create-home --shell /usr/sbin/nologin toolyard
fi
# Those folders belong to services: what stands there may be a link that one of them has laid for root.
no_link() { # path
    [ ! -L "$dest$1" ] || fail "$1 is a link: look where it leads, remove it, and try again"
}
owned() { # mode owner:group folder
    no_link "$3"
    mkdir -p "$dest$3"
    chmod "$1" "$dest$3"
    [ -n "$dest" ] || chown -h "$2" "$3"
}

# Folders: web's, the workers', and the queues, which both use -----------------------------------------
owned 0750 toolyard:toolyard /var/lib/toolyard
owned 0700 toolyard:toolyard /var/lib/toolyard/secrets
owned 0700 toolyard:toolyard /var/lib/toolyard/tmp
owned 2770 toolyard:toolyard /var/lib/toolyard-bus
owned 2770 toolyard:toolyard /var/lib/toolyard-bus/wake
owned 0711 root:root /var/lib/toolyard-worker
owned 0700 root:root /var/lib/toolyard-worker/secrets
owned 0700 toolyard:toolyard /var/backups/toolyard
owned 0755 root:root /etc/toolyard
owned 0755 root:root /var/lib/toolyard-acme
for place in toolyard toolyard-worker; do # one doorbell for both
    [ -e "$dest/var/lib/$place/wake" ] || ln -s ../toolyard-bus/wake "$dest/var/lib/$place/wake"
done

# Secrets: the workers' token is the only one that both sides know -----------------------------------
no_link /var/lib/toolyard/secrets/worker-token
no_link /var/lib/toolyard-worker/secrets/worker-token
token=$dest/var/lib/toolyard/secrets/worker-token
if [ ! -s "$token" ]; then
    (umask 077; head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n' >"$token")
fi
(umask 077; cp "$token" "$dest/var/lib/toolyard-worker/secrets/worker-token")
[ -n "$dest" ] || chown -h toolyard:toolyard "$token"

# Settings: written once, then yours -----------------------------------------------------------------
setting_file() { # mode owner:group name; contents on standard input
    if [ -e "$dest/etc/toolyard/$3" ]; then
        cat >/dev/null
        return
    fi
    cat >"$dest/etc/toolyard/$3"
    chmod "$1" "$dest/etc/toolyard/$3"
    [ -n "$dest" ] || chown "$2" "/etc/toolyard/$3"
}
sed -e "s|@DOMAIN@|$domain|g" "$root/deploy/env/common.env" | setting_file 0644 root:root common.env
setting_file 0640 root:toolyard web.env <"$root/deploy/env/web.env"
setting_file 0600 root:root worker.env <"$root/deploy/env/worker.env"
setting_file 0644 root:root firewall.nft <"$root/deploy/firewall.nft"

# A certificate to begin with; yours replaces it in the same place ------------------------------------
tls=$dest/etc/toolyard/tls
mkdir -p "$tls"
if [ ! -s "$tls/fullchain.pem" ]; then
    say "making a self-signed certificate for $domain"
    (umask 077; openssl req -x509 -newkey rsa:2048 -nodes -days 90 -subj "/CN=$domain" \
        -addext "subjectAltName=DNS:$domain" -addext "basicConstraints=critical,CA:TRUE" \
        -keyout "$tls/privkey.pem" -out "$tls/fullchain.pem" 2>/dev/null)
    chmod 0644 "$tls/fullchain.pem"
fi
if [ -z "$dest" ] && openssl x509 -in "$tls/fullchain.pem" -noout -issuer -subject |
    sed 's/^[a-z]*=//' | uniq | wc -l | grep -qx 1; then
    cp "$tls/fullchain.pem" /usr/local/share/ca-certificates/toolyard-own.crt # the workers believe it
    update-ca-certificates >/dev/null 2>&1
fi

# Units and site -------------------------------------------------------------------------------------
mkdir -p "$dest/etc/systemd/system" "$dest/etc/nginx/sites-available" "$dest/etc/nginx/sites-enabled"
for unit in "$root"/deploy/systemd/*; do
    sed -e "s|/opt/toolyard|$root|g" "$unit" >"$dest/etc/systemd/system/${unit##*/}"
done
sed -e "s|@DOMAIN@|$domain|g" -e "s|@TLS@|/etc/toolyard/tls|g" -e "s|@SOCKET@|/run/toolyard/web.sock|g" \
    -e "s|@CACHE@|/var/cache/nginx/toolyard|g" -e "s|@ACME@|/var/lib/toolyard-acme|g" \
    -e "s|@HTTPS@|443|g" -e "s|@HTTP@|80|g" \
    "$root/deploy/nginx/toolyard.conf" >"$dest/etc/nginx/sites-available/toolyard"
ln -sf ../sites-available/toolyard "$dest/etc/nginx/sites-enabled/toolyard"
if [ -n "$dest" ]; then
    say "the files are below $dest"
    exit 0
fi

# Database: this machine's user is its password --------------------------------------------------------
as_postgres() { su postgres -s /bin/sh -c "cd / && $1"; }
as_postgres "psql -qtAc \"SELECT 1 FROM pg_roles WHERE rolname = 'toolyard'\"" | grep -q 1 ||
    as_postgres "createuser --createdb toolyard" # the restore drill makes one and drops it
as_postgres "psql -qtAc \"SELECT 1 FROM pg_database WHERE datname = 'toolyard'\"" | grep -q 1 ||
    as_postgres "createdb --owner toolyard --encoding UTF8 --template template0 toolyard"

# Start ----------------------------------------------------------------------------------------------
mkdir -p /var/cache/nginx
rm -f /etc/nginx/sites-enabled/default
nginx -t -q
systemctl daemon-reload
systemctl enable -q --now toolyard-firewall.service
systemctl enable -q toolyard-web.socket toolyard-backup.timer toolyard-drill.timer toolyard-sweep.timer toolyard.target
systemctl start toolyard-web.socket
systemctl restart nginx
systemctl restart --no-block toolyard.target

cat >&2 <<END
install: Toolyard answers at https://$domain/ ; builder and runner start when the host has passed \`toolyard doctor\`.
Next:
  1. a certificate that browsers know (see docs/server.md), in /etc/toolyard/tls/
  2. the first account:  cd $root && deploy/toolyard admin create-user you@example.org --admin
  3. where backups go:   TOOLYARD_BACKUP_TO in /etc/toolyard/web.env (now: /var/backups/toolyard)
  4. mail:               TOOLYARD_MAIL_URL in /etc/toolyard/web.env
  5. how it is:          systemctl status 'toolyard*' ; journalctl -u toolyard-web -f
END
