#!/bin/bash
# What the scripts share: reading a request, logging, JSON, errors, sessions and hooks (docs/host-scripts.md).
# It is sourced, or written before the script's text in one file: the SSM agent gets a single script.
# shellcheck disable=SC2034 # the scripts read what is set here
set -Eeuo pipefail
shopt -s extglob inherit_errexit
umask 077
# The SSM agent sets no HOME and promises no PATH. LC_ALL: a byte is a byte, and rsync and ssh speak English.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin LC_ALL=C

etc=/etc/hostsync
var=/var/lib/hostsync
script=hostsync
finished=''
failed_at=''

log() { # TEXT, in which control characters may come from another host
  printf 'hostsync %s: %s\n' "$script" "${1//[[:cntrl:]]/?}" >&2
}

# json TEXT [LIMIT]: prints TEXT as a JSON string of printable ASCII, at most LIMIT characters between the quotes;
# what is not UTF-8 becomes U+FFFD.
json() {
  local limit=${2:-65536} out='' short='' char piece code size least index=0
  local text=${1:0:limit+1} # a byte never takes less than a character
  while ((index < ${#text})); do
    char=${text:index++:1}
    case $char in
      '"' | \\) piece=\\$char ;;
      [\ -~]) piece=$char ;;
      *)
        printf -v code %d "'$char"
        ((code &= 255, size = least = 0)) || true
        if ((code >= 0xf0)); then
          ((code &= 15, size = 3, least = 0x10000))
        elif ((code >= 0xe0)); then
          ((code &= 15, size = 2, least = 0x800))
        elif ((code >= 0xc0)); then
          ((code &= 31, size = 1, least = 0x80))
        elif ((code >= 0x80)); then
          code=-1
        fi
        while ((size > 0)); do
          char=${text:index:1}
          [[ $char == [$'\x80'-$'\xbf'] ]] || break
          printf -v piece %d "'$char"
          ((code = code << 6 | piece & 63, size -= 1, index += 1))
        done
        if ((size > 0 || code < least || code > 0x10ffff || code >> 11 == 27)); then code=0xfffd; fi
        if ((code > 0xffff)); then
          printf -v piece '\\u%04x\\u%04x' $((0xd7c0 + (code >> 10))) $((0xdc00 + (code & 0x3ff)))
        else
          printf -v piece '\\u%04x' "$code"
        fi
        ;;
    esac
    if ((${#out} + ${#piece} > limit)); then
      out=$short...
      break
    fi
    out+=$piece
    ((${#out} > limit - 3)) || short=$out
  done
  printf '"%s"' "$out"
}

# fail ERROR MESSAGE: the script cannot do its work at all. Never call it in a subshell.
fail() {
  local code=15
  case $1 in
    bad-request) code=12 ;;
    not-ready | hook-failed) code=13 ;;
    older-epoch) code=14 ;;
  esac
  log "$1: $2"
  printf '{"v":1,"kind":"error","error":"%s","message":%s}\n' "$1" "$(json "$2" 300)"
  finish "$code"
}

finish() { # CODE: every intended way out; the EXIT trap takes any other for a bug
  finished=yes
  exit "$1"
}

on_exit() {
  local status=$?
  trap - ERR
  set +e
  ! declare -F cleanup >/dev/null || cleanup
  [[ $finished ]] || fail internal "stopped with status $status at ${failed_at:-an unknown line}; see standard error"
}
trap 'failed_at="line $LINENO: $BASH_COMMAND"' ERR
trap on_exit EXIT

# need COMMAND=DEBIAN-PACKAGE/AMAZON-LINUX-PACKAGE...: what a script cannot do without
need() {
  local want missing='' packages='' install='apt-get install -y'
  ((BASH_VERSINFO[0] >= 5)) || fail not-ready "bash $BASH_VERSION is too old; install bash 5 or newer"
  ((EUID == 0)) || fail not-ready 'this must run as root; run it with sudo'
  type -P apt-get >/dev/null || install='dnf install -y'
  for want in "$@"; do
    ! type -P "${want%%=*}" >/dev/null || continue
    missing+=" ${want%%=*}"
    want=${want#*=}
    if [[ $install == apt* ]]; then want=${want%/*}; else want=${want#*/}; fi
    [[ "$packages " == *" $want "* ]] || packages+=" $want"
  done
  [[ ! $missing ]] || fail not-ready "missing on this host:$missing; run: $install$packages"
}

# An older epoch never wins over the one that this host follows.
check_epoch() {
  local key value group='' epoch=''
  [[ -e $etc/group ]] || return 0
  while IFS=$'\t' read -r key value; do
    case $key in
      group) group=$value ;;
      epoch) epoch=$value ;;
    esac
  done <"$etc/group"
  [[ $group && $epoch =~ ^[1-9][0-9]{0,14}$ ]] || fail not-ready "$etc/group is damaged; rm $etc/group and run join.sh again"
  [[ $group == "$request_group" ]] || fail bad-request "group \"$request_group\": this host belongs to the group \"$group\"; if it is to move, rm $etc/group first"
  ((epoch <= request_epoch)) || fail older-epoch "epoch $request_epoch: this host follows epoch $epoch; ask with epoch $epoch or newer"
}

# install_file MODE PATH: standard input becomes the file, atomically; sets changed if it was another.
# Not in a pipeline, where changed would be lost. The temporary name has a dot: sudo passes over such names in sudoers.d.
install_file() {
  local temp
  temp=$(mktemp "${2%/*}/.hostsync.XXXXXX")
  cat >"$temp"
  chmod "$1" "$temp"
  if [[ -f $2 && ! -L $2 && $(stat -c '%a %u %g' "$2") == "$(stat -c '%a %u %g' "$temp")" ]] && cmp -s "$temp" "$2"; then
    rm -f "$temp"
  else
    sync "$temp" # a host that loses power must not come back with an empty file
    mv -fT "$temp" "$2"
    changed=true
  fi
}

# Ends what an earlier primary's key has open: a primary that hung and wakes up must not write any more.
end_sessions() { # LOGIN-UID, or nothing
  local process key real command uid mine
  mine=$(readlink /proc/self/ns/mnt)
  for process in /proc/[0-9]*; do
    [[ $(readlink "$process/ns/mnt" 2>/dev/null) == "$mine" ]] || continue # in a container
    uid=''
    while read -r key real _; do [[ $key != Uid: ]] || uid=$real; done 2>/dev/null <"$process/status" || continue
    mapfile -d '' -t command 2>/dev/null <"$process/cmdline" || continue
    if [[ $uid && $uid == "$1" || ${command[*]} == "/usr/bin/rsync --server --daemon --config=$etc/rsyncd.conf ." ]]; then
      log "ended process ${process#/proc/} of the old key: ${command[*]}"
      kill -KILL "${process#/proc/}" 2>/dev/null || true
    fi
  done
}

# What the operator wants done at this moment: sets hook (ok, none or failed) and hook_message. It runs as root, so
# nobody else may have written it.
run_hook() { # NAME SECONDS DESCRIPTOR-TO-CLOSE; HOSTSYNC_GROUP and HOSTSYNC_EPOCH are in its environment
  local path=$etc/hooks/$1 it status=0 turn=$3 output process began=$SECONDS said='' lines=() most=1024
  hook=none hook_message=''
  [[ -e $path || -L $path ]] || return 0
  hook=failed
  for it in "$etc/hooks" "$path"; do
    [[ ! -L $it && $(stat -c %u "$it") == 0 && ! $(find "$it" -maxdepth 0 -perm /022) ]] || {
      hook_message="$it is not root's alone, so it was not run: chown root: $it; chmod go-w $it"
      return 0
    }
  done
  [[ -f $path && -x $path ]] || {
    hook=none
    log "$path is not executable, so it was not run"
    return 0
  }
  # What a hook leaves in the background may hold neither our lock nor our output: the SSM agent reads that until its
  # end. So the hook writes to a pipe of its own. A NUL byte there says that the hook itself has ended.
  exec {output}< <(
    exec 2>&1 </dev/null {turn}>&-
    export HOSTSYNC_GROUP=$request_group HOSTSYNC_EPOCH=$request_epoch
    timeout --kill-after=5 "$2" "$path" || status=$?
    printf '\0'
    exit "$status"
  )
  process=$!
  IFS= read -r -d '' -n "$most" -u "$output" said || true
  # The rest goes nowhere, for as long as anybody writes: a closed pipe would end a service that the hook started
  setsid cat <&"$output" >/dev/null 2>&1 {turn}>&- &
  exec {output}<&-
  wait "$process" || status=$?
  mapfile -t lines < <(printf %s "$said")
  for it in "${lines[@]}"; do log "hook $1: $it"; done
  ((${#said} < most)) || log "hook $1: only the first $most bytes of its output are kept"
  # The status alone does not tell: a hook may end with 124 or be killed for other reasons
  case $status in
    0) hook=ok ;;
    124 | 137) ((SECONDS - began < $2)) || hook_message="$path took longer than $2 seconds and was ended" ;;
  esac
  [[ $hook == ok || $hook_message ]] || hook_message="$path ended with exit code $status; see standard error"
  [[ ! $hook_message ]] || log "$hook_message"
}

find_module() { # PATH: sets module, which both sides derive from the path
  module=$(printf %s "$1" | sha256sum)
  module=${module:0:16}
}

# --- the request

bad() { # FIELD VALUE WHAT-AND-REMEDY: refuses the request as a whole
  local value=$2
  ((${#value} <= 80)) || value=${value:0:80}...
  fail bad-request "line $line_number, $1 \"$value\": $3"
}

check_once() { # FIELD VALUE EARLIER-VALUE
  [[ ! $3 ]] || bad "$1" "$2" 'is there twice; take one line away'
}

check_number() { # FIELD VALUE LEAST MOST
  [[ $2 =~ ^(0|[1-9][0-9]{0,14})$ && $2 -ge $3 && $2 -le $4 ]] || bad "$1" "$2" "must be a whole number from $3 to $4"
}

# A directory of the system itself would let whoever has the primary's key take over the secondaries.
is_system_directory() { # PATH
  case $1 in
    */.ssh?(/*) | /usr/local/@(bin|sbin|lib|lib32|lib64|libexec|etc)?(/*)) return 0 ;;
    /usr/@(share|local)/*) return 1 ;;
    / | /usr?(/*) | /var?(/@(cache|lib|log|tmp)) | /media | /mnt | /home | /opt | /tmp | /var/@(run|spool|lib/@(amazon|dpkg|hostsync|rpm))?(/*)) return 0 ;;
    /@(etc|bin|sbin|lib|lib32|lib64|libx32|boot|dev|proc|sys|run|root)?(/*)) return 0 ;;
  esac
  return 1
}

take_directory() {
  local other
  [[ $1 == /* ]] || bad directory "$1" 'is not absolute; begin it with /'
  [[ $1 != *//* && $1/ != */@(.|..)/* && $1 != /*/ ]] \
    || bad directory "$1" 'is not normalised; write it without //, /./, /../ and / at the end'
  # rsyncd.conf has no quotes: % names a variable, \ continues a line, a blank at the end is lost
  [[ ${#1} -le 1000 && $1 != *[%\\]* && $1 != *' ' ]] \
    || bad directory "$1" 'has %, \, a blank at the end, or more than 1000 bytes; rename it'
  ! is_system_directory "$1" || bad directory "$1" 'is part of the system; name one that holds nothing but your content'
  for other in "${request_directories[@]}"; do
    [[ $1 != "$other" ]] || check_once directory "$1" "$other"
    [[ $1 != "$other"/* && $other != "$1"/* ]] || bad directory "$1" "it and \"$other\" lie one inside the other; name the outer one only"
  done
  for other in "${@:2}"; do
    [[ $other =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$ ]] || bad directory "$other" 'is no user or group; write a name or a number'
  done
  request_directories+=("$1") request_owners+=("${2-}") request_groups+=("${3-}")
}

check_key() { # FIELD TYPE KEY
  local start # what each type's keys begin with
  case $2 in
    ssh-ed25519) start=AAAAC3NzaC1lZDI1NTE5AAAAI ;;
    ecdsa-sha2-nistp256) start=AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAI ;;
    ecdsa-sha2-nistp384) start=AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAI ;;
    ecdsa-sha2-nistp521) start=AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAI ;;
    ssh-rsa) start=AAAAB3NzaC1yc2EAAAA ;;
    *) bad "$1" "$2" 'is no key type for this; use ssh-ed25519, ecdsa-sha2-nistp256, -384, -521 or ssh-rsa' ;;
  esac
  [[ $3 == "$start"* && $3 =~ ^[A-Za-z0-9+/]+={0,2}$ && ${#3} -ge 68 && ${#3} -le 2000 && $((${#3} % 4)) == 0 ]] \
    || bad "$1" "$3" "is no $2 key; copy the second word of the .pub file whole"
}

take_secondary() {
  local other
  [[ $1 =~ ^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$ ]] \
    || bad secondary "$1" 'is no instance id or host name; use letters, digits, . and -'
  for other in "${secondary_ids[@]}"; do
    [[ ${other,,} != "${1,,}" ]] || check_once secondary "$1" "$other"
  done
  [[ $2 =~ ^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$ || $2 =~ ^[0-9A-Fa-f:.]{2,45}$ && $2 == *:*:* ]] \
    || bad 'secondary address' "$2" 'is none; write an IPv4 or IPv6 address or a host name'
  check_number 'secondary port' "$3" 1 65535
  (($# == 3)) || check_key 'secondary key' "$4" "$5"
  secondary_ids+=("$1") secondary_addresses+=("$2") secondary_ports+=("$3") secondary_keys+=("${4+$4 $5}")
}

take_option() {
  case $script:$1 in
    push:@(readable|prepare|lists|peer|interval) | join:!(readable) | leave:!(peer|prepare) | rescue:!(parallel|*-timeout|lists) | probe:!(interval)) bad option "$1" "is not for $script.sh; take the line away" ;;
  esac
  case $1 in
    parallel) check_number "option $1" "$2" 1 64 ;;
    peer) ;;
    connect-timeout) check_number "option $1" "$2" 1 300 ;;
    io-timeout) check_number "option $1" "$2" 5 3600 ;;
    push-timeout) check_number "option $1" "$2" 5 172800 ;;
    max-delete-share) check_number "option $1" "$2" 0 100 ;;
    max-delete-count) check_number "option $1" "$2" 0 999999999 ;;
    verify-every) check_number "option $1" "$2" 0 31536000 ;;
    bandwidth) check_number "option $1" "$2" 0 99999999 ;;
    nice) check_number "option $1" "$2" 0 19 ;;
    interval) check_number "option $1" "$2" 1 60 ;;
    accept-deletions) [[ $2 =~ ^[0-9a-f]{16}$ ]] || bad "option $1" "$2" 'is no id of held deletions; copy the 16 characters of the line deletions-held' ;;
    first | readable | prepare | lists) [[ $2 == yes ]] || bad "option $1" "$2" 'must be yes; or take the line away' ;;
    *) bad option "$1" 'is unknown; use parallel, connect-timeout, io-timeout, push-timeout, max-delete-share, max-delete-count, accept-deletions, verify-every, first, bandwidth or nice' ;;
  esac
  [[ $given_options != *" $1 "* ]] || check_once option "$1" "$2"
  given_options+=" $1 "
  printf -v "option_${1//-/_}" %s "$2"
}

read_line() { # LINE
  local parts=() rest=$1 field value clean=${1//$'\t'/} least=2 most=2
  while [[ $rest == *$'\t'* ]]; do
    parts+=("${rest%%$'\t'*}")
    rest=${rest#*$'\t'}
  done
  parts+=("$rest")
  field=${parts[0]}
  value=${1#"$field"} value=${value#$'\t'}
  [[ $1 ]] || bad field '' 'the line is empty; take it away'
  [[ $clean != *[[:cntrl:]]* ]] || bad "$field" "$value" 'has a control character; take it away (lines end in \n, not \r\n)'
  [[ $clean != *[!\ -~]* || $(json "$clean") != *'\ufffd'* ]] || bad "$field" "$value" 'is not UTF-8; write it in UTF-8'
  case $script:$field in
    *:group | *:epoch | @(push|leave|rescue):exclude) ;;
    @(push|join|leave|rescue):directory) most=4 ;;
    @(push|rescue|probe):secondary) least=4 most=6 ;;
    @(push|join|leave|rescue|probe):option | join:public-key) least=3 most=3 ;;
    *:directory | *:exclude | *:secondary | *:option | *:public-key) bad "$field" "$value" "is not for $script.sh; take the line away" ;;
    *) bad field "$field" 'is unknown; separate the parts of a line by one tab' ;;
  esac
  [[ (${#parts[@]} == "$least" || ${#parts[@]} == "$most") && $1$'\t' != *$'\t\t'* ]] \
    || bad "$field" "$value" "has ${#parts[@]} parts or an empty one; see docs/host-scripts.md, and separate them by one tab"
  case $field in
    group)
      check_once group "$value" "$request_group"
      [[ $value =~ ^[A-Za-z0-9._-]{1,64}$ && $value != @(.|..) ]] || bad group "$value" 'is no group name; use letters, digits, ., _ and -, at most 64'
      request_group=$value
      ;;
    epoch)
      check_once epoch "$value" "$request_epoch"
      check_number epoch "$value" 1 999999999999999
      request_epoch=$value
      ;;
    public-key)
      check_once public-key "${parts[2]}" "$request_public_key"
      check_key public-key "${parts[1]}" "${parts[2]}"
      request_public_key="${parts[1]} ${parts[2]}"
      ;;
    exclude)
      ((${#value} <= 1000)) || bad exclude "$value" 'is too long; at most 1000 bytes'
      request_excludes+=("$value")
      ;;
    directory) take_directory "${parts[@]:1}" ;;
    secondary) take_secondary "${parts[@]:1}" ;;
    option) take_option "${parts[@]:1}" ;;
  esac
}

# hostsync_read_request SCRIPT ARGUMENTS...: sets request_*, secondary_* and option_*, or refuses the request as a whole
hostsync_read_request() {
  local text='' nul='' lines=() line given_options='' line_number=0 usage want
  script=$1
  usage="call $script.sh FILE, $script.sh - or $script.sh --base64 TEXT"
  shift
  request_group='' request_epoch='' request_public_key=''
  request_directories=() request_owners=() request_groups=() request_excludes=()
  secondary_ids=() secondary_addresses=() secondary_ports=() secondary_keys=()
  option_parallel=16 option_connect_timeout=10 option_io_timeout=60 option_push_timeout=3300
  option_max_delete_share=20 option_max_delete_count=10000 option_accept_deletions='' option_verify_every=86400
  option_first='' option_bandwidth=0 option_nice=0 option_interval=1
  # read -d '' succeeds only if there is a NUL byte
  if (($# == 2)) && [[ $1 == --base64 ]]; then
    [[ $2 =~ ^[A-Za-z0-9+/]*={0,2}$ && $((${#2} % 4)) == 0 ]] || fail bad-request 'argument --base64: not base64; encode the request with base64 -w0'
    ! IFS= read -r -d '' text < <(printf %s "$2" | base64 -d) || nul=yes
  elif (($# == 1)) && [[ $1 == - ]]; then
    ! IFS= read -r -d '' text || nul=yes
  elif (($# == 1)); then
    [[ -f $1 && -r $1 ]] || fail bad-request "argument \"$1\": no file that can be read; $usage"
    ! IFS= read -r -d '' text <"$1" || nul=yes
  else
    fail bad-request "$# arguments \"$*\": $usage"
  fi
  [[ ! $nul ]] || fail bad-request 'the request has a NUL byte; write it as UTF-8 text'
  [[ $text ]] || fail bad-request 'the request is empty; see docs/host-scripts.md for its form'
  mapfile -t lines < <(printf %s "$text")
  for line in "${lines[@]}"; do
    ((line_number += 1))
    read_line "$line"
  done
  ((line_number += 1))
  for want in "group:$request_group" "epoch:$request_epoch" "directory:${request_directories[*]}" "public-key:$request_public_key"; do
    case $script:$want in
      @(promote|probe):directory: | !(join):public-key:) ;;
      *:@(group|epoch|directory|public-key):) bad "${want%:}" '' "is missing; add a line \"${want%:}\", a tab and its value" ;;
    esac
  done
}
