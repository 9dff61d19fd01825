#!/bin/bash
# Makes a primary push no more, and lists what only it may hold, for rescue.sh on the new primary. With the option
# prepare it asks the operator's hook alone, before anything is given up. Request, output and exit codes: docs/host-scripts.md.
set -Eeuo pipefail
declare -F hostsync_read_request >/dev/null || . "$(dirname -- "${BASH_SOURCE[0]}")/request.sh"
declare -F find_problem >/dev/null || . "$(dirname -- "${BASH_SOURCE[0]}")/transfer.sh"

stranded=$var/stranded
held_epoch=$var/held-epoch # the epoch in which this host was the primary
# shellcheck disable=SC2034 # install_file sets it
changed=false
option_peer='' option_prepare=''

read_epoch() { # prints the epoch that this host follows, after check_epoch
  [[ ! -f $etc/group ]] || sed -n 's/^epoch\t//p' "$etc/group"
}

prepare() {
  local hook hook_message
  [[ -f $key && $(read_epoch) == "$request_epoch" ]] || fail not-ready "this host is not the primary of epoch $request_epoch; ask the one that is"
  run_hook before-demotion 60 "$turn"
  [[ $hook != failed ]] || fail hook-failed "$hook_message"
  printf '{"v":1,"kind":"leave","prepared":true,"hook":"%s"}\n' "$hook"
  finish 0
}

