#!/usr/bin/env bash
# Makes a root file system from a layer inside fresh namespaces and runs a command in it, under process 1 (init.sh).
#
# usage: root-init.sh DIRECTORY LAYER PROJECT COMMAND [ARGUMENT…]
#
# The command sees the layer's /etc and /var, the machine's /usr with the layer over it, and PROJECT where it is on the
# machine. It may write anywhere: what it writes outside PROJECT goes with the tmpfs that covers DIRECTORY here.
set -euo pipefail
umask 022

directory=$1
layer=$2
project=$3
shift 3
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=layer.sh
source "$here/layer.sh"

mount -n -t tmpfs -o mode=755,size=100% root "$directory"
(
  cd -- "$directory"
  mkdir layer root
  unpack_layer "$layer" layer
  lay_over_machine layer root rw
  mkdir -p root/{dev,home,mnt,opt,proc,run,srv}
  mkdir -m 700 root/root
  mkdir -m 1777 root/tmp
  printf '127.0.0.1 localhost\n::1 localhost\n' >root/etc/hosts
  mount -n --rbind /dev root/dev
  mount -n --make-rslave root/dev
  mount -n -t proc proc root/proc
  mkdir -p "root$project"
  # Not what is mounted below it, DIRECTORY above all
  mount -n --bind "$project" "root$project"
)
# shellcheck disable=SC2016 # for the inner shell
exec bash "$here/init.sh" chroot "$directory/root" /bin/bash -c 'cd -- "$1" && shift && exec "$@"' root "$project" "$@"
