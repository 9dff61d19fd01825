#!/bin/bash
# Brings what only other hosts hold to this one, the primary, and overwrites nothing: from a former primary what its
# leave.sh listed, from secondaries all that is not here. What differs is kept beside what is here.
# Request, output and exit codes: docs/host-scripts.md.
#
# A source is not trusted. rsync runs as the directory's owner, into a directory of its own in which no symbolic link leads
# anywhere; from there link(2), which overwrites nothing, puts each whole file into its place.
set -Eeuo pipefail
declare -F hostsync_read_request >/dev/null || . "$(dirname -- "${BASH_SOURCE[0]}")/request.sh"
declare -F find_problem >/dev/null || . "$(dirname -- "${BASH_SOURCE[0]}")/transfer.sh"

option_lists=''
chunk=20000 # names that one rsync is given: its memory grows with them
declare -A opened owner_of

check_directories() { # sets fit_directories and unfit (how many)
  local path problem explanation descriptor
  fit_directories=() unfit=0
  read_expected_mounts /etc/fstab
  for path in "${request_directories[@]}"; do
    find_problem "$path"
    [[ $problem != empty ]] || problem='' # then all the more is to be brought
    if [[ ! $problem ]] && ! { exec {descriptor}<"$path"; } 2>/dev/null; then problem=missing explanation='went away'; fi
    if [[ ! $problem ]]; then
      fit_directories+=("$path")
      opened[$path]=/proc/self/fd/$descriptor
      owner_of[$path]=$(stat -c %u:%g -- "${opened[$path]}/.")
      continue
    fi
    ((unfit += 1))
    log "nothing is brought to $path: $problem: $explanation"
    printf '{"v":1,"kind":"directory","directory":%s,"error":"%s","message":%s}\n' \
      "$(json "$path")" "$problem" "$(json "$explanation" "$message_limit")"
  done
}

# --- what runs as the directory's owner, in a bash of its own

# Makes the directory that rsync writes to. Its name is one that push.sh never sends. What a killed run put into its place
# already has two names.
prepare_stage() { # STAGE
  local path
  umask 077
  for path in .~tmp~ "$1"; do
    mkdir -- "$path" 2>/dev/null || true
    [[ -d $path && ! -L $path && -O $path ]] || {
      printf '%s is in the way; move it away\n' "$path"
      return 1
    }
  done
  find "$1" -type f -links +1 -delete
  rm -rf -- "$1.link"
}

clear_stage() { # STAGE
  rm -rf -- "$1" "$1.link"
  rmdir .~tmp~ 2>/dev/null || true
}