# Prints the processes that hold a lock of push.sh or rescue.sh: the scripts themselves, their rsync and their ssh. That a
# descriptor is open there would not do, for anybody may look around in our directories.
find_holders() {
  local it process mine
  mine=$(readlink /proc/self/ns/mnt)
  while IFS= read -r it; do
    process=${it%/fd/*}
    [[ $(readlink "$process/ns/mnt" 2>/dev/null) == "$mine" ]] || continue # in a container
    ! grep -q '^lock:.* FLOCK ' "$process/fdinfo/${it##*/}" 2>/dev/null || printf '%s\n' "${process#/proc/}"
  done < <(find /proc/[0-9]*/fd -maxdepth 1 \( -lname "$var/run/push.*" -o -lname "$var/run/rescue.*" -o -lname "$var/lock/$request_group/*" \) 2>/dev/null) \
    | sort -u
}

# After the epoch was written, so none begins anew. One that hangs in the kernel cannot be ended: the fence on the
# secondaries is what stops that.
end_pushes() {
  local holders try
  for ((try = 0; try < 40; try += 1)); do
    mapfile -t holders < <(find_holders)
    ((${#holders[@]} > 0)) || return 0
    log "ends what still pushes: ${holders[*]}"
    kill -KILL "${holders[@]}" 2>/dev/null || true
    sleep 0.25
  done
  log "still there, as they hang in the kernel: ${holders[*]}"
}

# Sets acknowledged, by module: the manifest that the peer last acknowledged to this host while it was the primary.
read_acknowledged() {
  local file=$store/secondary/$option_peer lines=() module manifest _
  acknowledged=()
  [[ $option_peer && -f $file && -f $held_epoch ]] || return 0
  mapfile -t lines <"$file"
  ((${#lines[@]} > 2)) && [[ ${lines[0]} == "1 $(<"$held_epoch"):"* && ${lines[-1]} == end ]] || return 0
  while read -r module manifest _; do
    [[ $manifest =~ ^[0-9a-f]{32}$ && -f $store/$manifest && $(digest "$store/$manifest") == "$manifest" ]] || continue
    acknowledged[$module]=$manifest
  done < <(printf '%s\n' "${lines[@]:2}")
}

# What is not just so in the manifest: type, size, mtime and ctime, which changes with the content whatever the mtime says.
list_stranded() { # PATH MODULE; from inside; prints how many
  local new=$scratch/$2
  find . -ignore_readdir_race "${prune[@]}" -type f,l -printf '%y %s %T@ %C@ ./%P\0' 2>"$scratch/find.err" \
    | sort -z -S 32M -T "$scratch" >"$new.here" || return 1
  : >"$new.known"
  [[ ! ${acknowledged[$2]-} ]] || { grep -z '^[fl] ' "$store/${acknowledged[$2]}" || true; } \
    | cut -z -d' ' -f1,7- | sort -z -S 32M -T "$scratch" >"$new.known" || return 1
  comm -z -23 "$new.here" "$new.known" | cut -z -d/ -f2- >"$stranded/.new" || return 1
  rm -f "$new.here" "$new.known"
  count "$stranded/.new"
}

list_directory() { # PATH: adds to total, examples and unfit; sets known to false if no manifest told what is there
  local path=$1 module problem explanation number descriptor name
  find_module "$path"
  find_problem "$path"
  if [[ ! $problem ]] && ! { exec {descriptor}<"$path" && cd -P "/proc/self/fd/$descriptor"; } 2>/dev/null; then
    problem=missing explanation='went away'
  fi
  if [[ ! $problem ]] && ! number=$(list_stranded "$path" "$module"); then
    problem=unreadable explanation="cannot be read whole: $(head -n 1 "$scratch/find.err")"
  fi
  cd /
  if [[ $problem ]]; then
    ((unfit += 1))
    log "$path is not listed: $problem: $explanation"
    printf '{"v":1,"kind":"directory","directory":%s,"error":"%s","message":%s}\n' \
      "$(json "$path")" "$problem" "$(json "$explanation" 300)"
    return 0
  fi
  sync "$stranded/.new"
  mv -f "$stranded/.new" "$stranded/$module.list"
  [[ ${acknowledged[$module]-} ]] || known=false
  ((total += number)) || true
  while IFS= read -r -d '' name; do
    ((${#examples[@]} > 4)) || examples+=("$path/$name")
  done < <(head -z -n 5 "$stranded/$module.list")
}

main() {
  local turn path total=0 unfit=0 known=true examples=() words='' prune inexact filters expected_mounts store=$var/manifest/$request_group
  local -A acknowledged
  need flock=util-linux/util-linux timeout=coreutils/coreutils
  [[ ! $option_peer || $option_peer =~ ^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$ ]] || fail bad-request "option peer \"$option_peer\": is no instance id or host name"
  [[ $option_peer || $option_prepare ]] || fail bad-request 'option peer is missing; add the id of the new primary'
  exec {turn}>>/run/hostsync.lock
  flock -w 60 "$turn" || fail not-ready 'another script of ours has been running for a minute; end it, then try again'
  check_epoch
  [[ ! $option_prepare ]] || prepare
  mkdir -p "$etc" "$var"
  chmod 755 "$etc" "$var"
  make_scratch
  mkdir -p "$stranded"
  chown 0:0 "$stranded"
  chmod 700 "$stranded"
  # until all lists are there, none counts
  rm -f "$stranded/epoch" "$stranded"/*.list "$stranded/.new"
  if [[ -f $key ]]; then
    path=$(read_epoch)
    install_file 600 "$held_epoch" <<<"${path:-0}"
  fi
  # The epoch first: from then on no push begins. Then the key, and then whatever has both already.
  install_file 644 "$etc/group" <<<"group"$'\t'"$request_group"$'\n'"epoch"$'\t'"$request_epoch"
  rm -f "$key" "$key.pub"
  sync "$etc"
  end_pushes
  read_expected_mounts /etc/fstab
  read_excludes
  [[ ! $inexact ]] || log "the exclude \"$inexact\" is beyond us: what it leaves out is listed, too"
  read_acknowledged
  for path in "${request_directories[@]}"; do list_directory "$path"; done
  install_file 600 "$stranded/epoch" <<<"$request_epoch"
  for path in "${examples[@]}"; do words+=${words:+,}$(json "$path" 200); done
  printf '{"v":1,"kind":"leave","prepared":false,"epoch":%s,"stranded":%d,"known":%s,"examples":[%s]}\n' \
    "$request_epoch" "$total" "$known" "$words"
  ((unfit == 0)) || finish 11
  finish 0
}

hostsync_read_request leave "$@"
main
