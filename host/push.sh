#!/bin/bash
# Brings every directory of the request to every secondary: one scan of this host tells what each of them lacks, and
# rsync over SSH sends that to the daemon that join.sh prepared there.
# Request, output, exit codes and what is kept between two pushes: docs/host-scripts.md.
#
# Everything stays in this script's own process group: the SSM agent ends a command with SIGKILL to the group, which
# runs no trap, and what had left the group would live on.
set -Eeuo pipefail
declare -F hostsync_read_request >/dev/null || . "$(dirname -- "${BASH_SOURCE[0]}")/request.sh"
declare -F find_problem >/dev/null || . "$(dirname -- "${BASH_SOURCE[0]}")/transfer.sh"

listed=(--from0 --ignore-missing-args)
many=20000                                                        # entries, that more than one processor walks
few=20                                                            # a deletion of so many entries is no share of anything
declare -A module_of owner_of volume_of manifest_of opened unsure # by directory
declare -A last_raw last_manifest last_base last_count last_volume

# --- the directories

check_directories() { # sets fit_directories and unfit (how many)
  local path module descriptor
  fit_directories=() unfit=0
  read_expected_mounts /etc/fstab
  for path in "${request_directories[@]}"; do
    find_module "$path"
    module_of[$path]=$module
    find_problem "$path"
    # What is sent is what was scanned: every worker works from this descriptor, whatever is mounted over it later.
    # A directory that goes away in this moment is found missing below.
    if [[ ! $problem ]] && ! { exec {descriptor}<"$path"; } 2>/dev/null; then problem=missing explanation='went away'; fi
    if [[ ! $problem ]]; then
      fit_directories+=("$path")
      opened[$path]=/proc/self/fd/$descriptor
      continue
    fi
    ((unfit += 1))
    log "$path is not pushed: $problem: $explanation"
    printf '{"v":1,"kind":"directory","directory":%s,"error":"%s","message":%s}\n' \
      "$(json "$path")" "$problem" "$(json "$explanation" "$message_limit")"
  done
}

# The SSM agent keeps a folder for each run. Ours, as their scripts say, are cleared away a day later; not while they run, whatever the clock says.
clear_agent_folders() {
  local folder running most=100
  [[ ${BASH_SOURCE[0]} =~ ^(/var/lib/amazon/ssm/[^/]+/document/orchestration)/[0-9a-f-]{36}/push/_script\.sh$ ]] || return 0
  touch -d '1 day ago' "$scratch/day"
  running=$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ') || true
  for folder in "${BASH_REMATCH[1]}"/*/; do
    [[ $folder -ot $scratch/day && -f ${folder}push/_script.sh && $(ls -A "$folder") == ?(awsrunShellScript$'\n')push && $running != *"$folder"* ]] || continue
    grep -qx 'hostsync_read_request push "\$@"' "${folder}push/_script.sh" || continue
    rm -rf -- "$folder" || true
    ((most -= 1)) || break
  done
}

# --- the scan

find_volume() { # PATH: sets owner and volume, which tells file systems apart, also when device numbers changed at a boot
  local mount
  read -r owner mount < <(stat -c '%u:%g %m' -- "$1/.")
  volume=$(TZ=UTC0 stat -c '%i/%w' -- "$mount")
  [[ $volume != */- ]] || volume=$(stat -f -c '%i' -- "$mount")
  volume=${volume// /_}
}

