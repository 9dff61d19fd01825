#!/bin/bash
# Makes this host ready to receive from the group's primary and prints its host key; a second run changes nothing.
# Request, output and exit codes: docs/host-scripts.md.
#
# What the primary's key can do afterwards: write below the directories of the request, as their owner. It starts one
# command, the rsync daemon, whose modules chroot and drop to that owner.
set -Eeuo pipefail
declare -F hostsync_read_request >/dev/null || . "$(dirname -- "${BASH_SOURCE[0]}")/request.sh"

home=$var/login
daemon=(/usr/bin/rsync --server --daemon "--config=$etc/rsyncd.conf" .)
# An empty environment, for no variable is to choose what is loaded. rsync before 3.5 starts OpenSSL after the chroot,
# so its configuration, which can name code to run, would be read from the module: an empty name is no file.
forced=(/usr/bin/env -i OPENSSL_CONF= "${daemon[@]}")
changed=false
option_readable=''

# Two joins at once, or a late one of an older epoch, must not mix.
take_turn() {
  local turn
  exec {turn}>>/run/hostsync.lock
  flock -w 60 "$turn" || fail not-ready 'another join.sh or promote.sh has been running for a minute; end it, then try again'
}

# --- the directories

check_directories() {
  local index path real
  for index in "${!request_directories[@]}"; do
    path=${request_directories[index]}
    real=$(readlink -m -- "$path")
    [[ $real == "$path" ]] || fail not-ready "directory \"$path\" goes through a symbolic link; name the real path, $real"
    [[ ! -d $path ]] || continue
    [[ ! -e $path ]] || fail not-ready "directory \"$path\" is no directory; move it away"
    [[ ${request_owners[index]} ]] || fail not-ready "directory \"$path\" is not there; make it, or add owner and group to its line"
    getent passwd "${request_owners[index]}" >/dev/null || [[ ${request_owners[index]} =~ ^[0-9]+$ ]] \
      || fail not-ready "directory \"$path\": no user \"${request_owners[index]}\" on this host; make the user, or the directory"
    getent group "${request_groups[index]}" >/dev/null || [[ ${request_groups[index]} =~ ^[0-9]+$ ]] \
      || fail not-ready "directory \"$path\": no group \"${request_groups[index]}\" on this host; make the group, or the directory"
  done
}

