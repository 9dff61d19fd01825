#!/usr/bin/env bash
# Lays a layer (base-layer.sh) over the machine's /usr; for the scripts here to source.

# Unpacks the archive into the directory LAYER and makes its root file system in the directory ROOT. Both are empty, and relative: an
# overlay's options cannot hold a path with a comma or a colon.
lay_over_machine() { # ARCHIVE LAYER ROOT rw|ro
  local archive=$1 layer=$2 root=$3 mode=$4 entry name options
  tar -C "$layer" --xattrs '--xattrs-include=*' -xpf "$archive"
  for entry in "$layer"/*; do
    name=${entry##*/}
    if [[ -L $entry || $name == etc || $name == var ]]; then
      cp -a -- "$entry" "$root/$name"
      continue
    fi
    mkdir "$root/$name"
    options=ro,lowerdir=$layer/$name:/$name
    if [[ $mode == rw ]]; then
      mkdir -p "upper/$name" "work/$name"
      options=lowerdir=$layer/$name:/$name,upperdir=upper/$name,workdir=work/$name,redirect_dir=off,metacopy=off,index=off
    fi
    mount -n -t overlay -o "$options" "$root" "$root/$name"
  done
}
