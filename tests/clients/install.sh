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

# Ubuntu's package named thunderbird holds no program: it installs the snap, which runs in a confinement of its
# own and cannot be driven from outside.
case "$missing" in *thunderbird*)
    if apt-cache policy thunderbird | grep -q 'Candidate:.*snap'; then
        echo "The package thunderbird of this Ubuntu is the snap, which these tests cannot drive." >&2
        echo "Install the real program: from ppa:mozillateam/ppa, with a higher apt pin than Ubuntu's own, or" >&2
        echo "unpack Mozilla's archive and put its folder into PATH. Or run 'make clients' on Debian." >&2
        exit 1
    fi ;;
esac
case "$(command -v thunderbird)" in /snap/*)
    echo "The thunderbird in PATH is the snap, which these tests cannot drive: see tests/clients/install.sh." >&2
    exit 1 ;;
esac

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
