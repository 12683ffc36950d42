#!/usr/bin/env bash
# Is on this machine what the make targets need? Looks at everything first and names all that is missing with
# the one line that installs it; installs PostgreSQL by itself where it may.
# usage: prerequisites.sh base|postgresql
set -euo pipefail

oldest_postgresql=15
install_log=${TMPDIR:-/tmp}/radicale-practice-apt.$$
missing=()

need_command() { command -v "$1" >/dev/null 2>&1 || missing+=("$2"); }

is_root() { [ "$(id -u)" = 0 ]; }

# Root, or sudo that asks for no password or has somebody to ask.
may_install() { is_root || { command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; }; }

as_root() { if is_root; then "$@"; else sudo "$@"; fi; }

base() {
  need_command git git
  need_command make make
  local python
  if ! python=$(bash "$(dirname "$0")/python.sh"); then
    # Where python3 is older than 3.11, to install it once more would not help.
    local package=python3
    ! command -v python3 >/dev/null 2>&1 || package=python3.11
    missing+=("$package" "$package-venv")
  elif ! "$python" -c 'import venv, ensurepip' >/dev/null 2>&1; then
    missing+=("${python##*/}-venv")
  fi
}

# The same programs that the tests look for; an older version is none.
postgresql_installed() {
  local program version
  for program in /usr/lib/postgresql/*/bin/initdb; do
    version=${program#/usr/lib/postgresql/}
    version=${version%%/*}
    [[ -x $program && $version =~ ^[0-9]+$ ]] && [ "$version" -ge $oldest_postgresql ] && return 0
  done
  return 1
}

postgresql() {
  base
  postgresql_installed && return 0
  if ! may_install; then
    missing+=(postgresql)
    return 0
  fi
  [ ${#missing[@]} -eq 0 ] || { missing+=(postgresql); return 0; }
  echo 'installing postgresql for the tests (a private cluster in a temporary folder is made of it)'
  # Without this file Debian would start a cluster on the machine's own port, which nobody asked for.
  as_root mkdir -p /etc/postgresql-common
  [ -e /etc/postgresql-common/createcluster.conf ] ||
    echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
  { as_root apt-get update -q && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q postgresql; } \
    >"$install_log" 2>&1 || tail -n 20 "$install_log" >&2
  rm -f "$install_log"
  postgresql_installed && return 0
  if compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then
    echo "the tests need PostgreSQL $oldest_postgresql or later, and this system's is older:" \
      'Debian 12 and Ubuntu 23.04 have it, https://apt.postgresql.org has it for others' >&2
    exit 1
  fi
  missing+=(postgresql)
}

"$1"

if [ ${#missing[@]} -gt 0 ]; then
  echo "missing on this machine: ${missing[*]}" >&2
  echo "install it with:  apt-get update && apt-get install -y ${missing[*]}   (as root, or with sudo)" >&2
  exit 1
fi
