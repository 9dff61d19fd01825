#!/usr/bin/env bash
# Makes a layer, such as the base layer of the hosts: what lies over the machine's own /usr to turn it into a fresh server, with
# the packages that we need, an /etc and a /var of its own, and nothing that is the machine's own. Runs as root in private namespaces.
#
# usage: base-layer.sh PROJECT BUILD LOCK ARCHIVE install|reinstall [PACKAGE…]
#
# Everything is built on a tmpfs over BUILD, packed, and moved to ARCHIVE in one step: a build that is killed leaves nothing,
# and any file system will do for ARCHIVE (an overlay's upper directory cannot be just anywhere).
set -euo pipefail
umask 022

project=$1
build=$2
lock=$3
archive=$4
install_mode=$5
shift 5
packages=("$@")
layer=${archive##*/}
layer=${layer%%-*}
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=install.sh
source "$here/install.sh"

# What hosts see of the machine's /etc. Everything else there may be private: keys, passwords, names, networks.
etc_entries=(
  adduser.conf alternatives bash.bashrc bashrc ca-certificates.conf crypto-policies debconf.conf debian_version
  default/locale default/useradd deluser.conf host.conf inputrc issue issue.net ld.so.cache ld.so.conf ld.so.conf.d
  libaudit.conf locale.alias locale.conf localtime login.defs lsb-release magic mime.types os-release pam.conf
  pam.d pki/ca-trust pki/tls/certs pki/tls/openssl.cnf profile protocols redhat-release rpc security selinux services
  shells skel ssh/moduli ssl/certs ssl/openssl.cnf sudo.conf system-release terminfo timezone xattr.conf
)

mount_machine() {
  local entry name
  mkdir upper work root
  system_directories=()
  for entry in /bin /sbin /lib* /usr /etc /var; do
    name=${entry#/}
    # bin, sbin, lib… are symbolic links where /usr is merged.
    if [[ -L $entry ]]; then
      cp -a -- "$entry" "root/$name"
    elif [[ -d $entry ]]; then
      system_directories+=("$name")
      mkdir "root/$name" "upper/$name" "work/$name"
      mount -n -t overlay \
        -o "lowerdir=/$name,upperdir=upper/$name,workdir=work/$name,redirect_dir=off,metacopy=off,index=off" \
        base-layer "root/$name"
    fi
  done
}

# People's accounts stay behind, those of the system come along, without passwords.
copy_accounts() {
  # shellcheck disable=SC2016 # for awk
  local is_system='($3 < 1000 || $3 == 65534)'
  awk -F: "$is_system" root/etc/passwd >etc/passwd
  awk -F: -v OFS=: 'NR == FNR { known[$1] = 1; next }
    '"$is_system"' {
      count = split($4, members, ","); $4 = ""
      for (i = 1; i <= count; i++) if (members[i] in known) $4 = $4 ($4 == "" ? "" : ",") members[i]
      print
    }' etc/passwd root/etc/group >etc/group
  awk -F: '{ print $1 ":*:20000:0:99999:7:::" }' etc/passwd >etc/shadow
  awk -F: '{ print $1 ":*::" $4 }' etc/group >etc/gshadow
  chmod 640 etc/shadow etc/gshadow
  chgrp --reference=root/etc/shadow etc/shadow etc/gshadow
  : >etc/subuid
  : >etc/subgid
}

write_settings() {
  local name
  for name in environment fstab hostname hosts machine-id motd resolv.conf; do : >"etc/$name"; done
  mkdir -p etc/ssh/{ssh,sshd}_config.d etc/profile.d etc/systemd etc/cron.d etc/init.d
  mkdir -m 750 etc/sudoers.d
  cat >etc/sudoers <<'SUDOERS'
Defaults env_reset
Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
root ALL=(ALL:ALL) ALL
@includedir /etc/sudoers.d
SUDOERS
  chmod 440 etc/sudoers
  cat >etc/nsswitch.conf <<'NSSWITCH'
passwd: files
group: files
shadow: files
gshadow: files
hosts: files
networks: files
protocols: files
services: files
NSSWITCH
  cat >etc/ssh/ssh_config <<'SSH'
Include /etc/ssh/ssh_config.d/*.conf
Host *
    SendEnv LANG LC_*
    HashKnownHosts yes
SSH
  # As Debian ships it, with the one host key that a host makes at its first start.
  cat >etc/ssh/sshd_config <<'SSHD'
Include /etc/ssh/sshd_config.d/*.conf
HostKey /etc/ssh/ssh_host_ed25519_key
KbdInteractiveAuthentication no
UsePAM yes
X11Forwarding yes
PrintMotd no
AcceptEnv LANG LC_*
Subsystem sftp internal-sftp
SSHD
  # In a container the kernel may refuse to write the login uid, and with it the whole login.
  if [[ -f etc/pam.d/sshd ]]; then
    sed -i 's/^session[[:space:]]\+required[[:space:]]\+pam_loginuid\.so/session optional pam_loginuid.so/' etc/pam.d/sshd
  fi
}

make_etc() {
  local entry
  mkdir etc
  for entry in "${etc_entries[@]}"; do
    if [[ -e root/etc/$entry || -L root/etc/$entry ]]; then (cd root/etc && cp -a --parents -- "$entry" ../../etc/); fi
  done
  copy_accounts
  write_settings
}

make_var() {
  mkdir -p var/{backups,cache,lib/misc,lib/pam,local,log,mail,opt,spool,tmp}
  mkdir -m 700 var/lib/sudo
  chmod 1777 var/tmp
  ln -s /run var/run
  ln -s /run/lock var/lock
  : >var/log/lastlog
  : >var/log/wtmp
  : >var/log/btmp
  chmod 660 var/log/btmp
}

pack() {
  local name entry overlays=() links=() partial=$archive.partial
  # A project below /usr would be seen by its own hosts.
  case $project in /usr/* | /lib*/*) rm -rf -- "root$project" ;; esac
  for name in "${system_directories[@]}"; do
    if [[ $name != etc && $name != var ]]; then overlays+=("$name"); fi
  done
  for entry in root/*; do
    if [[ -L $entry ]]; then links+=("${entry#root/}"); fi
  done
  # Where /usr is not merged there are none, and tar takes a directory without a name in it for a mistake
  if ((${#links[@]} > 0)); then links=(-C "$build/root" "${links[@]}"); fi
  tar --xattrs '--xattrs-include=*' -cf "$partial" etc var -C "$build/upper" "${overlays[@]}" "${links[@]}"
  mv -- "$partial" "$archive"
  log "the layer \"$layer\" is ready ($(du -m -- "$archive" | cut -f1) MB)"
  # Layers that no longer fit the machine. Those of the last hour may be about to be unpacked.
  find "$(dirname -- "$archive")" -maxdepth 1 -name "$layer-*.tar*" ! -name "${archive##*/}" -mmin +60 -delete
}

take_turn "$lock" "$archive"
mount -n -t tmpfs -o mode=755,size=100% base-layer "$build"
cd -- "$build"
mount_machine
if ((${#packages[@]} > 0)); then
  prepare_chroot
  install_packages "$layer" "$install_mode" "${packages[@]}"
fi
make_etc
make_var
pack
