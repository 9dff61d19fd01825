#!/bin/bash
# What moving files between hosts takes: directories that are fit for it, excludes, SSH, and what went wrong. Sourced by
# push.sh, leave.sh and rescue.sh after request.sh.
# shellcheck disable=SC2034,SC2154 # the scripts read what is set here, and set what is read
set -Eeuo pipefail

key=$etc/id_ed25519
scratch=''

now() { # sets now, in microseconds since 1970
  now=${EPOCHREALTIME/./}
}

seconds() { # MICROSECONDS
  printf '%d.%03d' $(($1 / 1000000)) $(($1 / 1000 % 1000))
}

# What fstab wants mounted at boot; a blank in a path is \040 there.
read_expected_mounts() { # FILE
  local device mount type options rest
  expected_mounts=()
  [[ -r $1 ]] || return 0
  while read -r device mount type options rest; do
    [[ $device != '#'* && $mount == /?* && $type != swap && ,$options, != *,noauto,* ]] || continue
    printf -v mount %b "${mount//\\/\\0}"
    expected_mounts+=("$(readlink -m -- "$mount")")
  done <"$1"
}

is_mounted() { # PATH
  local device mount type rest mounted=1
  while read -r device mount type rest; do
    printf -v mount %b "${mount//\\/\\0}"
    [[ $mount != "$1" || $type == autofs ]] || mounted=0
  done </proc/self/mounts
  return "$mounted"
}

