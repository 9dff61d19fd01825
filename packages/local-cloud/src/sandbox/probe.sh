#!/usr/bin/env bash
# Inside fresh namespaces: can this kernel and this container do what a sandbox needs? Fails with the kernel's words.
#
# usage: probe.sh DIRECTORY
set -euo pipefail

mount -n -t tmpfs probe "$1"
cd -- "$1"
mkdir upper work merged
mount -n -t overlay -o lowerdir=/usr,upperdir=upper,workdir=work probe merged
