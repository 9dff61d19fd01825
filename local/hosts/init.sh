#!/usr/bin/env bash
# Process 1 of a pid namespace. Runs one command, reaps what it leaves behind, and ends with its exit status; the
# kernel then kills everything else in the namespace.
#
# usage: init.sh COMMAND [ARGUMENT…]
#
# Descriptor 3 is the lifeline: the starter holds the other end. The words TERM and INT on it are signals for the
# command; its end means that the starter is gone, for whatever reason (kill -9 too), and everything ends at once.
# PR_SET_PDEATHSIG would not do: it looks at the thread that forked, and it loses a starter that died before the call.
set -uo pipefail

command_pid=''
started='' # until then there is nothing to clean up, and the command may not hear signals yet
caught=''  # a signal came while we waited
# When the terminal's Ctrl-C came here. It goes to the whole process group, so the command got it as well, and those who
# asked us to pass it on did too: they are not heeded for a moment.
interrupted=-10

# shellcheck disable=SC2317 # a trap calls it
on_terminal_interrupt() {
  caught=1
  [[ -n $started ]] || exit 130
  interrupted=$SECONDS
}

# shellcheck disable=SC2317 # a trap calls it
on_interrupt_request() {
  caught=1
  [[ -n $started ]] || exit 130
  ((SECONDS - interrupted < 2)) || kill -s INT "$command_pid" 2>/dev/null || true
}

# shellcheck disable=SC2317 # a trap calls it
on_terminate_request() {
  caught=1
  [[ -n $started ]] || exit 143
  kill -s TERM "$command_pid" 2>/dev/null || true
}

trap 'started=1 caught=1' ALRM
trap on_terminal_interrupt INT
trap on_interrupt_request USR1
trap on_terminate_request TERM HUP
trap 'exit 137' USR2

watch_lifeline() {
  local word
  trap '' INT TERM HUP
  while IFS= read -r word <&3; do
    case $word in
      INT) kill -s USR1 1 ;;
      TERM) kill -s TERM 1 ;;
    esac
  done
  kill -s USR2 1
}

watch_lifeline </dev/null >/dev/null &

# Bash starts background commands with INT and QUIT ignored and standard input closed; the command gets both back, and then
# tells us that it has them.
# shellcheck disable=SC2016 # for the inner shell
env --default-signal=INT,QUIT bash -c 'kill -s ALRM 1 && exec -- "$@"' init "$@" <&0 3<&- &
command_pid=$!
exec 3<&-

# `wait` also returns, early, when a trap has run; 127 then means that the status was already handed out.
status=127
while :; do
  caught=''
  code=0
  wait "$command_pid" || code=$?
  [[ $code == 127 ]] || status=$code
  [[ -n $caught ]] || break
done
exit "$status"
