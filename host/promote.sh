#!/bin/bash
# Makes the primary's key when there is none, and prints the public key; the private half never leaves this host.
# From then on the host takes no pushes: the key of an earlier primary is trusted no more, and no older epoch is.
# Request, output and exit codes: docs/host-scripts.md.
set -Eeuo pipefail
declare -F hostsync_read_request >/dev/null || . "$(dirname -- "${BASH_SOURCE[0]}")/request.sh"

key=$etc/id_ed25519
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

# A host that was a secondary still trusts the primary before it.
refuse_pushes() {
  [[ -e $var/login/.ssh/authorized_keys ]] || return 0
  rm -f "$var/login/.ssh/authorized_keys"
  log "an earlier primary can no longer push to this host"
  changed=true
}

main() {
  local turn public type rest
  need ssh-keygen=openssh-client/openssh flock=util-linux/util-linux
  exec {turn}>>/run/hostsync.lock
  flock -w 60 "$turn" || fail not-ready 'another join.sh or promote.sh has been running for a minute; end it, then try again'
  check_epoch
  mkdir -p "$etc"
  chmod 755 "$etc"
  [[ -e $key ]] || make_key
  # from the private half, so that the two always belong together
  public=$(ssh-keygen -y -P '' -f "$key" </dev/null) \
    || fail not-ready "$key cannot be used, see standard error; move it away, and every secondary has to join again"
  read -r type public rest <<<"$public"
  public="$type $public"
  install_file 644 "$key.pub" <<<"$public hostsync:$request_group"
  refuse_pushes
  install_file 644 "$etc/group" <<<"group"$'\t'"$request_group"$'\n'"epoch"$'\t'"$request_epoch"
  printf '{"v":1,"kind":"promote","group":"%s","epoch":%s,"changed":%s,"publicKey":"%s"}\n' \
    "$request_group" "$request_epoch" "$changed" "$public"
  finish 0
}

hostsync_read_request promote "$@"
main
