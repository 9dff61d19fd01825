#!/usr/bin/env bash
# Makes a layer of Debian packages, which lies between the base layer of a host and the host's own files. Runs as root in private
# namespaces inside a sandbox, but with the machine's network.
#
# usage: package-layer.sh SANDBOX LOCK ARCHIVE PACKAGE…
#
# The packages are installed into what a host with the base layer alone would have; the layer has the /etc and the /var that come of it
# whole, and of the other directories what is new. As with base-layer.sh, a build that is killed leaves nothing.
set -euo pipefail
umask 022

sandbox=$1
lock=$2
archive=$3
shift 3
packages=("$@")
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=layer.sh
source "$here/layer.sh"
# shellcheck source=install.sh
source "$here/install.sh"

# What apt and dpkg need of the machine while they work, and hosts do not have
borrowed_settings=(apt dpkg hosts nsswitch.conf)
databases=(lib/apt lib/dpkg cache/apt cache/debconf)

borrow() {
  local name
  for name in "${borrowed_settings[@]}"; do
    rm -rf "root/etc/$name"
    if [[ -e /etc/$name ]]; then cp -aL -- "/etc/$name" "root/etc/$name"; fi
  done
  for name in "${databases[@]}"; do
    if [[ ! -d /var/$name ]]; then continue; fi
    mkdir -p "root/var/$name" "upper/var/$name" "work/var/$name"
    mount -n -t overlay \
      -o "lowerdir=/var/$name,upperdir=upper/var/$name,workdir=work/var/$name,redirect_dir=off,metacopy=off,index=off" \
      database "root/var/$name"
  done
  mkdir -p root/etc/rc{0,1,2,3,4,5,6,S}.d
}

# Some packages make directories at their first installation and count on them later, also in triggers of other packages (sgml-base). To
# dpkg, what the machine has is installed already. So the machine's directories are there while packages are installed, empty, and those that
# stay empty go.
lend_directories() {
  local path name
  lent=()
  for path in /etc/*/ /var/lib/*/; do
    name=${path%/}
    if [[ ! -L $name && ! -e root$name ]]; then
      mkdir "root$name"
      lent+=("root$name")
    fi
  done
}

take_directories_back() {
  if ((${#lent[@]} > 0)); then rmdir --ignore-fail-on-non-empty "${lent[@]}"; fi
}

give_back() {
  local name
  for name in "${databases[@]}"; do
    if [[ -d /var/$name ]]; then umount -n "root/var/$name"; fi
    rm -rf "root/var/$name"
  done
  for name in "${borrowed_settings[@]}" resolv.conf; do
    rm -rf "root/etc/$name"
    if [[ -e layer/etc/$name ]]; then cp -a -- "layer/etc/$name" "root/etc/$name"; fi
  done
  rm -rf root/etc/{passwd,group,shadow,gshadow,subuid,subgid}- root/etc/.pwd.lock
  rm -rf root/var/cache/{ldconfig,man} root/var/log/{apt,alternatives.log,dpkg.log} root/var/lib/{systemd,ucf}
}

# Of these and what they depend on, what the machine has already, so that apt would leave it out: hosts have it in /usr, but not its
# files in /etc and /var. What every Debian has is in the base layer, and systemd does not run.
known_to_machine() {
  local package state essential priority
  in_root apt-cache depends --recurse --important "${packages[@]}" | sed -n 's/^\([a-z0-9][^: ]*\).*/\1/p' | sort -u \
    | while read -r package; do
      read -r state essential priority < <(
        in_root dpkg-query -W -f "\${db:Status-Status} \${Essential} \${Priority}\n" "$package" 2>/dev/null | head -n 1
      ) || continue
      if [[ $state != installed || $essential == yes || $priority == required || $package == systemd* ]]; then continue; fi
      if lacks_files "$package"; then printf '%s\n' "$package"; fi
    done
}

lacks_files() {
  local path
  while read -r path; do
    if [[ ! -e root$path ]]; then return 0; fi
  done < <(in_root dpkg-query -L "$1" | grep -E '^/(etc|var)/')
  return 1
}

pack() {
  local entry links=() overlays=() partial=$archive.partial
  for entry in layer/*; do
    entry=${entry#layer/}
    if [[ -L layer/$entry ]]; then
      links+=("$entry")
    elif [[ $entry != etc && $entry != var ]]; then
      overlays+=("$entry")
    fi
  done
  tar --xattrs '--xattrs-include=*' -cf "$partial" -C root etc var "${links[@]}" -C ../upper "${overlays[@]}"
  mv -- "$partial" "$archive"
  log "the layer of ${packages[*]} is ready ($(du -m -- "$archive" | cut -f1) MB)"
  # Those that nobody has used for a month
  find "$(dirname -- "$archive")" -maxdepth 1 -name 'packages-*.tar*' ! -name "${archive##*/}" -mtime +30 -delete
}

take_turn "$lock" "$archive"
# Options of an overlay cannot hold every path
cd -- "$sandbox"
mkdir -p build
mount -n -t tmpfs -o mode=755,size=100% package-layer build
mkdir build/{layer,root,upper,work}
mount -n --bind base build/layer
cd build
lay_over_machine layer root rw
prepare_chroot
borrow
fetch_lists
mapfile -t known < <(known_to_machine)
lend_directories
install_packages packages reinstall "${packages[@]}" "${known[@]}"
take_directories_back
give_back
pack
