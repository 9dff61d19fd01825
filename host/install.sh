#!/bin/sh
# Installs the host package from this repository, for hosts outside AWS: sudo host/install.sh
set -eu
exec /usr/bin/python3 -I "$(dirname -- "$0")/install.py" --from "$(dirname -- "$0")"