# Sets problem and explanation, both empty when the directory can be pushed.
find_problem() { # PATH
  local path=$1 real mount
  problem='' explanation=''
  real=$(readlink -m -- "$path")
  if [[ $real != "$path" ]]; then
    problem=symlink explanation="goes through a symbolic link; name the real path, $real"
    return 0
  fi
  for mount in "${expected_mounts[@]}"; do
    [[ $path/ == "$mount"/* || $mount/ == "$path"/* ]] || continue
    [[ -d $mount/. ]] || true # makes an automount happen
    if ! is_mounted "$mount"; then
      problem=unmounted explanation="/etc/fstab wants $mount mounted, and it is not; mount it, or mark it noauto"
      return 0
    fi
  done
  if [[ ! -d $path ]]; then
    problem=missing explanation='is not there, or is no directory; make it, or take it off the list'
  elif [[ ! $(find "$path/" -mindepth 1 -maxdepth 1 ! -name lost+found -print -quit) ]]; then
    problem=empty explanation='is empty, as if its volume were not mounted; nothing was deleted anywhere. If that is right, put a file in it'
  fi
}

# Sets prune, the beginning of find's expression, which leaves out what rsync leaves out; and filters for rsync. A pattern
# that find cannot be told exactly (\, unusual brackets) sets inexact: then nothing is concluded from what find sees.
read_excludes() {
  local pattern rest regex type
  prune=(-type d \( -path ./lost+found -o -name '.~tmp~' \) -prune -o) inexact='' filters=()
  for pattern in "${request_excludes[@]}"; do
    filters+=(--filter="- $pattern") # not --exclude, which takes "+ x" and "!" for something else
    rest=$pattern type=() regex='\./(.*/)?'
    [[ $rest != ?*/\*\*\* ]] || rest=${rest%\*\*\*}
    [[ $rest != ?*/ ]] || rest=${rest%/} type=(-type d)
    case $rest in
      /*) regex='\./' rest=${rest#/} ;;
      \*\**/*) regex='\.' ;;
    esac
    # rsync looks at the last name alone, unless there is a / or ** in the pattern
    [[ $rest != *'***'* && $rest && $rest != /* && ! ($regex == '\.' && $rest != \*\*/*) ]] || inexact=$pattern
    while [[ $rest ]]; do
      case $rest in
        \*\**) regex+='.*' rest=${rest#\*\*} ;;
        \**) regex+='[^/]*' rest=${rest#\*} ;;
        \?*) regex+='[^/]' rest=${rest#\?} ;;
        \\*) inexact=$pattern rest=${rest#?} ;;
        \[*)
          if [[ $rest =~ ^\[([!^]?)([A-Za-z0-9_.]([A-Za-z0-9_.]|-[A-Za-z0-9])*)\] ]]; then
            regex+="[${BASH_REMATCH[1]:+^/}${BASH_REMATCH[2]}]" rest=${rest:${#BASH_REMATCH[0]}}
          else
            inexact=$pattern rest=${rest#?}
          fi
          ;;
        [A-Za-z0-9/_-]*) regex+=${rest:0:1} rest=${rest#?} ;;
        ^*) regex+='\^' rest=${rest#?} ;;
        *) regex+="[${rest:0:1}]" rest=${rest#?} ;;
      esac
    done
    prune+=(-regextype posix-extended -regex "$regex" "${type[@]}" -prune -o)
  done
}

count() { # FILE: prints how many records it has
  grep -zc '' "$1" || true
}

digest() { # FILE: prints a name for what is in it
  local sum
  sum=$(b2sum -l 128 <"$1") # takes a quarter of the time of SHA-256
  printf %s "${sum%% *}"
}

write_ssh_config() { # INDEX
  local hosts=$etc/known_hosts id=${secondary_ids[$1]}
  if [[ ${secondary_keys[$1]} ]]; then
    hosts=$scratch/$1.known_hosts
    printf '%s %s\n' "$id" "${secondary_keys[$1]}" >"$hosts"
  fi
  # ssh reads no other configuration. ServerAlive ends it when rsync is gone and the host hangs.
  cat >"$scratch/$1.ssh" <<END
HostName ${secondary_addresses[$1]}
Port ${secondary_ports[$1]}
User hostsync
HostKeyAlias $id
UserKnownHostsFile $hosts
GlobalKnownHostsFile /dev/null
StrictHostKeyChecking yes
CheckHostIP no
UpdateHostKeys no
IdentityFile $key
IdentitiesOnly yes
IdentityAgent none
Ciphers ^aes128-gcm@openssh.com
PreferredAuthentications publickey
BatchMode yes
ConnectTimeout $option_connect_timeout
ServerAliveInterval $(((option_io_timeout + 2) / 3))
LogLevel ERROR
END
}

# Sets error and message from status and from what rsync and ssh said. Their lines hold file names, so the patterns
# hold on to the beginning or the end of a line.
classify() { # INDEX
  local index=$1 pinned=${secondary_keys[$1]} remedy='' words=''
  error='' message=''
  said() { # PATTERN: sets words to the first line like it, or fails
    words=$(grep -m 1 -aE -e "$1" "$scratch/$index.err")
  }
  # 24: a file was deleted here before its turn came. rsync 3.5 may leave a mode unset, say so, and exit with 0
  case $status in 0 | 24) said 'mode not set$' && status=23 || return 0 ;; esac
  if ((now >= deadline)); then
    error=timeout words="push-timeout: $option_push_timeout seconds passed" remedy='the next push goes on from there'
  elif said ': (No space left on device \(28\)|Disk quota exceeded \(122\))$'; then
    error=disk-full remedy='free space there, or make the disk larger'
  elif ((status == 23)) && said ': (Permission denied \(13\)|Operation not permitted \(1\))$'; then
    error=permission-denied remedy='look at owner and mode here and there; the rest arrived'
  elif ((status == 23)); then
    error=partial remedy='the rest arrived'
    said '^rsync: ' || said '^[a-z]' || true
  elif said 'REMOTE HOST IDENTIFICATION HAS CHANGED' || { [[ $pinned ]] && said '^(Host key verification failed|Unable to negotiate .* host key)'; }; then
    error=host-key-changed words='it showed another host key than the pinned one'
    remedy='nothing was sent. If the host was rebuilt, run join.sh there and pin the key that it prints'
  elif said '^(No .* host key is known|Host key verification failed|Unable to negotiate .* host key)'; then
    error=host-key-unknown remedy="nothing was sent. Put its key into $etc/known_hosts under the name ${secondary_ids[$1]}"
  elif said '^hostsync@.*: Permission denied \(|^Received disconnect .*: Too many authentication failures'; then
    error=key-refused remedy="run join.sh there with this primary's public key"
  elif ((status == 30 || status == 35)) || said '^Timeout, server .* not responding'; then
    error=timeout remedy='the next push goes on from there'
    [[ $words ]] || said timeout || true
  elif said '^(ssh: |kex_|banner|Connection (to|closed|reset|timed)|client_loop: |ssh_|Bad packet|Corrupted )'; then
    error=unreachable remedy="look at the host, its address ${secondary_addresses[$1]}, port ${secondary_ports[$1]} and the firewall (security group)"
  elif said '^@ERROR: (Unknown module|chroot|chdir|invalid [ug]id)|^sudo[-:].*(password|authenticat|terminal|not found)|^hostsync is not |^Sorry, user|sh: .*not found|^This account is|^rsync: did not see server greeting'; then
    error=not-prepared remedy='run join.sh there'
  else
    error=failed
    said '^[^ ]' || true
    words="rsync exit code $status: $words"
  fi
  words=${words:-rsync exit code $status}
  ((${#words} <= 190)) || words=${words:0:190}...
  message=$words${remedy:+; $remedy}
}

cleanup() {
  [[ ! $scratch ]] || rm -rf -- "$scratch"
}

# A run and its children hold a lock on its scratch directory: so what a killed run left is told from what is in use.
make_scratch() {
  local old guard held
  mkdir -p "$var"
  chmod 755 "$var"
  mkdir -p "$var/run" "$var/lock/$request_group"
  exec {guard}<"$var/run"
  flock "$guard"
  for old in "$var/run/$script".*; do
    [[ -d $old ]] || continue
    exec {held}<"$old"
    if flock -n "$held"; then rm -rf -- "$old"; fi
    exec {held}<&-
  done
  scratch=$(mktemp -d "$var/run/$script.XXXXXX")
  exec {held}<"$scratch"
  flock -n "$held"
  exec {guard}<&-
}
