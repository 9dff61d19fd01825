#!/usr/bin/env bash
# Makes a sandbox inside fresh namespaces, then becomes their process 1 (init.sh).
#
# usage: sandbox-init.sh DIRECTORY BASE-LAYER COMMAND [ARGUMENT…]
#
# DIRECTORY is an empty directory; in the sandbox a tmpfs covers it, so nothing is left there afterwards:
#   inside    marks that this is a sandbox
#   base/     the base layer, unpacked
#   tools/    a root from the base layer, read-only, for the sandbox's own use of `ip`, with /proc
#   fleets/   the hosts
set -euo pipefail
umask 022

directory=$1
base_layer=$2
shift 2
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=layer.sh
source "$here/layer.sh"

mount -n -t tmpfs -o mode=755,size=100% sandbox "$directory"
(
  cd -- "$directory"
  mkdir base tools fleets
  lay_over_machine "$base_layer" base tools ro
  # iproute2 (6.15, as in Debian 13) looks up there what `netns PID` means
  mkdir tools/proc
  mount -n -t proc proc tools/proc
  chroot tools /bin/bash -c 'PATH=/usr/sbin:/sbin:/usr/bin:/bin ip link set lo up'
  : >inside
)
exec bash "$here/init.sh" "$@"
