#!/usr/bin/env bash
# Is on this machine what the make targets need? Says what is missing with the one line that installs it.
# usage: prerequisites.sh base|postgresql
set -euo pipefail

missing=()
need_command() { command -v "$1" >/dev/null 2>&1 || missing+=("$2"); }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null 2>&1; then sudo "$@"
  else return 1; fi
}

base() {
  need_command git git
  need_command make make
  python=$(bash "$(dirname "$0")/python.sh") || missing+=(python3)
  if [ -n "${python:-}" ] && ! "$python" -c 'import venv, ensurepip' >/dev/null 2>&1; then
    missing+=(python3-venv)
  fi
}

postgresql_installed() { compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

postgresql() {
  postgresql_installed && return 0
  # Without this file Debian would start a cluster on the machine's own port, which nobody asked for.
  as_root mkdir -p /etc/postgresql-common || { missing+=(postgresql); return 0; }
  [ -e /etc/postgresql-common/createcluster.conf ] ||
    echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
  echo 'installing postgresql for the tests (a private cluster in a temporary folder is made of it)'
  as_root apt-get update -qq || true
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql >/dev/null || true
  postgresql_installed || missing+=(postgresql)
}

"$1"

if [ ${#missing[@]} -gt 0 ]; then
  echo "missing on this machine: ${missing[*]}" >&2
  echo "install it with:  apt-get update && apt-get install -y ${missing[*]}   (as root, or with sudo)" >&2
  exit 1
fi
