#!/usr/bin/env bash
# Makes the virtual environment and installs the package with the wanted extras.
# usage: environment.sh VENV EXTRAS STAMP
set -euo pipefail
venv=$1 extras=$2 stamp=$3
if [ ! -x "$venv/bin/python" ]; then
  "$(bash "$(dirname "$0")/python.sh")" -m venv "$venv"
fi
echo "installing radicale-practice$extras into $venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -e ".$extras"
touch "$stamp"