# Puts what arrived into its place; the names are on standard input, in order. Prints, each ended by NUL, f and a path for
# what is new, c and a path for what is kept beside, e and a message. Paths go to descriptor 4, too.
place() { # ROOT STAGE ID NEWER; NEWER is yes if only what is newer than ours is kept beside
  local root=$1 id=${3:0:64} newer=$4 name directory base it at='' last=. batch=() top stage tmp failed='' rest sub
  exec {top}<. {stage}<"$2" {tmp}<.~tmp~
  top=/proc/self/fd/$top stage=/proc/self/fd/$stage tmp=/proc/self/fd/$tmp/${2##*/}.link
  while IFS= read -r -d '' name; do
    it=$stage/$name
    [[ -L $it || -f $it ]] || continue
    directory='' base=${name##*/}
    [[ $name != */* ]] || directory=${name%/*}
    if [[ $directory != "$last" ]]; then
      place_batch
      last=$directory failed=''
      enter "$directory" || failed=yes
    fi
    if [[ $failed ]]; then
      printf 'e%s: its directory changes all the time\0' "$root/$name"
    elif [[ -L ./$base || -e ./$base ]]; then
      place_batch
      if is_wanted; then keep_beside; fi
    elif [[ -L $it ]]; then
      if ! make_link; then
        printf 'e%s: the link cannot be made\0' "$root/$name"
      elif ln -P -T -- "$tmp" "./$base" 2>/dev/null; then
        tell f "$base"
      else
        keep_beside
      fi
      rm -f -- "$it"
    else
      batch+=("$it")
      ((${#batch[@]} < 200)) || place_batch
    fi
  done
  place_batch
}

tell() { # LETTER NAME
  printf '%s%s\0' "$1" "$root$at/$2"
  printf '%s\0' "$root$at/$2" >&4
}

# Many at once, for each ln is a process. What came into being here meanwhile stays as it is.
place_batch() {
  local it base
  ((${#batch[@]} > 0)) || return 0
  ln -P -t . -- "${batch[@]}" 2>/dev/null || true
  for it in "${batch[@]}"; do
    base=${it##*/}
    if [[ ! -L ./$base && ./$base -ef $it ]]; then
      tell f "$base"
    elif is_wanted; then
      keep_beside
    fi
  done
  rm -f -- "${batch[@]}"
  batch=()
}

# Goes to a directory below the root and makes what is missing of it; sets at. What is no directory here stays, and the
# directory is made beside it. A component is entered by its name alone, and then the kernel is asked where we are:
# so no symbolic link leads us away, whoever swaps what when.
enter() { # DIRECTORY
  local rest=$1 sub='' part want number here
  cd -P -- "$top"
  at=''
  while [[ $rest ]]; do
    part=${rest%%/*} sub+=/${rest%%/*} number=0
    if [[ $rest == */* ]]; then rest=${rest#*/}; else rest=''; fi
    want=$part
    until [[ -d ./$want && ! -L ./$want ]]; do
      if [[ ! -L ./$want && ! -e ./$want ]] && mkdir -m "$(stat -c %a -- "$stage$sub")" -- "./$want" 2>/dev/null; then break; fi
      ((number < 50)) || return 1
      if [[ -L ./$want || -e ./$want ]]; then find_name "$part" "$stage$sub" $((number += 1)); else ((number += 1)); fi
    done
    cd -P -- "./$want" || return 1
    at+=/$want
    here=$(readlink -n /proc/self/cwd && printf x) || return 1
    [[ ${here%x} == "$root$at" ]] || return 1
  done
}

# Sets want: a name that says whence and when. At most 255 bytes, cut between two characters.
find_name() { # NAME FILE NUMBER
  local suffix cut
  suffix=.from-$id-$(date -u -d "@$(stat -c %Y -- "$2")" +%Y%m%dT%H%M%SZ)
  (($3 == 1)) || suffix+=.$3
  cut=$((255 - ${#suffix}))
  if ((${#1} > cut)); then
    while ((cut > 0)) && [[ ${1:cut:1} == [$'\x80'-$'\xbf'] ]]; do ((cut -= 1)); done
  fi
  want=${1:0:cut}$suffix
}

# Links arrive with a target that leads nowhere; here it is the real one. Under a name that rsync cannot reach.
make_link() {
  local target
  target=$(readlink -n -- "$it" && printf x) || return 1
  target=${target%x}
  [[ $target == /rsyncd-munged/?* ]] || return 1
  rm -f -- "$tmp"
  ln -s -T -- "${target#/rsyncd-munged/}" "$tmp" && touch -h -r "$it" -- "$tmp"
}

is_same() { # NAME: is it what arrived?
  local ours theirs status=0
  if [[ -L $it ]]; then
    [[ -L $1 ]] || return 1
    ours=$(readlink -n -- "$1" && printf x) theirs=$(readlink -n -- "$it" && printf x)
    [[ /rsyncd-munged/$ours == "$theirs" ]]
    return
  fi
  [[ -f $1 && ! -L $1 ]] || return 1
  cmp -s -- "$1" "$it" || status=$?
  # one of them cannot be read, by its own owner
  ((status < 2)) || [[ $(stat -c '%s %Y' -- "$1") != "$(stat -c '%s %Y' -- "$it")" ]] || status=0
  ((status == 0))
}

is_wanted() { # of it, where base is there already
  ! is_same "./$base" || return 1
  [[ $newer && (-L ./$base || ! -d ./$base) ]] || return 0
  (($(stat -c %Y -- "$it") > $(stat -c %Y -- "./$base"))) || [[ ! -L $it && ! -L ./$base && $it -nt ./$base ]]
}

keep_beside() {
  local want number=0 from=$it
  if [[ -L $it ]]; then
    from=$tmp
    make_link || {
      printf 'e%s: the link cannot be made\0' "$root$at/$base"
      return 0
    }
  fi
  while ((number < 1000)); do
    find_name "$base" "$it" $((number += 1))
    ! is_same "./$want" || return 0
    if ln -P -T -- "$from" "./$want" 2>/dev/null; then
      tell c "$want"
      return 0
    fi
    [[ -L ./$want || -e ./$want ]] || break
  done
  printf 'e%s: it cannot be kept beside\0' "$root$at/$base"
}

as_owner() { # DIRECTORY FUNCTION ARGUMENTS...; works from the present directory
  local code shell=(env -i "PATH=$PATH" LC_ALL=C)
  [[ ${owner_of[$1]} == 0:* ]] || shell+=(setpriv "--reuid=${owner_of[$1]%:*}" "--regid=${owner_of[$1]#*:}" --clear-groups --)
  code=$(declare -f prepare_stage clear_stage place tell place_batch enter find_name make_link is_same is_wanted keep_beside)
  # shellcheck disable=SC2016 # for the inner bash
  "${shell[@]}" bash --norc -c "$code"$'\n"$@"' bash "${@:2}"
}

# --- one source

# Runs rsync; sets status. Its output is in INDEX.out.
run_rsync() { # INDEX OPTIONS... SOURCE DESTINATION
  local options=(
    --links --times --numeric-ids --modify-window=-1 --timeout="$option_io_timeout"
    --stats --no-h --8-bit-output --rsh="ssh -F $scratch/$1.ssh"
  )
  status=0
  now
  timeout --foreground --kill-after=10 $(((deadline - now) / 1000000 + 1)) \
    rsync "${options[@]}" "${@:2}" >"$scratch/$1.out" 2>"$scratch/$1.said" &
  child=$!
  wait "$child" || status=$?
  child=''
  now
  sed 's/\r$//; /^sudo: unable to resolve host/d; /^file has vanished: /d' "$scratch/$1.said" >"$scratch/$1.err"
  while read -r line; do
    [[ $line != 'Total bytes received: '+([0-9]) ]] || ((bytes += ${line##* })) || true
  done < <(grep -a '^Total bytes received: [0-9]\{1,15\}$' "$scratch/$1.out")
  while IFS= read -r line; do log "${secondary_ids[$1]}: $line"; done < <(head -n 30 "$scratch/$1.err")
}

# Runs rsync and keeps the first error; fails if there was one. Sets lost if nothing more is to be had from there.
try() { # INDEX DIRECTORY OPTIONS...
  local error message line
  run_rsync "$1" "${@:3}"
  classify "$1"
  [[ $error ]] || return 0
  case $error in
    disk-full) message=${message/free space there/free space here} ;;
    not-prepared) message+=' with the option readable' ;;
    permission-denied | partial) ;;
    timeout) message=${message/the next push/the next run} lost=yes ;;
    *) lost=yes ;;
  esac
  [[ $first_error ]] || first_error=$error first_message="$2: $message"
  return 1
}

note() { # ERROR MESSAGE
  [[ $first_error ]] || first_error=$1 first_message=$2
}

# Only what can be a name below the directory.
clean_names() {
  grep -zEv '(^|/)(\.{0,2}|\.~tmp~)(/|$)' || (($? == 1))
}

# The lists that leave.sh made there, for this epoch.
fetch_list() { # INDEX DIRECTORY MODULE: writes the names to wanted
  local said=$scratch/$1.list
  mkdir -p "$said"
  try "$1" "$2" --no-links --max-size=1G "${secondary_ids[$1]}::stranded/epoch" "$said/" || true
  [[ $lost || ! -f $said/epoch || $(head -c 20 "$said/epoch") == "$request_epoch" ]] || rm -f "$said/epoch"
  if [[ -f $said/epoch ]]; then
    try "$1" "$2" --no-links --max-size=1G "${secondary_ids[$1]}::stranded/$3.list" "$said/" || true
  fi
  if [[ ! -f $said/epoch || ! -f $said/$3.list ]]; then
    [[ $lost ]] || first_error=''
    note not-prepared "$2: there is no list of epoch $request_epoch; run leave.sh there, and then join.sh"
    return 1
  fi
  clean_names <"$said/$3.list" >"$wanted"
  rm -f "$said/$3.list"
}

# What rsync would send, as names ended by NUL; it tells control characters as \#012, and such text as \#134#012.
read_names() { # INDEX
  sed -n 's/^hostsync:[>c][fL][^ ]\{9\} //p' "$scratch/$1.out" | tr '\n' '\0' | sed -z -f "$scratch/decode" | clean_names
}

write_decoder() {
  local code octal
  for code in {1..31} 127 92; do
    printf -v octal %03o "$code"
    case $code in
      10) printf 's/\\\\#012/\\n/g\n' ;;
      92) printf 's/\\\\#134/\\\\/g\n' ;;
      *) printf 's/\\\\#%s/\\o%s/g\n' "$octal" "$octal" ;;
    esac
  done >"$scratch/decode"
}

split_names() { # FILE PREFIX
  rm -f "$2".*
  split -t '\0' -l "$chunk" -a 6 -d "$1" "$2."
}

# What of it is not here, or differs: a run of rsync that changes nothing. --force is for a directory of ours where the source
# has a file: without it rsync would not tell of the file.
find_differing() { # INDEX DIRECTORY
  local options=(--dry-run --force --out-format='hostsync:%i %n') piece
  [[ ${owner_of[$2]} == 0:* ]] || options+=(--copy-as="${owner_of[$2]}")
  : >"$differing"
  if [[ $option_lists ]]; then
    split_names "$wanted" "$wanted"
    for piece in "$wanted".*; do
      [[ -s $piece && ! $lost ]] || continue
      try "$1" "$2" "${options[@]}" --files-from="$piece" --from0 --ignore-missing-args "$from" ./ || true
      read_names "$1" >>"$differing"
    done
  else
    try "$1" "$2" "${options[@]}" --recursive --update "${filters[@]}" "$from" ./ || true
    read_names "$1" >>"$differing"
  fi
  sort -z -u -S 32M -T "$scratch" -o "$differing" "$differing"
}

# Fetches names into the stage and puts them into their places.
bring() { # INDEX DIRECTORY NAMES
  local options=(--perms --hard-links --sparse --munge-links --ignore-missing-args) record newer=yes code=0 turn
  options+=(--chmod="Du+rwx$([[ ${owner_of[$2]} == 0:* ]] || printf ,Fu-s,Fg-s)")
  [[ ${owner_of[$2]} == 0:* ]] || options+=(--copy-as="${owner_of[$2]}")
  cd -P -- "$stage"
  try "$1" "$2" "${options[@]}" --files-from="$3" --from0 "$from" ./ || true
  cd -P -- "${opened[$2]}"
  [[ ! $option_lists ]] || newer=''
  # one at a time: what one source brings is not to change under the feet of the next
  exec {turn}>>"$var/lock/$request_group/.place.$module"
  flock "$turn"
  as_owner "$2" place "$root" "$tmp" "${secondary_ids[$1]}" "$newer" <"$3" 4>>"$list" {turn}>&- >"$scratch/$1.placed" || code=$?
  exec {turn}>&-
  while IFS= read -r -d '' record; do
    case $record in
      f*)
        ((files += 1))
        ((${#new[@]} > 4)) || new+=("${record:1}")
        ;;
      c*)
        ((conflicts += 1))
        ((${#beside[@]} > 4)) || beside+=("${record:1}")
        ;;
      e*)
        log "${secondary_ids[$1]}: ${record:1}"
        note partial "${record:1}"
        ;;
    esac
  done <"$scratch/$1.placed"
  ((code == 0)) || note failed "$2: what arrived could not be put into its place; see standard error"
}

rescue_directory() { # INDEX DIRECTORY
  local module tmp stage descriptor root from wanted=$scratch/$1.wanted differing=$scratch/$1.differing piece said
  find_module "$2"
  cd -P -- "${opened[$2]}"
  root=$(readlink -n /proc/self/cwd && printf x)
  root=${root%x}
  [[ $root == "$2" ]] || {
    note failed "$2: it was moved"
    return 0
  }
  from=${secondary_ids[$1]}::$module-read/
  [[ ! $option_lists ]] || fetch_list "$1" "$2" "$module" || return 0
  find_differing "$1" "$2"
  [[ -s $differing && ! $lost ]] || return 0
  tmp=$(printf %s "${secondary_ids[$1]}" | sha256sum)
  tmp=.~tmp~/rescue-${tmp:0:16}
  said=$(as_owner "$2" prepare_stage "$tmp") || {
    note failed "$2: ${said:-no directory can be made in it}"
    return 0
  }
  exec {descriptor}<"$tmp"
  stage=/proc/self/fd/$descriptor
  [[ $(readlink -n "/proc/$BASHPID/fd/$descriptor") == "$root/$tmp" ]] || {
    note failed "$2: $tmp was moved"
    return 0
  }
  split_names "$differing" "$differing"
  for piece in "$differing".*; do
    [[ ! $lost ]] || break
    bring "$1" "$2" "$piece"
  done
  exec {descriptor}<&-
  [[ $lost ]] || as_owner "$2" clear_stage "$tmp" || log "$2/$tmp could not be removed"
}

report() { # INDEX RESULT [ERROR MESSAGE]
  local ok=true why='' path words='' known=null examples
  now
  if (($# > 2)); then
    ok=false
    printf -v why ',"error":"%s","message":%s' "$3" "$(json "$4" "$message_limit")"
    log "${secondary_ids[$1]}: $3: $4"
  fi
  examples=("${beside[@]}" "${new[@]}")
  for path in "${examples[@]:0:5}"; do
    ((example_limit < 20)) || words+=${words:+,}$(json "$path" "$example_limit")
  done
  if [[ $list && -s $list ]]; then known=\"$list\"; else rm -f -- "$list"; fi
  printf '%s' "$2" >"$scratch/$1.result"
  # one write a line: the others write at the same time
  printf '{"v":1,"kind":"rescue","id":"%s","ok":%s%s,"files":%d,"conflicts":%d,"bytes":%d,"seconds":%s,"examples":[%s],"list":%s}\n' \
    "${secondary_ids[$1]}" "$ok" "$why" "$files" "$conflicts" "$bytes" "$(seconds $((now - began)))" "$words" "$known"
}

rescue_source() { # INDEX
  local lock child='' status=0 now began deadline files=0 conflicts=0 bytes=0 new=() beside=() first_error='' first_message='' lost='' line directory list=''
  trap - ERR
  trap '[[ ! $child ]] || kill "$child"; exit 1' TERM
  now
  began=$now deadline=$((now + option_push_timeout * 1000000))
  # the lock of push.sh: neither is to see the half of the other. rsync inherits it.
  exec {lock}>>"$var/lock/$request_group/${secondary_ids[$1]}"
  if ! flock -n "$lock"; then
    report "$1" failed busy 'a push to it, or an earlier run of this, is still under way; nothing was done'
    return 0
  fi
  list=$var/rescued/${secondary_ids[$1]}-$(date -u +%Y%m%dT%H%M%SZ).list
  write_ssh_config "$1"
  for directory in "${fit_directories[@]}"; do
    [[ $lost ]] || rescue_directory "$1" "$directory"
    cd /
  done
  if [[ $first_error ]]; then
    report "$1" failed "$first_error" "$first_message"
  elif ((unfit > 0)); then
    report "$1" skipped directory-skipped "$unfit of ${#request_directories[@]} directories here are not fit, see there"
  else
    report "$1" rescued
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

clear_lists() { # the newest fifty stay
  local file
  while IFS= read -r -d '' file; do rm -f -- "${file#* }"; done \
    < <(find "$var/rescued" -type f -name '*.list' -printf '%T@ %p\0' | sort -z -rn | tail -z -n +51)
}

main() {
  local now index workers result code=0 filters expected_mounts fit_directories unfit message_limit example_limit
  # shellcheck disable=SC2034 # read_excludes sets them, for find
  local prune inexact
  local -A tally=([rescued]=0 [failed]=0 [skipped]=0)
  need rsync=rsync/rsync ssh=openssh-client/openssh-clients flock=util-linux/util-linux setpriv=util-linux/util-linux-core \
    timeout=coreutils/coreutils cmp=diffutils/diffutils
  ((${#secondary_ids[@]} > 0)) || fail bad-request 'secondary is missing; add a line for each host to bring files from'
  check_epoch
  [[ -f $key ]] || fail not-ready "$key is missing; run promote.sh on this host first"
  [[ $(stat -c %a:%u "$key") == ?00:0 ]] || fail not-ready "others can read $key, and ssh refuses it; chown root $key; chmod 600 $key"
  unset HOME SSH_AUTH_SOCK "${!RSYNC_@}"
  # SSM keeps the first 24,000 characters: with many sources messages are shorter, and then without examples
  message_limit=$((23000 / (${#secondary_ids[@]} + ${#request_directories[@]}) - 250))
  example_limit=$(((message_limit - 300) / 5))
  example_limit=$((example_limit > 200 ? 200 : example_limit))
  message_limit=$((message_limit > 300 ? 300 : message_limit < 16 ? 16 : message_limit))
  make_scratch
  mkdir -p "$var/rescued"
  chmod 700 "$var/rescued"
  read_excludes
  filters=(--filter='- .~tmp~' --filter='- /lost+found/' "${filters[@]}")
  write_decoder
  check_directories
  trap stop_all TERM INT HUP
  for index in "${!secondary_ids[@]}"; do
    while mapfile -t workers < <(jobs -rp) && ((${#workers[@]} >= option_parallel)); do
      wait -n || true
    done
    rescue_source "$index" &
  done
  wait || true
  trap - TERM INT HUP
  for index in "${!secondary_ids[@]}"; do
    result=failed
    if [[ -s $scratch/$index.result ]]; then
      result=$(<"$scratch/$index.result")
    else
      printf '{"v":1,"kind":"rescue","id":"%s","ok":false,"error":"failed","message":"its worker ended without a result; see standard error","files":0,"conflicts":0,"bytes":0,"seconds":0,"examples":[],"list":null}\n' \
        "${secondary_ids[index]}"
    fi
    ((tally[$result] += 1))
  done
  clear_lists
  if ((tally[failed] > 0)); then
    code=10
  elif ((unfit > 0)); then
    code=11
  fi
  finish "$code"
}

hostsync_read_request rescue "$@"
main
