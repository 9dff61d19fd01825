#!/usr/bin/env bash
# Makes the disk of a host, in the sandbox's mount namespace: there it outlives the host's processes.
#
# usage: host-disk.sh SANDBOX LAYER DISK BYTES [VOLUME-PATH VOLUME-BYTES]…
#
# LAYER is the name of a layer of packages in the sandbox, or empty.
#
#   DISK/root      the host's root. Shared, so that a volume mounted on it here appears in the running host too
#   DISK/volumes/  its volumes, each a file system of its own, counted from 0 in the order given
set -euo pipefail
umask 022

sandbox=$1
layers=(${2:+"layers/$2"} base)
disk=$3
bytes=$4
shift 4

mkdir -p -- "$disk"
mount -n -t tmpfs -o "size=$bytes,nr_inodes=4000000,mode=755" disk "$disk"
cd -- "$disk"
mkdir root upper work volumes
mount -n --bind root root
mount -n --make-shared root

# A layer of packages has the links, the /etc and the /var of the base layer, too, as they are with the packages.
for entry in "$sandbox/${layers[0]}"/*; do
  name=${entry##*/}
  if [[ -L $entry || $name == var ]]; then
    cp -a -- "$entry" "root/$name"
    continue
  fi
  mkdir "root/$name" "upper/$name" "work/$name"
  # Options cannot hold every path; these are the same for every host, and relative.
  if [[ $name == etc ]]; then
    lower=../../../${layers[0]}/etc
  else
    printf -v lower "../../../%s/$name:" "${layers[@]}"
    lower+=/$name
  fi
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