make_directory() { # PATH OWNER GROUP; missing parents are root's
  local path='' rest=${1#/} temp
  while [[ $rest == */* ]]; do
    path+=/${rest%%/*} rest=${rest#*/}
    [[ -d $path ]] || mkdir -m 755 -- "$path"
  done
  # with its owner from the first moment: the owner decides as whom the daemon writes
  temp=$(mktemp -d "$path/.hostsync.XXXXXX")
  chmod 755 "$temp"
  chown "$2:$3" "$temp"
  mv -T "$temp" "$1"
  log "made $1, owner $2, group $3"
  changed=true
}

# --- the login

# Password "*": none fits. ("!" means locked, and an sshd without PAM then refuses keys too.) A forced command is run
# by the login's shell, so nologin would block it.
make_login() {
  local entry name=hostsync
  if ! entry=$(getent passwd "$name"); then
    local group=(--user-group)
    ! getent group "$name" >/dev/null || group=(--gid "$name")
    useradd --system "${group[@]}" --home-dir "$home" --no-create-home --shell /bin/sh --password '*' "$name"
    log 'made the login hostsync'
    changed=true
  elif [[ $entry != *":$home:"* || $entry == "$name":*:0:* ]]; then
    fail not-ready "the user $name on this host is not ours (home $(cut -d: -f6 <<<"$entry")); rename that user"
  fi
  entry=$(getent passwd "$name")
  if [[ $entry != *:/bin/sh || $(getent shadow "$name") != "$name:*:"* ]]; then
    usermod --shell /bin/sh --password '*' "$name"
    changed=true
  fi
  login_uid=$(id -u "$name")
}

make_state_directories() { # root's, so that the login cannot add a key
  local path
  for path in "$etc" "$var" "$home" "$home/.ssh"; do
    mkdir -p "$path"
    [[ $(stat -c %a:%u:%g "$path") == 755:0:0 ]] || {
      chown 0:0 "$path"
      chmod 755 "$path"
    }
  done
}

install_key() {
  local before=$changed
  changed=false
  install_file 644 "$home/.ssh/authorized_keys" <<END
restrict,command="/usr/bin/sudo -n ${forced[*]}" $request_public_key hostsync:$request_group
END
  # enforcing SELinux lets sshd read keys of this type only
  if type -P selinuxenabled >/dev/null && selinuxenabled; then
    chcon -R -t ssh_home_t "$home/.ssh" || log "chcon failed on $home/.ssh; if pushes are refused, label it ssh_home_t"
  fi
  if [[ $changed == true ]]; then end_sessions "$login_uid"; else changed=$before; fi
}

# Without a terminal there is nothing for use_pty to protect, and its relay would stand between ssh and rsync.
# requiretty would refuse us; sudo-rs does not know it, which is why there is a second try.
install_sudoers() {
  local temp settings ok=''
  temp=$(mktemp /etc/sudoers.d/.hostsync.XXXXXX)
  for settings in '!requiretty, !use_pty' '!use_pty'; do
    printf 'Defaults:hostsync %s\nhostsync ALL=(root) NOPASSWD: %s\n' "$settings" "${forced[*]//=/\\=}" >"$temp"
    chmod 440 "$temp"
    ! visudo -cqf "$temp" >&2 || ok=yes
    [[ ! $ok ]] || break
  done
  [[ $ok ]] || {
    rm -f "$temp"
    fail not-ready 'visudo refuses our rule, see standard error; update sudo'
  }
  install_file 440 /etc/sudoers.d/hostsync <"$temp"
  rm -f "$temp"
  sudo -n -l -U hostsync "${forced[@]}" >/dev/null 2>&1 \
    || log 'sudo does not let hostsync run rsync: does /etc/sudoers have the line "@includedir /etc/sudoers.d"?'
}

# --- the daemon

write_modules() {
  local path uid gid name module groups readable links=''
  # For rescue.sh: whatever it does not use is refused. What is read there, the primary's key can read.
  readable=$'read only = yes\nwrite only = no\nrefuse options = * !r !l !p !t !H !S !R !u !numeric-ids !timeout !files-from !ignore-missing-args log-format'
  # The log goes to syslog: standard output is the connection. Below verbosity 9 daemons before 3.5 do not say how much
  # they deleted. Every option is refused but those that push.sh uses: some have names looked up, by libraries that
  # would be loaded from the module (usermap, groupmap, copy-as), some tell what the files hold (block-size, debug).
  cat <<'END'
# Written by hostsync's join.sh, which overwrites changes.
use chroot = yes
numeric ids = yes
munge symlinks = no
read only = no
write only = yes
list = no
max verbosity = 9
reverse lookup = no
forward lookup = no
refuse options = * !r !l !p !t !g !o !H !S !numeric-ids !modify-window !timeout !stats !delete !delete-delay !delete-before !delay-updates !existing !ignore-existing !R !d !no-r !c !I !delete-missing-args !max-delete !bwlimit log-format
END
  # From 3.5 on rsync walks to every new file twice more, for fear of symbolic links that lead out of the module. Nothing
  # leads out of the chroot, and the walks take a quarter of the time of a first sync.
  ! [[ $(rsync --version) =~ version\ (3\.([5-9]|[1-9][0-9])|[4-9])\. ]] || links=$'insecure links = yes\n'
  for path in "${request_directories[@]}"; do
    find_module "$path"
    read -r uid gid < <(stat -c '%u %g' -- "$path")
    printf '\n[%s]\npath = %s\nuid = %s\n' "$module" "$path" "$uid"
    # the owner's other groups too: a file may have one of them
    name=$(getent passwd "$uid" | cut -d: -f1) || name=''
    groups=$(printf '%s\n' "$gid" ${name:+$(id -G -- "$name")} | awk '!seen[$0]++' | paste -sd' ')
    printf 'gid = %s\n' "$groups"
    # set-user-id means nothing good in files that a web server's user writes; on directories set-group-id stays
    ((uid == 0)) || printf 'incoming chmod = Fu-s,Fg-s\n%s' "$links"
    [[ ! $option_readable ]] || printf '\n[%s-read]\npath = %s\nuid = %s\ngid = %s\n%s\n' "$module" "$path" "$uid" "$groups" "$readable"
  done
  # the lists of leave.sh; root's, as the names of files are nobody's business
  if [[ $option_readable && -d $var/stranded && ! -L $var/stranded && $(stat -c %u "$var/stranded") == 0 ]]; then
    printf '\n[stranded]\npath = %s\nuid = 0\ngid = 0\n%s\n' "$var/stranded" "$readable"
  fi
}

# --- sshd

start_sshd() {
  local unit
  if [[ -d /run/systemd/system ]]; then
    for unit in ssh.socket sshd.socket ssh.service sshd.service; do
      ! systemctl -q is-active "$unit" || return 0
    done
    for unit in ssh.service sshd.service; do
      systemctl cat "$unit" >/dev/null 2>&1 || continue
      systemctl -q enable --now "$unit" >&2 || fail not-ready "$unit does not start; see journalctl -u $unit"
      log "started and enabled $unit"
      changed=true
      return 0
    done
  fi
}

# Tells of what would keep sshd from taking the key; its answer needs host keys and /run/sshd, so there may be none.
read_sshd_settings() {
  local name value file found=no
  host_key_files=()
  while read -r name value; do
    case $name in
      hostkey) host_key_files+=("$value.pub") ;;
      pubkeyauthentication) [[ $value == yes ]] || log 'sshd does not take public keys; set PubkeyAuthentication yes for User hostsync' ;;
      forcecommand) [[ $value == none ]] || log 'sshd forces another command; set ForceCommand none for User hostsync' ;;
      authorizedkeysfile)
        for file in $value; do
          [[ $file != @(.ssh/authorized_keys|%h/.ssh/authorized_keys|"$home/.ssh/authorized_keys") ]] || found=yes
        done
        [[ $found == yes ]] || log "sshd does not read $home/.ssh/authorized_keys; set AuthorizedKeysFile .ssh/authorized_keys for User hostsync"
        ;;
    esac
  done < <(sshd -T -C user=hostsync,host=localhost,addr=127.0.0.1 2>/dev/null)
  ((${#host_key_files[@]} > 0)) || host_key_files=(/etc/ssh/ssh_host_{ed25519,ecdsa,rsa}_key.pub)
}

find_host_key() { # sets host_key: what sshd shows, the best kind first
  local type file rest
  host_key=''
  for type in ssh-ed25519 ecdsa-sha2- ssh-rsa; do
    for file in "${host_key_files[@]}"; do
      [[ ! $host_key && -r $file ]] || continue
      read -r host_key rest <"$file" || true
      if [[ $host_key == "$type"* ]]; then host_key+=" ${rest%% *}"; else host_key=''; fi
    done
  done
}

main() {
  local index modules host_key host_key_files login_uid
  need rsync=rsync/rsync sshd=openssh-server/openssh-server ssh-keygen=openssh-client/openssh sudo=sudo/sudo \
    visudo=sudo/sudo useradd=passwd/shadow-utils flock=util-linux/util-linux awk=mawk/gawk
  [[ -x ${daemon[0]} ]] || fail not-ready "${daemon[0]} is missing, rsync is at $(type -P rsync); install the distribution's rsync"
  take_turn
  check_epoch
  check_directories
  for index in "${!request_directories[@]}"; do
    [[ -d ${request_directories[index]} ]] \
      || make_directory "${request_directories[index]}" "${request_owners[index]}" "${request_groups[index]}"
  done
  make_login
  make_state_directories
  # The epoch before the key: if we are stopped between the two, the older key can no longer come back.
  install_file 644 "$etc/group" <<<"group"$'\t'"$request_group"$'\n'"epoch"$'\t'"$request_epoch"
  modules=$(write_modules)
  [[ ! $option_readable ]] || : >"$var/readable"
  install_file 644 "$etc/rsyncd.conf" <<<"$modules"
  install_sudoers
  install_key
  # what could be read can be read no more, also not by what is open
  if [[ -e $var/readable && ! $option_readable ]]; then
    end_sessions "$login_uid"
    rm -f "$var/readable"
  fi
  start_sshd
  read_sshd_settings
  find_host_key
  if [[ ! $host_key ]]; then
    ssh-keygen -A >&2
    log 'made the host keys that were missing'
    changed=true
    find_host_key
  fi
  [[ $host_key ]] || fail not-ready 'this host has no SSH host key; run ssh-keygen -A and start sshd'
  printf '{"v":1,"kind":"join","group":"%s","epoch":%s,"changed":%s,"hostKey":"%s"}\n' \
    "$request_group" "$request_epoch" "$changed" "$host_key"
  finish 0
}

hostsync_read_request join "$@"
main
