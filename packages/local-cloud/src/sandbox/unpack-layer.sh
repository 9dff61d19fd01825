#!/usr/bin/env bash
# Unpacks a layer into an empty directory.
#
# usage: unpack-layer.sh ARCHIVE DIRECTORY
set -euo pipefail
umask 022

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=layer.sh
source "$here/layer.sh"

unpack_layer "$1" "$2"
chmod 755 -- "$2"
