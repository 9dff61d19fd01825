#!/bin/bash
# Sends every directory of the request to every secondary: rsync over SSH to the daemon that join.sh prepared there.
# Request, output and exit codes: docs/host-scripts.md.
#
# Everything stays in this script's own process group: the SSM agent ends a command with SIGKILL to the group, which
# runs no trap, and what had left the group would live on.
set -Eeuo pipefail
declare -F hostsync_read_request >/dev/null || . "$(dirname -- "${BASH_SOURCE[0]}")/request.sh"

key=$etc/id_ed25519
scratch=''

now() { # sets now, in microseconds since 1970
  now=${EPOCHREALTIME/./}
}

seconds() { # MICROSECONDS
  printf '%d.%03d' $(($1 / 1000000)) $(($1 / 1000 % 1000))
}

# --- the directories

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

check_directories() { # sets fit_directories and unfit (how many)
  local path
  fit_directories=() unfit=0
  read_expected_mounts /etc/fstab
  for path in "${request_directories[@]}"; do
    find_problem "$path"
    if [[ ! $problem ]]; then
      fit_directories+=("$path")
      continue
    fi
    ((unfit += 1))
    log "$path is not pushed: $problem: $explanation"
    printf '{"v":1,"kind":"directory","directory":%s,"error":"%s","message":%s}\n' \
      "$(json "$path")" "$problem" "$(json "$explanation" "$message_limit")"
  done
}

# --- scratch

# A run and its children hold a lock on its scratch directory: so what a killed run left is told from what is in use.
make_scratch() {
  local old guard held
  mkdir -p "$var"
  chmod 755 "$var"
  mkdir -p "$var/run" "$var/lock/$request_group"
  exec {guard}<"$var/run"
  flock "$guard"
  for old in "$var"/run/push.*; do
    [[ -d $old ]] || continue
    exec {held}<"$old"
    if flock -n "$held"; then rm -rf -- "$old"; fi
    exec {held}<&-
  done
  scratch=$(mktemp -d "$var/run/push.XXXXXX")
  exec {held}<"$scratch"
  flock -n "$held"
  exec {guard}<&-
}

cleanup() {
  [[ ! $scratch ]] || rm -rf -- "$scratch"
}

# --- one secondary

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
PreferredAuthentications publickey
BatchMode yes
ConnectTimeout $option_connect_timeout
ServerAliveInterval $(((option_io_timeout + 2) / 3))
LogLevel ERROR
END
}

