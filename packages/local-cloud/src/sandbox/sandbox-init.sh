#!/usr/bin/env bash
# Makes a sandbox inside fresh namespaces, then becomes their process 1 (init.sh).
#
# usage: sandbox-init.sh DIRECTORY BASE-LAYER COMMAND [ARGUMENT…]
#
# DIRECTORY is an empty directory; in the sandbox a tmpfs covers it, so nothing is left there afterwards:
#   inside           marks that this is a sandbox; has the name of the base layer's archive
#   base/            the base layer, unpacked
#   layers/          layers of packages, unpacked (package-layer.ts)
#   tools/           a root from the base layer, read-only, for the sandbox's own use of `ip`, with /proc
#   fleets/          the hosts
#   machine-network  the network that packages come from, and nothing else in here uses: a namespace, opened by who started this as
#                    descriptor 4
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
  mkdir base tools layers fleets
  unpack_layer "$base_layer" base
  lay_over_machine base tools ro
  # iproute2 (6.15, as in Debian 13) looks up there what `netns PID` means
  mkdir tools/proc
  mount -n -t proc proc tools/proc
  chroot tools /bin/bash -c 'PATH=/usr/sbin:/sbin:/usr/bin:/bin ip link set lo up'
  : >machine-network
  mount -n --bind /proc/self/fd/4 machine-network
  printf '%s\n' "${base_layer##*/}" >inside
)
exec 4<&-
exec bash "$here/init.sh" "$@"