# What the last push left. It is worth nothing if the excludes were others.
read_last() {
  local lines=() line module raw manifest base entries volume
  [[ ! -f $store/last ]] || mapfile -t lines <"$store/last"
  ((${#lines[@]} > 1)) && [[ ${lines[0]} == "1 $excludes_digest "* && ${lines[-1]} == end ]] || return 0
  last_boot=${lines[0]##* }
  for line in "${lines[@]:1}"; do
    read -r module raw manifest base entries volume <<<"$line"
    [[ $module =~ ^[0-9a-f]{16}$ && $raw$manifest$base =~ ^[0-9a-f]{96}$ && $entries =~ ^[0-9]{1,15}$ ]] || continue
    last_raw[$module]=$raw last_manifest[$module]=$manifest last_base[$module]=$base
    last_count[$module]=$entries last_volume[$module]=$volume
  done
}

# Runs find from each of the names on standard input, and keeps what it says as raw.NUMBER.
walk() { # NUMBER
  local count=${#look[@]}
  # shellcheck disable=SC2016 # the inner shell expands it
  "${nicely[@]}" xargs -0r bash -c 'exec find "${@:$1+2}" "${@:2:$1}"' _ "$count" "${look[@]}" >"$scratch/raw.$1" 2>>"$scratch/scan.err" || return 1
  b2sum -l 128 <"$scratch/raw.$1" >"$scratch/sum.$1" # a pipe to it would take three times its time
}

# The walk, where there is much to walk by as many as there are processors: the directories of the second level are
# dealt out to them.
walk_all() { # MODULE
  local number all=1 walkers=() list status=0 but=("${prune[@]}")
  ((${#request_excludes[@]} == 0)) || but=(! -path ./ \( "${prune[@]}" -false \) -o) # "*/" would take the directory itself
  ((${last_count[$1]-$many} < many)) || all=$(nproc)
  if ((all > 1)); then
    look=(-ignore_readdir_race -maxdepth 2 "${but[@]}" -path './*/*' -type d -fprint0 "$scratch/roots" -o "${record[@]}")
    walk 0 < <(printf './\0') || return 1
    split -t '\0' -n "r/$all" -a 3 -d "$scratch/roots" "$scratch/roots."
  else
    printf './\0' >"$scratch/roots.000"
  fi
  look=(-ignore_readdir_race "${but[@]}" "${record[@]}")
  for list in "$scratch"/roots.*; do
    walk "${list##*.}" <"$list" &
    walkers+=("$!")
  done
  for number in "${walkers[@]}"; do wait "$number" || status=1; done
  return "$status"
}

# One walk. A record is: type mode owner group links inode size mtime ctime ./name, ended by NUL. What changed so late
# that it may change again within the same tick of the kernel's clock gets a ctime that no later scan will find.
scan() { # PATH
  local path=$1 module=${module_of[$1]} fields='%y %m %U %G %n %i %s %T@' raw look record
  cd -P -- "${opened[$path]}"
  find_volume .
  owner_of[$path]=$owner volume_of[$path]=$volume
  [[ ! $inexact ]] || return 0
  record=(-type 'f,d,l' \( -newerct "@$(seconds $((started - 2000000)))" -printf "$fields r$started:%C@ %p\0" -o -printf "$fields %C@ %p\0" \))
  rm -f "$scratch"/{raw,sum,roots}.* # of a directory that could not be read
  : >"$scratch/scan.err"
  if ! walk_all "$module"; then
    while IFS= read -r raw; do log "$path: $raw"; done < <(head -n 5 "$scratch/scan.err")
    log "$path: not everything could be read; nothing is deleted"
    return 0
  fi
  raw=$(digest <(cat "$scratch"/sum.*))
  if [[ ${last_raw[$module]-} == "$raw" && $last_boot == "$boot" && -e $store/${last_manifest[$module]} ]]; then
    manifest_of[$path]=${last_manifest[$module]}
  else
    manifest_of[$path]=$(sorted "$scratch"/raw.* | tee "$scratch/sorted" | digest /dev/stdin)
    mv -f "$scratch/sorted" "$store/${manifest_of[$path]}"
    last_raw[$module]=$raw
  fi
  rm -f "$scratch"/{raw,sum,roots}.*
  ln "$store/${manifest_of[$path]}" "$scratch/${manifest_of[$path]}" 2>/dev/null || [[ -e $scratch/${manifest_of[$path]} ]]
}

sorted() { # SORT-ARGUMENTS...
  sort -z -S 32M -T "$scratch" "$@"
}

names() { # of records on standard input
  cut -z -d/ -f2- | sorted
}

# The lists for rsync begin names with ./, which brings what the directory itself is, too; and their last name is never
# there, so that no list is without a name.
write_list() { # NAMES LIST
  sed -z '/^$/d; s|^|./|' "$1" >"$2"
}

# What differs between two manifests: send; checksum and anew, files that the quick check would take for the same; deleted;
# dirs, what changed and is a directory. Made once for all who ask. Sets lists, and comparable: empty if a manifest is
# not whole, swapped if a directory gave way to something else.
compare() { # OLD NEW; never in a condition, for set -e is to hold in it
  local turn list latest=$scratch/$2 status=0
  lists=$scratch/$1.$2
  mkdir -p "$lists"
  exec {turn}>>"$lists/turn"
  flock "$turn"
  if [[ ! -e $lists/result ]]; then
    (
      cd "$lists"
      ln "$store/$1" whole 2>/dev/null || ln "$scratch/$1" whole
      digest whole >whole.digest &
      comm -z -3 whole "$latest" >both
      only -v $'^\t' both >old
      only $'^\t' both | cut -z -c2- >new
      wait
      [[ $(<whole.digest) == "$1" ]]
      names <old >old.names
      names <new >new.names
      comm -z -23 old.names new.names >deleted.names
      only '^[dD]' old | names >old.dirs
      only '^d' new | names >new.dirs
      for list in old new; do
        only '^f' "$list" >files
        cut -z -d' ' -f7,8,10- files | sorted >"$list.same"
        cut -z -d' ' -f6-8,10- files | sorted >"$list.inode"
      done
      names <files >new.files
      # of the same size and time; and held deletions that came back
      {
        comm -z -12 old.same new.same | cut -z -d/ -f2-
        only '^[D-]' old | names | comm -z -12 - new.files
      } | sorted -u >same
      # Hard links are one for those that rsync sends together. And it parts what is linked over there only by writing anew.
      only -v '^f [^ ]* [^ ]* [^ ]* 1 ' files | names >linked
      comm -z -12 old.inode new.inode | names | comm -z -23 - linked >checksum.names
      comm -z -23 same checksum.names | sorted -u - linked >anew.names
      sorted -u same linked | comm -z -23 new.names - >send.names
      for list in send checksum anew; do
        write_list "$list.names" "$list"
        [[ ! -s $list.names ]] || printf './.~tmp~/-\0' >>"$list"
      done
      write_list deleted.names deleted
      write_list new.dirs dirs
      cat deleted dirs >last
      comm -z -12 old.dirs new.names | comm -z -23 - new.dirs >swapped
      if [[ -s swapped ]]; then echo swapped >result; else echo yes >result; fi
    ) &
    wait "$!" || status=$?
    ((status == 0)) || : >"$lists/result"
  fi
  comparable=$(<"$lists/result")
  exec {turn}>&-
}

only() { # GREP-ARGUMENTS...
  grep -z "$@" || (($? == 1))
}

# The manifest of who has all that is new, and still what is deleted here. Of that no more is known than that it is
# there: its type is D or -. Sets kept. After compare.
keep_deleted() { # NEW
  local turn it=$lists/kept
  exec {turn}>>"$lists/turn"
  flock "$turn"
  if [[ ! -s $it ]]; then
    {
      comm -z -12 "$lists/deleted.names" "$lists/old.dirs" | sed -z 's|^|D - - - - - - - - ./|'
      comm -z -23 "$lists/deleted.names" "$lists/old.dirs" | sed -z 's|^|- - - - - - - - - ./|'
    } | sorted | sorted -m - "$scratch/$1" >"$it.new"
    kept=$(digest "$it.new")
    ln -f "$it.new" "$scratch/$kept"
    printf %s "$kept" >"$it"
  fi
  kept=$(<"$it")
  exec {turn}>&-
}

# --- deletions

print_held() { # ID COUNT TOTAL REASON EXAMPLES...
  local path examples=''
  for path in "${@:5}"; do examples+=${examples:+,}$(json "$path" 200); done
  printf '{"v":1,"kind":"deletions-held","id":"%s","count":%d,"total":%d,"reason":%s,"examples":[%s]}\n' \
    "$1" "$2" "$3" "$(json "$4" 200)" "$examples"
  log "$2 deletions are held: $4; to accept them, once: option accept-deletions $1"
}

excess() { # COUNT TOTAL WHERE: prints why so many of so many are not deleted just so, or nothing
  if (($1 > option_max_delete_count)); then
    printf '%d entries, more than max-delete-count, %d' "$1" "$option_max_delete_count"
  elif (($1 > few && $1 * 100 > option_max_delete_share * $2)); then
    printf '%d of %d entries of %s, more than max-delete-share, %d %%' "$1" "$2" "$3" "$option_max_delete_share"
  fi
}

# One decision for all secondaries, from what is gone since the last one: sets hold (a reason, if nothing may be
# deleted) and approved (how many were decided on).
decide() {
  local path module lists comparable gone total=0 all=0 id='' name base entries reason examples=()
  hold='' approved=0
  for path in "${request_directories[@]}"; do
    module=${module_of[$path]}
    [[ ${opened[$path]-} || ! ${last_base[$module]-} ]] || hold="$path was there and cannot be pushed now"
  done
  : >"$scratch/gone"
  for path in "${fit_directories[@]}"; do
    module=${module_of[$path]} base=${last_base[${module_of[$path]}]-}
    [[ ${manifest_of[$path]-} ]] || continue
    if [[ ! $base || ! -e $store/$base ]]; then
      unsure[$path]='no earlier push to compare with'
      continue
    fi
    ((all += last_count[$module])) || true
    [[ $base != "${manifest_of[$path]}" ]] || continue
    compare "$base" "${manifest_of[$path]}"
    if [[ ! $comparable ]]; then
      unsure[$path]='the manifest is damaged'
      rm -f "$store/$base"
      continue
    fi
    gone=$(count "$lists/deleted")
    ((gone > 0)) || continue
    ((total += gone))
    sed -z "s|^|$module/|" "$lists/deleted.names" >>"$scratch/gone"
    entries=$(count "$scratch/${manifest_of[$path]}")
    if ((entries <= 1)); then
      reason="nothing is left in $path"
    elif [[ ${last_volume[$module]} != "${volume_of[$path]}" ]]; then
      reason="$path is on another file system than before"
    else
      reason=$(excess "$gone" "${last_count[$module]}" "$path")
    fi
    hold=${hold:-$reason}
  done
  ((total <= option_max_delete_count)) || hold=${hold:-$(excess "$total" "$all" '')}
  if ((total > 0)); then
    sorted -o "$scratch/gone" "$scratch/gone"
    id=$(sha256sum <"$scratch/gone")
    id=${id:0:16}
    if [[ $hold && $id == "$option_accept_deletions" ]]; then
      log "$total held deletions are accepted: $id"
      hold=''
    fi
    if [[ ! $hold ]]; then
      approved=$total
    else
      while IFS= read -r -d '' name; do
        for path in "${fit_directories[@]}"; do
          [[ ${name%%/*} != "${module_of[$path]}" ]] || examples+=("$path/${name#*/}")
        done
      done < <(head -z -n 5 "$scratch/gone")
      print_held "$id" "$total" "$all" "$hold" "${examples[@]}"
    fi
  fi
}

# Written before anything is sent, so that what was decided stays decided.
write_last() {
  local path module manifest lists kept
  {
    printf '1 %s %s\n' "$excludes_digest" "$boot"
    for path in "${request_directories[@]}"; do
      module=${module_of[$path]} manifest=${manifest_of[$path]-}
      if [[ $manifest ]]; then
        kept=$manifest
        lists=$scratch/${last_base[$module]-}.$manifest
        if [[ $hold && -s $lists/deleted ]]; then
          keep_deleted "$manifest"
        else
          last_volume[$module]=${volume_of[$path]}
        fi
        [[ -e $store/$kept ]] || ln "$scratch/$kept" "$store/$kept"
        [[ ${last_base[$module]-} == "$kept" ]] || last_count[$module]=$(($(count "$store/$kept") - 1))
        last_manifest[$module]=$manifest last_base[$module]=$kept
      fi
      [[ ! ${last_base[$module]-} ]] || printf '%s %s %s %s %d %s\n' "$module" "${last_raw[$module]}" \
        "${last_manifest[$module]}" "${last_base[$module]}" "${last_count[$module]}" "${last_volume[$module]}"
    done
    echo end
  } >"$store/.last"
  mv -f "$store/.last" "$store/last"
}

# Manifests that nobody refers to, and what is known of secondaries that have been off the list for a day.
clear_store() {
  local file id module manifest base used=' ' _
  for file in "$store"/secondary/*; do
    [[ -f $file ]] || continue
    id=${file##*/}
    if [[ " ${secondary_ids[*]} " == *" $id "* ]]; then
      [[ ! -e $store/absent/$id ]] || rm -f "$store/absent/$id"
    elif [[ ! -e $store/absent/$id ]]; then
      : >"$store/absent/$id"
    elif [[ $(find "$store/absent/$id" -mmin +1440) ]]; then
      rm -f "$store"/{secondary,sending,failed,absent}/"$id"
      continue
    fi
    while read -r module manifest _; do used+="$manifest "; done <"$file"
  done
  while read -r module _ manifest base _; do used+="$manifest $base "; done <"$store/last"
  for file in "$store"/*; do
    [[ ! -f $file || $file == */@(last|lock) || $used == *" ${file##*/} "* ]] || rm -f -- "$file"
  done
}

# Everything that concerns all secondaries; one push at a time.
look() {
  local path turn owner volume last_boot=''
  exec {turn}>>"$store/lock"
  flock -w "$option_push_timeout" "$turn" || fail internal 'an earlier push has been scanning for push-timeout seconds; see what holds up find'
  read_last
  for path in "${fit_directories[@]}"; do scan "$path"; done
  cd /
  decide
  write_last
  clear_store
  exec {turn}>&-
}

# --- what a secondary has

# Sets known and known_owner by module, verified, litter, doubt if all is to be compared as well, and fresh if nothing is known.
read_state() { # INDEX
  local lines=() module manifest owner began booted
  known=() known_owner=() verified=0 doubt='' litter='' fresh=''
  target="$scope ${secondary_keys[$1]:-${secondary_addresses[$1]} ${secondary_ports[$1]}}"
  [[ ! -e $store/sending/$id ]] || litter=yes
  [[ ! -f $state ]] || mapfile -t lines <"$state"
  if ((${#lines[@]} < 3)) || [[ ${lines[-1]} != end || ! ${lines[1]} =~ ^[0-9]{1,17}\ [0-9]{1,15}\  ]]; then
    doubt='nothing is known of it'
    [[ $litter ]] || fresh=yes
  elif [[ ${lines[0]} != "1 $target" ]]; then
    doubt='its key or address, the epoch or the excludes are others'
  else
    read -r began verified booted <<<"${lines[1]}"
    while read -r module manifest owner; do
      [[ $module == end ]] || known[$module]=$manifest known_owner[$module]=$owner
    done < <(printf '%s\n' "${lines[@]:2}")
    if [[ $litter ]]; then
      doubt='an earlier push to it broke off'
    elif [[ $booted != "$boot" ]]; then
      doubt='this host was booted'
    elif ((began > started)); then
      doubt='the clock was set back'
    fi
  fi
}

write_state() { # INDEX
  local path turn manifest module
  exec {turn}>>"$store/lock"
  flock "$turn"
  {
    printf '1 %s\n%s %s %s\n' "$target" "$started" "$verified" "$boot"
    for path in "${request_directories[@]}"; do
      module=${module_of[$path]} manifest=${known[${module_of[$path]}]-}
      [[ $manifest ]] || continue
      [[ -e $store/$manifest ]] || ln "$scratch/$manifest" "$store/$manifest" 2>/dev/null || continue
      printf '%s %s %s\n' "$module" "$manifest" "${owner_of[$path]:-${known_owner[$module]-}}"
    done
    echo end
  } >"$state.new"
  mv -f "$state.new" "$state"
  exec {turn}>&-
}

# Is it time to look at everything? Each secondary has its own second of the period, so that they take turns.
is_due() { # INDEX
  local offset=0 position code
  ((option_verify_every > 0)) || return 1
  for ((position = 0; position < ${#id}; position += 1)); do
    printf -v code %d "'${id:position:1}"
    ((offset = (offset * 31 + code) % 1000003)) || true
  done
  ((offset %= option_verify_every)) || true
  (((started / 1000000 + offset) / option_verify_every > (verified + offset) / option_verify_every))
}

# A host that is gone is to be noticed also when there is nothing to send: is there an SSH server? No connection is
# kept open between two pushes for this: it would be a process on two hosts for good, and a login that is never ended.
probe() { # INDEX; ended by main if it takes long
  local word='' connection
  trap - ERR
  { exec {connection}<>"/dev/tcp/${secondary_addresses[$1]}/${secondary_ports[$1]}"; } 2>/dev/null || true
  [[ ! ${connection-} ]] || IFS= read -r -t 3 -n 4 -u "$connection" word || true
  printf '%s.\n' "$word" >"$scratch/$1.probe"
  finished=yes
}

answers() { # INDEX
  local answer='' tries=0
  until [[ $answer ]] || ((tries++ > 60)); do
    [[ ! -s $scratch/$1.probe ]] || answer=$(<"$scratch/$1.probe")
    [[ $answer ]] || sleep 0.05
  done
  [[ $answer == SSH-. ]]
}

# --- one secondary

begin_sending() { # INDEX
  [[ ! $sending ]] || return 0
  : >"$store/sending/$id"
  sending=yes
  write_ssh_config "$1"
}

# Runs rsync and adds up its statistics; sets status, entries, drifted and spared (what --max-delete kept it from deleting).
run_rsync() { # INDEX DIRECTORY OPTIONS...
  local line options module=${module_of[$2]}
  begin_sending "$1"
  options=(
    --archive --no-D --hard-links --sparse --numeric-ids # no devices, sockets and pipes
    --modify-window=-1                                   # nanoseconds: else a second change within a second is missed
    --timeout="$option_io_timeout" --stats --no-h --8-bit-output
    --rsh="ssh -F $scratch/$1.ssh"
    --filter='R .~tmp~/' # what a broken push left is deleted too, though rsync excludes that name of its own accord
    --filter='- /lost+found/'
    "${filters[@]}"
  )
  ((option_bandwidth == 0)) || options+=(--bwlimit="$option_bandwidth")
  status=0 spared=0 entries=0 whole=''
  # In the background, so that a signal is acted on at once. --foreground keeps rsync in our process group; ssh ends
  # when rsync does, as its input closes.
  timeout --foreground --kill-after=10 $(((deadline - now) / 1000000 + 1)) \
    "${nicely[@]}" rsync "${options[@]}" "${@:3}" ./ "$id::$module/" >"$scratch/$1.out" 2>"$scratch/$1.said" &
  child=$!
  wait "$child" || status=$?
  child=''
  now
  # ssh ends its lines with \r\n; a host that does not know its own name is none of our business
  sed 's/\r$//; /^sudo: unable to resolve host/d; /^file has vanished: /d; /^rsync warning: some files vanished/d' "$scratch/$1.said" >"$scratch/$1.err"
  while read -r line; do
    case $line in
      'Number of files: '+([0-9])*)
        line=${line#*: }
        entries=${line%%[!0-9]*}
        ;;
      'Number of regular files transferred: '+([0-9])) ((files += ${line##* }, drifted += ${line##* })) || true ;;
      'Number of created files: '*\(*)
        line=${line#*\(}
        line=${line%\)}
        while [[ $line ]]; do
          [[ $line == reg:* ]] || ((drifted += ${line##* })) || true
          if [[ $line == *,* ]]; then line=${line%,*}; else line=''; fi
        done
        ;;
      'Total bytes sent: '+([0-9])) ((bytes += ${line##* })) || true ;;
      'Number of deleted files: '+([0-9])*)
        line=${line#*: }
        ((deleted += ${line%%[!0-9]*}, drifted += ${line%%[!0-9]*})) || true
        ;;
    esac
  done < <(tail -n 30 "$scratch/$1.out")
  while IFS= read -r line; do
    [[ $line =~ ^Deletions\ stopped\ due\ to\ --max-delete\ limit\ \(([0-9]+)\ skipped\) ]] && spared=${BASH_REMATCH[1]}
  done <"$scratch/$1.err"
  ((status != 25)) || status=0
  if ! grep -q '^rsync: did not see server greeting' "$scratch/$1.err"; then
    reached=yes
    [[ $status != @(0|23|24) ]] || whole=yes
  fi
  while IFS= read -r line; do log "$id: $line"; done < <(head -n 30 "$scratch/$1.err")
}

# Runs rsync, a second time where that helps, and keeps the first error; fails if there was one.
try() { # INDEX DIRECTORY OPTIONS...
  run_rsync "$@"
  # rsync 3.5 cannot give a new file a mode that keeps its own owner from reading it; to one that is there it can.
  if grep -q '^do_chmod: no symlink-safe chmod for ' "$scratch/$1.err"; then run_rsync "$@"; fi
  classify "$1"
  error_before=$first_error message_before=$first_message
  [[ $error ]] || return 0
  [[ $first_error ]] || first_error=$error first_message="$2: $message"
  case $error in disk-full | permission-denied | partial | not-prepared | failed) ;; *) lost=yes ;; esac
  return 1
}

# May so many entries be deleted that only the secondary has?
may_delete() { # INDEX DIRECTORY COUNT
  local held reason=$hold
  [[ $reason ]] || (($3 <= approved + few && $3 <= approved + option_max_delete_count)) || reason=$(excess "$3" $((entries + $3 - 1)) "$2 there")
  [[ $reason ]] || return 0
  held=$(printf '%s %s %d' "$id" "${module_of[$2]}" "$3" | sha256sum)
  held=${held:0:16}
  if [[ $held != "$option_accept_deletions" ]]; then
    print_held "$held" "$3" $((entries + $3 - 1)) "$id: $reason"
    return 1
  fi
  log "$id: $3 held deletions are accepted: $held"
}

# Sends everything, and deletes what is over there alone: which is counted first, unless the secondary has never been in
# service. No list of names is given: rsync reads one byte by byte, which takes it longer than all the rest.
push_all_of() { # INDEX DIRECTORY
  local clear=(--delete-before --existing --ignore-existing) well=yes send=(--delay-updates)
  if [[ ! ${manifest_of[$2]-} ]]; then
    push_unseen "$@"
    return
  fi
  # Nobody is served from what is new: there it need not come into place all at once, which takes as long again, and what
  # is over there alone is counted on the way.
  [[ ! $fresh ]] || send[0]=--delete send+=(--max-delete=0)
  try "$1" "$2" "${send[@]}" || well=''
  # What came after the scan was sent, too; if it is gone by the next one, nobody knows of it. But it left a trace in its
  # directory. The kernel's clock for that ticks every 10 ms or more often.
  # shellcheck disable=SC2016 # the inner shell expands it
  [[ ! $(only '^d' "$scratch/${manifest_of[$2]}" | cut -z -d' ' -f10- \
    | xargs -0r bash -c 'exec find "$@" -maxdepth 0 -newerct "$0" -print -quit' "@$(seconds $((started - 20000)))" 2>&1) ]] || late=yes
  if [[ ! $well ]] && grep -q '^could not make way for new ' "$scratch/$1.err"; then
    first_error=$error_before first_message=$message_before
    push_unseen "$@"
    return
  fi
  [[ ! $fresh || ! $well ]] || ((spared > 0)) || return 0
  # A full disk would stay full for good if what was deleted here only went after all updates arrived.
  [[ ! $lost ]] || return 1
  if [[ $option_first && ! $hold ]] && ((verified == 0)); then
    try "$1" "$2" "${clear[@]}" || well=''
  else
    try "$1" "$2" "${clear[@]}" --max-delete=0 || well=''
    if ((spared > few)) && [[ $litter ]]; then # what a broken push left is nobody's content
      run_rsync "$1" "$2" "${clear[@]}" --filter='R .~tmp~/***' --filter='P *'
      try "$1" "$2" "${clear[@]}" --max-delete=0 || well=''
    fi
    if ((spared > 0)); then
      if may_delete "$1" "$2" "$spared"; then try "$1" "$2" "${clear[@]}" || well=''; else well='' withheld=yes; fi
    fi
  fi
  [[ $well ]]
}

# The same without a manifest: where not everything could be read, or find could not be told what is excluded, or a
# directory over there stands in the way of something else.
push_unseen() { # INDEX DIRECTORY
  local send=(--delete-delay --delay-updates)
  uneven=yes # what came and went since the scan would be known to nobody
  if [[ ! ${manifest_of[$2]-} && ! $inexact ]]; then
    try "$1" "$2" --delay-updates || return 1
    [[ $first_error ]] || first_error=partial first_message="$2: not everything here could be read; the rest arrived"
    return 1
  fi
  if try "$1" "$2" "${send[@]}" --max-delete=0 && ((spared == 0)); then return 0; fi
  [[ $error != disk-full ]] || send=(--delete-before --existing --ignore-existing)
  [[ $error != disk-full ]] || run_rsync "$1" "$2" "${send[@]}" --max-delete=0
  ((spared > 0)) && [[ ! $lost ]] || return 1
  if ! may_delete "$1" "$2" "$spared"; then
    withheld=yes
    return 1
  fi
  [[ $error == disk-full ]] || first_error=$error_before first_message=$message_before
  try "$1" "$2" "${send[@]}"
}

# Sends what the lists name; sets kept, the manifest of what is there then. Deletions come last; the directories are
# named again with them, for their times.
push_lists() { # INDEX DIRECTORY NEW
  local list options undeleted='' from=$lists first=$first_error message=$first_message
  for list in send checksum anew; do
    [[ -s $from/$list ]] || continue
    options=(--files-from="$from/$list" "${listed[@]}" --delay-updates)
    # what an earlier push left may be of the same size and time by accident
    case $list$litter in
      send | anewyes | anew) ;;
      *) options+=(--checksum) ;;
    esac
    [[ $list != anew ]] || options+=(--ignore-times)
    # What is sent by size and time alone is found by the comparison of everything, too, which follows an error.
    if ! try "$1" "$2" "${options[@]}" && [[ $list != send || ! $whole ]]; then kept=$old; fi
    [[ ! $lost ]] || return 0
  done
  if [[ $comparable == swapped ]]; then
    # what stands in the way, and all that is deleted, is left to the comparison of everything
    due=yes first_error=$first first_message=$message
  elif [[ -s $from/deleted ]]; then
    if [[ $hold ]]; then
      undeleted=yes withheld=yes
    else
      # what lies below a deleted directory goes with it: not more than was decided on
      try "$1" "$2" --files-from="$from/last" --from0 --delete-missing-args --delete --max-delete=$(($(count "$from/deleted") + few)) || undeleted=yes
      ((spared == 0)) || undeleted=yes due=yes
    fi
  fi
  [[ ! $undeleted || $kept != "$3" ]] || keep_deleted "$3"
}

enter() { # DIRECTORY: from inside, as it was scanned; fails if it is not fit any more
  cd -P -- "${opened[$1]}"
  find_problem "$1"
  if [[ ! $problem && ! . -ef $1 ]]; then problem=missing explanation='was moved during the push'; fi
  [[ $problem ]] || return 0
  skipped="$1 $explanation"
  return 1
}

# One directory. Sets known of it to what is there afterwards. Whenever something went wrong, everything is compared the
# next time; so what is known need not say what failed, but it must say what may have arrived.
push_directory() { # INDEX DIRECTORY
  local module=${module_of[$2]} new=${manifest_of[$2]-} old=${known[${module_of[$2]}]-} plan=full before=$first_error
  local lists kept='' comparable='' due=$due
  if [[ $old && $new && ! ${unsure[$2]-} && ${known_owner[$module]-} == "${owner_of[$2]}" ]]; then
    if [[ $old == "$new" ]]; then
      plan=none
    else
      compare "$old" "$new"
      [[ ! $comparable ]] || plan=changes
    fi
  fi
  if [[ $plan == changes && $hold && -s $lists/deleted && ! -s $lists/send && ! -s $lists/checksum && ! -s $lists/anew ]]; then
    plan=none withheld=yes new=$old
  fi
  [[ $plan$due$touch != none ]] || return 0
  enter "$2" || return 0
  case $plan:$due in
    *:?*) [[ $mode == full ]] || mode=verify ;;
    changes:*) [[ $mode != none ]] || mode=changes ;;
  esac
  [[ $plan != full && ! $doubt ]] || mode=full
  kept=$new
  case $plan in
    none) [[ $due ]] || try "$1" "$2" --files-from="$scratch/touch" "${listed[@]}" || true ;;
    changes) push_lists "$1" "$2" "$new" ;;
    full)
      # if we are killed, this tells what may have arrived
      begin_sending "$1"
      [[ ! $new ]] || known[$module]=$new
      ((${#known[@]} == 0)) || write_state "$1"
      ;;
  esac
  drifted=0
  if [[ $plan == full || $due ]] && [[ ! $lost ]]; then
    push_all_of "$1" "$2" || uneven=yes
    [[ $plan == full ]] || ((drift += drifted)) || true
  fi
  [[ ! $kept ]] || known[$module]=$kept
  # what was sent from a directory that had been moved away counts for nothing
  if ! enter "$2"; then unset "known[$module]"; fi
  [[ $first_error == "$before" ]] || uneven=yes
}

# Goes on after an error that concerns one directory or single files.
push_directories() { # INDEX
  local directory due=$doubt
  ! is_due "$1" || due=yes
  for directory in "${fit_directories[@]}"; do
    [[ $lost ]] || push_directory "$1" "$directory"
  done
  [[ $uneven || $lost || $skipped || $mode != @(full|verify) ]] || verified=$((started / 1000000))
}

report() { # INDEX RESULT [ERROR MESSAGE]
  local ok=true why='' more=''
  now
  if (($# > 2)); then
    ok=false
    printf -v why ',"error":"%s","message":%s' "$3" "$(json "$4" "$message_limit")"
    log "$id: $3: $4"
  fi
  [[ $mode != verify ]] || more=",\"drift\":$drift"
  printf '%s' "$2" >"$scratch/$1.result"
  # one write a line: the other secondaries write at the same time
  printf '{"v":1,"kind":"secondary","id":"%s","ok":%s%s,"mode":"%s"%s,"started":%s,"files":%d,"deleted":%d,"bytes":%d,"seconds":%s}\n' \
    "$id" "$ok" "$why" "$mode" "$more" "$(seconds "$started")" "$files" "$deleted" "$bytes" "$(seconds $((now - began)))"
}

push_secondary() { # INDEX
  local id=${secondary_ids[$1]} lock problem='' explanation='' error='' message='' first_error='' first_message='' skipped='' status=0
  local child='' now began deadline files=0 deleted=0 bytes=0 mode=none drift=0 drifted=0 spared=0 entries=0
  local state=$store/secondary/$id doubt litter fresh verified target touch='' sending='' reached='' whole='' lost='' withheld='' uneven='' late=''
  local error_before='' message_before=''
  local -A known=() known_owner=()
  trap - ERR
  trap '[[ ! $child ]] || kill "$child"; exit 1' TERM
  now
  began=$now deadline=$((now + option_push_timeout * 1000000))
  # rsync inherits the descriptor: as long as it runs, however we ended, nobody else pushes to this secondary
  exec {lock}>>"$var/lock/$request_group/$id"
  if ! flock -n "$lock"; then
    report "$1" busy busy 'an earlier push to it still runs; nothing was done'
    return 0
  fi
  read_state "$1"
  [[ ! $doubt ]] || log "$id: everything is compared: $doubt"
  [[ ! $option_first ]] || known=() doubt=${doubt:-first}
  # after an error it has to show that it is well again
  [[ ! -e $store/failed/$id ]] || touch=yes
  ((unfit == 0)) || skipped="$unfit of ${#request_directories[@]} directories, see there"
  push_directories "$1"
  if [[ $mode == none && ! $sending ]] && ! answers "$1"; then
    touch=yes
    push_directories "$1"
  fi
  finish_secondary "$1"
}

finish_secondary() { # INDEX
  if [[ $sending ]]; then
    ((${#known[@]} == 0)) || write_state "$1"
    # it stays where something went wrong on the way, or came too late to be known of
    [[ $late || ($uneven || $lost) && ($reached || $litter || $mode == full) ]] || rm -f "$store/sending/$id"
  fi
  if [[ $first_error ]]; then
    : >"$store/failed/$id"
    report "$1" failed "$first_error" "$first_message"
    return 0
  fi
  [[ ! -e $store/failed/$id ]] || rm -f "$store/failed/$id"
  if [[ $withheld ]]; then
    report "$1" held deletions-held "it received all that is new; deletions were held back, see the line deletions-held"
  elif [[ $skipped ]]; then
    report "$1" skipped directory-skipped "it received all that was sent; not sent: $skipped"
  else
    report "$1" synced
  fi
}

# --- all of them

end_jobs() {
  local workers
  mapfile -t workers < <(jobs -rp)
  ((${#workers[@]} == 0)) || kill "${workers[@]}" 2>/dev/null || true
}

stop_all() {
  end_jobs
  wait || true
  fail internal 'stopped by a signal'
}

push_all() {
  local index workers all=()
  for index in "${!secondary_ids[@]}"; do
    while mapfile -t workers < <(jobs -rp | grep -vxF "${probes%?}") && ((${#workers[@]} >= option_parallel)); do
      wait -n || true
    done
    push_secondary "$index" &
    all+=("$!")
  done
  ((${#all[@]} == 0)) || wait "${all[@]}" || true
  end_jobs
  trap - TERM INT HUP
}

main() {
  local now started began index id result code=0 ok=true files=0 deleted=0 bytes=0 mode=none drift=0
  local prune inexact filters nicely=() boot='' scope excludes_digest hold approved fit_directories unfit expected_mounts probes='' store=$var/manifest/$request_group
  local -A tally=([synced]=0 [failed]=0 [busy]=0 [skipped]=0 [held]=0)
  now
  started=$now began=$now
  need rsync=rsync/rsync ssh=openssh-client/openssh-clients flock=util-linux/util-linux timeout=coreutils/coreutils
  check_epoch
  [[ -f $key ]] || fail not-ready "$key is missing; run promote.sh on this host first"
  [[ $(stat -c %a:%u "$key") == ?00:0 ]] || fail not-ready "others can read $key, and ssh refuses it; chown root $key; chmod 600 $key"
  unset HOME SSH_AUTH_SOCK "${!RSYNC_@}" # ~/.popt and RSYNC_* would change what rsync does
  # SSM keeps the first 24,000 characters: with many secondaries messages are shorter
  message_limit=$((23000 / (${#secondary_ids[@]} + ${#request_directories[@]}) - 180))
  message_limit=$((message_limit > 300 ? 300 : message_limit < 16 ? 16 : message_limit))
  if ((option_nice > 0)); then
    nicely=(nice -n "$option_nice")
    ! type -P ionice >/dev/null || nicely+=(ionice -c 2 -n 7)
  fi
  [[ ! -r /proc/sys/kernel/random/boot_id ]] || boot=$(</proc/sys/kernel/random/boot_id)
  read_excludes
  [[ ! $inexact ]] || log "the exclude \"$inexact\" is beyond us: everything is compared each time"
  excludes_digest=$(printf '%s\0' "${request_excludes[@]}" | sha256sum)
  excludes_digest=${excludes_digest:0:16} scope=$request_epoch:${excludes_digest:0:16}
  make_scratch
  mkdir -p "$store"/{secondary,sending,failed,absent}
  printf './.~tmp~/-\0' >"$scratch/touch"
  trap stop_all TERM INT HUP
  for index in "${!secondary_ids[@]}"; do
    probe "$index" &
    probes+="$!"$'\n'
  done
  clear_agent_folders
  check_directories
  look
  push_all
  for index in "${!secondary_ids[@]}"; do
    id=${secondary_ids[index]}
    [[ -s $scratch/$index.result ]] || report "$index" failed failed 'its worker ended without a result; see standard error'
    result=$(<"$scratch/$index.result")
    ((tally[$result] += 1))
  done
  if ((tally[failed] > 0)); then
    code=10
  elif ((unfit + tally[skipped] + tally[held] > 0)); then
    code=11
  fi
  ((code == 0)) || ok=false
  now
  printf '{"v":1,"kind":"push","group":"%s","epoch":%d,"ok":%s,"started":%s,"seconds":%s,"secondaries":%d,"synced":%d,"failed":%d,"busy":%d}\n' \
    "$request_group" "$request_epoch" "$ok" "$(seconds "$started")" "$(seconds $((now - started)))" \
    "${#secondary_ids[@]}" "${tally[synced]}" "${tally[failed]}" "${tally[busy]}"
  finish "$code"
}

hostsync_read_request push "$@"
main