# Runs rsync and adds up its statistics; sets status.
run_rsync() { # INDEX DIRECTORY OPTIONS...
  local pattern line options
  find_module "$2"
  options=(
    --archive --no-D --hard-links --sparse --numeric-ids # no devices, sockets and pipes
    --modify-window=-1                                   # nanoseconds: else a second change within a second is missed
    --timeout="$option_io_timeout" --stats --no-h --8-bit-output
    --rsh="ssh -F $scratch/$1.ssh"
    --filter='R .~tmp~/' # what a broken push left is deleted too, though rsync excludes that name of its own accord
    --filter='- /lost+found/'
  )
  # as filter rules: --exclude takes "+ x" and "!" for something else
  for pattern in "${request_excludes[@]}"; do options+=(--filter="- $pattern"); done
  status=0
  # In the background, so that a signal is acted on at once. --foreground keeps rsync in our process group; ssh ends
  # when rsync does, as its input closes.
  timeout --foreground --kill-after=10 $(((deadline - now) / 1000000 + 1)) \
    rsync "${options[@]}" "${@:3}" ./ "${secondary_ids[$1]}::$module/" >"$scratch/$1.out" 2>"$scratch/$1.said" &
  child=$!
  wait "$child" || status=$?
  child=''
  now
  # ssh ends its lines with \r\n; a host that does not know its own name is none of our business
  sed 's/\r$//; /^sudo: unable to resolve host/d' "$scratch/$1.said" >"$scratch/$1.err"
  while read -r line; do
    case $line in
      'Number of regular files transferred: '+([0-9])) ((files += ${line##* })) || true ;;
      'Total bytes sent: '+([0-9])) ((bytes += ${line##* })) || true ;;
      'Number of deleted files: '+([0-9])*)
        line=${line#*: }
        ((deleted += ${line%%[!0-9]*})) || true
        ;;
    esac
  done <"$scratch/$1.out"
  while IFS= read -r line; do log "${secondary_ids[$1]}: $line"; done < <(head -n 30 "$scratch/$1.err")
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

# Goes on after an error that concerns one directory or single files; sets first_error, first_message and skipped.
push_directories() { # INDEX
  local directory
  for directory in "${fit_directories[@]}"; do
    # From inside the directory: it cannot be unmounted or swapped between this check and rsync's scan.
    cd -P -- "$directory" || true
    find_problem "$directory"
    if [[ ! $problem && ! . -ef $directory ]]; then problem=missing explanation='was moved during the push'; fi
    if [[ $problem ]]; then
      skipped="$directory $explanation"
      continue
    fi
    run_rsync "$1" "$directory" --delete-delay --delay-updates
    # rsync 3.5 cannot give a new file a mode that keeps its own owner from reading it; to one that is there it can.
    if grep -q '^do_chmod: no symlink-safe chmod for ' "$scratch/$1.err"; then
      run_rsync "$1" "$directory" --delete-delay --delay-updates
    fi
    classify "$1"
    [[ $error ]] || continue
    [[ $first_error ]] || first_error=$error first_message="$directory: $message"
    case $error in
      # A full disk would stay full for good if what was deleted here only went after all updates arrived.
      disk-full) run_rsync "$1" "$directory" --delete-before --existing --ignore-existing ;;
      permission-denied | partial | not-prepared | failed) ;;
      *) break ;;
    esac
  done
}

report() { # INDEX RESULT [ERROR MESSAGE]
  local ok=true why=''
  now
  if (($# > 2)); then
    ok=false
    printf -v why ',"error":"%s","message":%s' "$3" "$(json "$4" "$message_limit")"
    log "${secondary_ids[$1]}: $3: $4"
  fi
  printf '%s' "$2" >"$scratch/$1.result"
  # one write a line: the other secondaries write at the same time
  printf '{"v":1,"kind":"secondary","id":"%s","ok":%s%s,"started":%s,"files":%d,"deleted":%d,"bytes":%d,"seconds":%s}\n' \
    "${secondary_ids[$1]}" "$ok" "$why" "$(seconds "$started")" "$files" "$deleted" "$bytes" "$(seconds $((now - started)))"
}

push_secondary() { # INDEX
  local lock problem='' explanation='' error='' message='' first_error='' first_message='' skipped='' status=0
  local child='' now started deadline files=0 deleted=0 bytes=0
  trap - ERR
  trap '[[ ! $child ]] || kill "$child"; exit 1' TERM
  now
  started=$now deadline=$((now + option_push_timeout * 1000000))
  # rsync inherits the descriptor: as long as it runs, however we ended, nobody else pushes to this secondary
  exec {lock}>>"$var/lock/$request_group/${secondary_ids[$1]}"
  if ! flock -n "$lock"; then
    report "$1" busy busy 'an earlier push to it still runs; nothing was done'
    return 0
  fi
  write_ssh_config "$1"
  ((unfit == 0)) || skipped="$unfit of ${#request_directories[@]} directories, see there"
  push_directories "$1"
  if [[ $first_error ]]; then
    report "$1" failed "$first_error" "$first_message"
  elif [[ $skipped ]]; then
    report "$1" skipped directory-skipped "it received all that was sent; not sent: $skipped"
  else
    report "$1" synced
  fi
}

# --- all of them

stop_all() {
  local workers
  mapfile -t workers < <(jobs -rp)
  ((${#workers[@]} == 0)) || kill "${workers[@]}" 2>/dev/null || true
  wait || true
  fail internal 'stopped by a signal'
}

push_all() {
  local index workers
  trap stop_all TERM INT HUP
  for index in "${!secondary_ids[@]}"; do
    while mapfile -t workers < <(jobs -rp) && ((${#workers[@]} >= option_parallel)); do
      wait -n || true
    done
    push_secondary "$index" &
  done
  wait || true
  trap - TERM INT HUP
}

main() {
  local now started index result code=0 ok=true files=0 deleted=0 bytes=0
  local -A count=([synced]=0 [failed]=0 [busy]=0 [skipped]=0)
  now
  started=$now
  need rsync=rsync/rsync ssh=openssh-client/openssh-clients flock=util-linux/util-linux timeout=coreutils/coreutils
  check_epoch
  [[ -f $key ]] || fail not-ready "$key is missing; run promote.sh on this host first"
  [[ $(stat -c %a:%u "$key") == ?00:0 ]] || fail not-ready "others can read $key, and ssh refuses it; chown root $key; chmod 600 $key"
  unset HOME SSH_AUTH_SOCK "${!RSYNC_@}" # ~/.popt and RSYNC_* would change what rsync does
  # SSM keeps the first 24,000 characters: with many secondaries messages are shorter
  message_limit=$((23000 / (${#secondary_ids[@]} + ${#request_directories[@]}) - 180))
  message_limit=$((message_limit > 300 ? 300 : message_limit < 16 ? 16 : message_limit))
  make_scratch
  check_directories
  push_all
  for index in "${!secondary_ids[@]}"; do
    [[ -s $scratch/$index.result ]] || report "$index" failed failed 'its worker ended without a result; see standard error'
    result=$(<"$scratch/$index.result")
    ((count[$result] += 1))
  done
  if ((count[failed] > 0)); then
    code=10
  elif ((unfit + count[skipped] > 0)); then
    code=11
  fi
  ((code == 0)) || ok=false
  now
  printf '{"v":1,"kind":"push","group":"%s","epoch":%d,"ok":%s,"started":%s,"seconds":%s,"secondaries":%d,"synced":%d,"failed":%d,"busy":%d}\n' \
    "$request_group" "$request_epoch" "$ok" "$(seconds "$started")" "$(seconds $((now - started)))" \
    "${#secondary_ids[@]}" "${count[synced]}" "${count[failed]}" "${count[busy]}"
  finish "$code"
}

hostsync_read_request push "$@"
main
