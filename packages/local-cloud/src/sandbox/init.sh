#!/usr/bin/env bash
# Process 1 of a pid namespace. Runs one command, reaps what it leaves behind, and ends with its exit status; the
# kernel then kills everything else in the namespace.
#
# usage: init.sh COMMAND [ARGUMENT…]
#
# Descriptor 3 is the lifeline: the starter holds the other end. The words TERM and INT on it are signals for the
# command; its end means that the starter is gone, for whatever reason (kill -9 too), and everything ends at once.
# PR_SET_PDEATHSIG would not do: it looks at the thread that forked, and it loses a starter that died before the call.
#
# The command runs in the foreground: in the background, bash would start it deaf to Ctrl-C, and `wait` with a trap can miss the end of
# a child that comes at the same moment as the signal (seen with bash 5.2). So a process of its own watches the lifeline.
set -uo pipefail

control() {
  local command_pid word
  # When the terminal's Ctrl-C came. It goes to the whole process group, so the command got it as well, and those who ask us
  # to pass it on did too: they are not heeded for a moment. Before the command hears signals, they are.
  local interrupted=-10
  trap : INT
  trap '' TERM HUP
  read -r command_pid
  trap 'interrupted=$SECONDS' INT
  while IFS= read -r word <&3; do
    case $word in
      INT) ((SECONDS - interrupted < 2)) || kill -s INT "$command_pid" ;;
      TERM) kill -s TERM "$command_pid" ;;
    esac
  done
  # All but this process and process 1, which then sees its command ended.
  kill -s KILL -1
}

# Bash tells the sandbox of every command that a signal ends; that is the command's affair.
exec 5>&2 2>/dev/null
exec 4> >(control >/dev/null)
trap : INT

# shellcheck disable=SC2016 # for the inner shell
env --default-signal=INT,QUIT bash -c 'echo "$$" >&4; exec -- "$@" 4>&-' init "$@" 2>&5 3<&- 5>&-
exit "$?"
