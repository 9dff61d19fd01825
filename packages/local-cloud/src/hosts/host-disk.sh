#!/usr/bin/env bash
# Makes the disk of a host, in the sandbox's mount namespace: there it outlives the host's processes.
#
# usage: host-disk.sh BASE DISK BYTES [VOLUME-PATH VOLUME-BYTES]…
#
#   DISK/root      the host's root. Shared, so that a volume mounted on it here appears in the running host too
#   DISK/volumes/  its volumes, each a file system of its own, counted from 0 in the order given
set -euo pipefail
umask 022

base=$1
disk=$2
bytes=$3
shift 3

mkdir -p -- "$disk"
mount -n -t tmpfs -o "size=$bytes,nr_inodes=4000000,mode=755" disk "$disk"
cd -- "$disk"
mkdir root upper work volumes
mount -n --bind root root
mount -n --make-shared root

for entry in "$base"/*; do
  name=${entry##*/}
  if [[ -L $entry || $name == var ]]; then
    cp -a -- "$entry" "root/$name"
    continue
  fi
  mkdir "root/$name" "upper/$name" "work/$name"
  # Options cannot hold every path; this one is the same for every host, and relative.
  lower=../../../base/$name
  if [[ $name != etc ]]; then lower+=:/$name; fi
  # With index and nfs_export, fanotify takes marks of it. The kernel leaves them out where it cannot: over another overlay.
  mount -n -t overlay \
    -o "lowerdir=$lower,upperdir=upper/$name,workdir=work/$name,redirect_dir=off,metacopy=off,index=on,nfs_export=on" \
    disk "root/$name"
done

mkdir root/{boot,dev,home,media,mnt,opt,proc,run,srv,sys}
mkdir -m 700 root/root
mkdir -m 1777 root/tmp
tr -d - </proc/sys/kernel/random/uuid >root/etc/machine-id

index=0
while (($# > 0)); do
  mkdir -p "volumes/$index" "root$1"
  mount -n -t tmpfs -o "size=$2,mode=755" "volume$index" "volumes/$index"
  mount -n --bind "volumes/$index" "root$1"
  printf 'volume%s %s tmpfs defaults 0 2\n' "$index" "$1" >>root/etc/fstab
  index=$((index + 1))
  shift 2
done
