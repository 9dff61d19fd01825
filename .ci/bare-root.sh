#!/usr/bin/env bash
# Runs a command as a newcomer would: in a fresh clone, on a bare Debian that has Node.js and npm and nothing else.
#
# usage: bare-root.sh SUITE debian|npm OUTPUT COMMAND
#
#   SUITE        the codename of a Debian; with `:release` behind it, as it was released, without updates
#   debian|npm   where Node.js and npm come from: Debian's packages, or the oldest Node.js that will do, from npm
#   OUTPUT       a directory that the command sees as /mnt/output
#   COMMAND      for `bash -c`, in the clone
#
# The bare root is made once a week and kept as an archive. A run unpacks it on a tmpfs in namespaces of its own: when it
# ends, by whatever cause, nothing is left of it. Exits with 99 if no root could be made, else as the command does.
set -euo pipefail
umask 022

suite=${1%:release}
pockets=all
if [[ $1 == *:release ]]; then pockets=release; fi
node_source=$2
output=$3
command=$4
project=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
cache=${HOSTSYNC_CI_CACHE:-/var/cache/hostsync-ci}

# What somebody might think is there, and is not
readonly tools=(git rsync ssh sshd sudo python3 pip shellcheck shfmt ip ps curl wget gcc make)

say() { printf 'bare-root %s: %s\n' "$suite" "$*" >&2; }
cannot() {
  say "NO BARE ROOT: $*"
  exit 99
}

# A field of the os-release of a root
release_of() { sed -n "s/^$2=\"\?\([^\"]*\)\"\?\$/\1/p" "$1/etc/os-release"; }

# The machine's own sources of packages, as they would be for the other suite
sources() {
  local machine uri codename components
  machine=$(release_of '' VERSION_CODENAME)
  # shellcheck disable=SC2016 # fields of apt
  apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' | sort -u \
    | while read -r uri codename components; do
      if [[ $pockets == release && $codename != "$machine" ]]; then continue; fi
      case $codename in
        "$machine" | "$machine-updates" | "$machine-security")
          printf 'deb %s %s %s\n' "$uri" "$suite${codename#"$machine"}" "$components"
          ;;
      esac
    done
}

make_root() {
  local archive=$1 partial=$1.partial build packages=()
  export DEBIAN_FRONTEND=noninteractive
  if ! command -v mmdebstrap >/dev/null; then
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends mmdebstrap >/dev/null; } \
      || cannot 'mmdebstrap cannot be installed'
  fi
  local options=(--quiet --variant=minbase --format=tar '--aptopt=Acquire::Retries "3"')
  if [[ $node_source == debian ]]; then
    packages=('--include=nodejs,npm')
  else
    build=$(mktemp -d)
    # shellcheck disable=SC2064 # the directory as it is called now
    trap "rm -rf -- '$build'" EXIT
    # What the package "node" fetches when it is installed
    npm install --global --prefix "$build" --no-audit --no-fund --loglevel=error \
      "node-linux-$(node -p process.arch)@20" npm@10 >&2 || cannot 'npm gave no Node.js'
    ln -sf "../lib/node_modules/node-linux-$(node -p process.arch)/bin/node" "$build/bin/node"
    options+=("--customize-hook=copy-in '$build/bin' '$build/lib' /usr/local")
  fi
  sources | mmdebstrap "${options[@]}" "${packages[@]}" "$suite" "$partial" - || cannot "mmdebstrap failed for $suite"
  mv -- "$partial" "$archive"
  find "$cache" -maxdepth 1 -name "$suite-$pockets-$node_source-*" ! -name "${archive##*/}" -delete
}

# Where packages come from is the machine's affair; nothing of it stands in the project or in the archive.
copy_settings() {
  local root=$1 file
  cp -L -- /etc/resolv.conf /etc/hosts "$root/etc/"
  apt-config dump Acquire | grep -E '^Acquire::(https?|ftp)::' >"$root/etc/apt/apt.conf.d/90machine" || true
  for file in "$(npm config get userconfig)" "$(npm config get globalconfig)" "$(npm config get cafile)" \
    "${NODE_EXTRA_CA_CERTS:-}" "${SSL_CERT_FILE:-}"; do
    if [[ -f $file ]]; then
      mkdir -p -- "$root${file%/*}"
      cp -L -- "$file" "$root$file"
    fi
  done
}

describe() {
  local tool where
  say "$(release_of "$1" PRETTY_NAME), $(grep -c '^Status: install ok' "$1/var/lib/dpkg/status") packages"
  for tool in node npm "${tools[@]}"; do
    where=$(chroot "$1" /bin/sh -c "command -v $tool" || printf absent)
    say "  $tool: $where"
  done
  say "  node $(chroot "$1" /bin/sh -c 'node --version'), npm $(chroot "$1" /bin/sh -c 'npm --version')"
}

# As process 1 of the namespaces
run_inside() {
  local archive=$1 root=$cache/root name variables=()
  mount -n -t tmpfs -o mode=755,size=100% bare-root "$root"
  tar -C "$root" -xpf "$archive"
  mount -n -t proc proc "$root/proc"
  for name in dev sys; do
    mount -n --rbind "/$name" "$root/$name"
    mount -n --make-rslave "$root/$name"
  done
  copy_settings "$root"
  mkdir -p "$root/mnt/output" "$root/root/hostsync"
  mount -n --bind "$output" "$root/mnt/output"
  git -C "$project" -c safe.directory="$project" archive HEAD | tar -C "$root/root/hostsync" -x
  describe "$root"

  while IFS= read -r name; do variables+=("$name=${!name}"); done < <(
    compgen -e | grep -E '^(CI|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|(npm_config|NPM_CONFIG)_.*|(https?|all|no)_proxy|(HTTPS?|ALL|NO)_PROXY)$'
  )
  say "in a fresh clone: $command"
  # shellcheck disable=SC2016 # for the inner shell
  env -i "${variables[@]}" HOME=/root LANG=C.UTF-8 TERM=dumb PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    chroot "$root" /bin/bash -c 'cd /root/hostsync && eval "$1"' bare-root "$command" </dev/null
}

if [[ ${HOSTSYNC_BARE_ARCHIVE:-} ]]; then
  run_inside "$HOSTSYNC_BARE_ARCHIVE"
  exit
fi

mkdir -p -- "$cache/root" || cannot "there is no writing to $cache"
archive=$cache/$suite-$pockets-$node_source-$(sources | cksum | cut -d' ' -f1)-$(date +%G-%V).tar
exec 9>"$cache/lock"
flock 9
[[ -e $archive ]] || make_root "$archive"
flock -u 9
exec 9>&-

# When whoever started this dies, unshare dies, process 1 dies, and the kernel takes all the rest away.
HOSTSYNC_BARE_ARCHIVE=$archive exec setpriv --pdeathsig KILL \
  unshare --mount --pid --ipc --uts --fork --kill-child --mount-proc --propagation private \
  bash "${BASH_SOURCE[0]}" "$1" "$node_source" "$output" "$command"
