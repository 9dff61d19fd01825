#!/bin/bash
# Makes the primary's key when there is none, and prints the public key; the private half never leaves this host.
# From then on the host takes no pushes: the key of an earlier primary is trusted no more, what it has open is ended, and
# no older epoch is followed. Request, output and exit codes: docs/host-scripts.md.
set -Eeuo pipefail
declare -F hostsync_read_request >/dev/null || . "$(dirname -- "${BASH_SOURCE[0]}")/request.sh"

key=$etc/id_ed25519
pending=$var/after-promotion # the epoch whose hook has not run to its end
changed=false
scratch=''

cleanup() {
  [[ ! $scratch ]] || rm -rf -- "$scratch"
}

make_key() {
  scratch=$(mktemp -d "$etc/.hostsync.XXXXXX")
  ssh-keygen -q -t ed25519 -N '' -C "hostsync:$request_group" -f "$scratch/key" >&2
  sync "$scratch/key"
  mv -T "$scratch/key" "$key"
  log "made $key"
  changed=true
}

# A host that was a secondary still trusts the primary before it, which may have a session open.
refuse_pushes() {
  local login_uid
  login_uid=$(id -u hostsync 2>/dev/null) || login_uid=''
  if [[ -e $var/login/.ssh/authorized_keys ]]; then
    rm -f "$var/login/.ssh/authorized_keys"
    log "an earlier primary can no longer push to this host"
    changed=true
  fi
  end_sessions "$login_uid"
}

main() {
  local turn public type rest following hook=none hook_message=''
  need ssh-keygen=openssh-client/openssh flock=util-linux/util-linux timeout=coreutils/coreutils
  exec {turn}>>/run/hostsync.lock
  flock -w 60 "$turn" || fail not-ready 'another join.sh or promote.sh has been running for a minute; end it, then try again'
  check_epoch
  mkdir -p "$etc" "$var"
  chmod 755 "$etc" "$var"
  [[ -e $key ]] || make_key
  # from the private half, so that the two always belong together
  public=$(ssh-keygen -y -P '' -f "$key" </dev/null) \
    || fail not-ready "$key cannot be used, see standard error; move it away, and every secondary has to join again"
  read -r type public rest <<<"$public"
  public="$type $public"
  install_file 644 "$key.pub" <<<"$public hostsync:$request_group"
  refuse_pushes
  following="group"$'\t'"$request_group"$'\n'"epoch"$'\t'"$request_epoch"
  # The marker before the epoch: if we are stopped between the two, the next run still knows of the hook.
  [[ -f $etc/group && $(<"$etc/group") == "$following" ]] || install_file 600 "$pending" <<<"$request_epoch"
  install_file 644 "$etc/group" <<<"$following"
  if [[ -f $pending && $(<"$pending") == "$request_epoch" ]]; then
    run_hook after-promotion 30 "$turn"
    rm -f "$pending"
  fi
  printf '{"v":1,"kind":"promote","group":"%s","epoch":%s,"changed":%s,"publicKey":"%s","hook":"%s"%s}\n' \
    "$request_group" "$request_epoch" "$changed" "$public" "$hook" "${hook_message:+,\"hookMessage\":$(json "$hook_message" 300)}"
  finish 0
}

hostsync_read_request promote "$@"
main
