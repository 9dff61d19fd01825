#!/bin/bash
# Says whether a host, the primary that others have lost sight of, is reached from this one: does SSH answer there?
# Request, output and exit codes: docs/host-scripts.md.
set -Eeuo pipefail
declare -F hostsync_read_request >/dev/null || . "$(dirname -- "${BASH_SOURCE[0]}")/request.sh"

# A host that hangs may still accept connections, for the kernel does that: so it has to say something.
reach() { # ADDRESS PORT: prints what was said
  # shellcheck disable=SC2016 # for the inner bash
  timeout --foreground 5 bash -c 'exec 3<>"/dev/tcp/$1/$2" && IFS= read -r -n 4 -u 3 word && [[ $word == SSH- ]]' bash "$1" "$2" 2>&1
}

main() {
  local try said='' status reached=false message='' began=$SECONDS
  ((${#secondary_ids[@]} == 1)) || fail bad-request "there are ${#secondary_ids[@]} lines secondary; take one, the host to look for"
  need timeout=coreutils/coreutils
  for try in 1 2; do
    [[ $reached == false ]] || break
    # From the begin of one to the begin of the other
    ((try == 1)) || sleep "$((option_interval > SECONDS - began ? option_interval - SECONDS + began : 1))"
    status=0
    said=$(reach "${secondary_addresses[0]}" "${secondary_ports[0]}") || status=$?
    said=${said%%$'\n'*} said=${said##*": connect: "} said=${said##*": "}
    case $status in
      0) reached=true message='SSH answers' ;;
      124 | 137) message='no answer within 5 seconds' ;;
      *) message=${said:-what answers is no SSH server} ;;
    esac
  done
  log "${secondary_ids[0]}: $message"
  printf '{"v":1,"kind":"probe","id":"%s","reached":%s,"message":%s}\n' "${secondary_ids[0]}" "$reached" "$(json "$message" 200)"
  finish 0
}

hostsync_read_request probe "$@"
main
