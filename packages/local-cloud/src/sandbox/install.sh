#!/usr/bin/env bash
# Installs Debian packages into a root that is laid over the machine's own file system; for base-layer.sh and package-layer.sh to source.
# The current directory is the build's, with the root in `root`.

log() { printf '%s\n' "$*"; }

# One process at a time makes layers; ends this one if another has made the archive meanwhile.
take_turn() { # LOCK ARCHIVE
  exec 9>"$1"
  if ! flock -n 9; then
    log 'another process is making a layer; waiting for it'
    flock 9
  fi
  if [[ -e $2 ]]; then exit 0; fi
}

prepare_chroot() {
  local entry name
  mkdir root/{proc,dev,run,root,tmp}
  chmod 1777 root/tmp
  mount -n -t proc proc root/proc
  mount -n --rbind /dev root/dev
  mount -n --make-rprivate root/dev
  # Sources, keys or certificates may lie elsewhere on the machine (`deb file:/opt/…`).
  for entry in /*; do
    name=${entry#/}
    if [[ -d $entry && ! -L $entry && ! -e root/$name && $name != sys ]]; then
      mkdir "root/$name"
      mount -n --bind "$entry" "root/$name"
      mount -n -o remount,bind,ro "root/$name"
    fi
  done
  # The machine's may be a link into /run.
  cat /etc/resolv.conf >root/run/resolv.conf || true
  rm -f root/etc/resolv.conf
  cp root/run/resolv.conf root/etc/resolv.conf
  # No service starts (invoke-rc.d asks this program), and no index of manual pages is made.
  printf '#!/bin/sh\nexit 101\n' >root/usr/sbin/policy-rc.d
  chmod 755 root/usr/sbin/policy-rc.d
  rm -f root/var/lib/man-db/auto-update
}

in_root() {
  env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 UCF_FORCE_CONFFMISS=1 HOME=/root TMPDIR=/tmp LC_ALL=C \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    chroot root "$@" </dev/null
}

apt() { in_root apt-get -o Dpkg::Use-Pty=0 -o APT::Sandbox::User=root "$@"; }

fetch_lists() {
  local lists=(root/var/lib/apt/lists/*_Packages*)
  if [[ ! -e ${lists[0]} ]]; then apt update; fi
}

install_packages() { # LAYER install|reinstall PACKAGE…
  local layer=$1 mode=$2
  shift 2
  local options=(-y --no-install-recommends -o 'Dpkg::Options::=--force-confnew')
  options+=(-o 'Dpkg::Options::=--path-exclude=/usr/share/doc/*' -o 'Dpkg::Options::=--path-exclude=/usr/share/man/*')
  options+=(-o 'Dpkg::Options::=--path-exclude=/usr/share/locale/*')
  if [[ $mode == reinstall ]]; then options+=(--reinstall -o 'Dpkg::Options::=--force-confmiss'); fi

  fetch_lists
  log "installing into the layer \"$layer\", not on this machine: $*"
  if ! apt install "${options[@]}" "$@"; then
    log 'that failed; once more with new package lists'
    apt update
    apt install "${options[@]}" "$@"
  fi
  rm -f root/usr/sbin/policy-rc.d
}
