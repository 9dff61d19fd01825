#!/usr/bin/env bash
# Boots a host: process 1 of its own pid, mount, network, ipc and uts namespaces.
#
# usage: host-init.sh DISK HOSTNAME IPV4 IPV6 [SERVICE COUNT WORD…]…
#
# One of the addresses may be empty.
# After a SERVICE stand the COUNT words of its command.
#
# Talks with the fleet: prints `pid N` (this process, as the sandbox counts), reads one line when the network link eth0 is
# there, prints `ready` when sshd answers.
set -euo pipefail
umask 022
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

disk=$1
hostname=$2
ipv4=$3
ipv6=$4
shift 4

# /proc is still the sandbox's.
read -r pid _ </proc/self/stat
printf 'pid %s\n' "$pid"

make_device() {
  local name=$1 major=$2 minor=$3
  # A container may forbid making devices, or forbid opening those that it let us make.
  if mknod -m 666 "dev/$name" c "$major" "$minor" 2>/dev/null && : 2>/dev/null <>"dev/$name"; then return; fi
  rm -f "dev/$name"
  : >"dev/$name"
  mount -n --bind "/dev/$name" "dev/$name"
}

cd -- "$disk/root"
printf '%s\n' "$hostname" >/proc/sys/kernel/hostname
mount -n -t tmpfs -o mode=755,nosuid dev dev
make_device null 1 3
make_device zero 1 5
make_device full 1 7
make_device random 1 8
make_device urandom 1 9
make_device tty 5 0
mkdir dev/pts dev/shm
mount -n -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts dev/pts
mount -n -t tmpfs -o mode=1777,nosuid,nodev shm dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
mount -n -t proc -o nosuid,nodev,noexec proc proc
# These are the whole machine's, whatever the namespaces. sysrq-trigger reboots it.
for name in bus fs irq sys sysrq-trigger; do
  if [[ -e proc/$name ]]; then mount -n -o bind,ro "proc/$name" "proc/$name"; fi
done
mount -n -t tmpfs -o mode=755,nosuid,nodev run run
mount -n -t tmpfs -o mode=1777,nosuid,nodev tmp tmp
mkdir -m 1777 run/lock
mkdir run/sshd

mkdir run/machine
pivot_root . run/machine
cd /
umount -n -l /run/machine
rmdir /run/machine

if [[ ! -e /etc/ssh/ssh_host_ed25519_key ]]; then
  ssh-keygen -q -t ed25519 -N '' -C "root@$hostname" -f /etc/ssh/ssh_host_ed25519_key </dev/null
fi

read -r _
# No default route: nothing that a host does can leave its fleet. Nor is anybody looked for by ARP or neighbor discovery: in a VPC, too,
# packets to an address where nobody answers just vanish, and a host that is back is reached at once.
link_commands() {
  local prefix network number
  printf '%s\n' 'link set lo up'
  if [[ $ipv4 ]]; then printf 'address add %s/24 broadcast + dev eth0\n' "$ipv4"; fi
  if [[ $ipv6 ]]; then printf 'address add %s/64 dev eth0 nodad\n' "$ipv6"; fi
  printf '%s\n' 'link set eth0 up'
  for prefix in ${ipv4:+"${ipv4%.*}."} ${ipv6:+"${ipv6%::*}::"}; do
    # 10.213.NETWORK. or fd00:10:213:1NETWORK::
    network=${prefix%.}
    network=${network%::}
    network=${network##*[.:]}
    for number in {1..254}; do
      if [[ $prefix$number != "$ipv4" && $prefix$number != "$ipv6" ]]; then
        printf 'neighbor replace %s%d lladdr 02:00:0a:d5:%02x:%02x dev eth0 nud permanent\n' \
          "$prefix" "$number" "$((network % 1000))" "$number"
      fi
    done
  done
}
link_commands | ip -batch -

# Each in the background, in a session of its own; what they say is kept over boots, if the disk has room.
start_services() {
  local service count log
  mkdir -p /var/log/services || true
  while (($# > 0)); do
    service=$1
    count=$2
    shift 2
    log=/var/log/services/$service.log
    if ! : 2>/dev/null >>"$log"; then log=/dev/null; fi
    setsid "${@:1:count}" </dev/null >>"$log" 2>&1 &
    shift "$count"
  done
}

answers() { : <>/dev/tcp/127.0.0.1/22; } 2>/dev/null
/usr/sbin/sshd </dev/null
until answers; do sleep 0.01; done
start_services "$@"
printf 'ready\n'

# A shell of the host's own, which holds nothing of the machine's open, and which reaps: `wait` takes up every child.
exec /bin/bash -c 'while :; do sleep infinity & wait "$!"; done' init </dev/null >/dev/null 2>&1
