#!/bin/sh
# Installs the calendar programs that `make clients` drives. Root or sudo is needed only if something is missing.
set -eu
here=$(dirname "$0")

missing=""
need() { # program package
    command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need thunderbird thunderbird
need dbus-run-session dbus
need node nodejs
need npm npm
for package in evolution-data-server python3-gi gir1.2-ecal-2.0 gir1.2-edataserver-1.2; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing="$missing $package"
done

if [ -n "$missing" ]; then
    line="apt-get install --no-install-recommends -y$missing"
    if [ "$(id -u)" = 0 ]; then
        as_root=""
    elif sudo -n true 2>/dev/null; then
        as_root="sudo"
    else
        echo "The client tests need these Debian packages. Run this once, as root:" >&2
        echo "    apt-get update && $line" >&2
        exit 1
    fi
    $as_root apt-get update -q
    # shellcheck disable=SC2086 # the line is words
    $as_root env DEBIAN_FRONTEND=noninteractive $line
fi

if [ ! -d "$here/tsdav/node_modules/tsdav" ] || [ "$here/tsdav/package-lock.json" -nt "$here/tsdav/node_modules" ]; then
    npm ci --prefix "$here/tsdav" --no-audit --no-fund --loglevel=error
fi
