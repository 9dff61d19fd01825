#!/usr/bin/env bash
# Lays a layer (base-layer.sh) over the machine's /usr; for the scripts here to source.

unpack_layer() { # ARCHIVE DIRECTORY
  tar -C "$2" --xattrs '--xattrs-include=*' -xpf "$1"
}

# Makes the root file system of the layer that was unpacked into LAYER in the empty directory ROOT. Both are relative: an overlay's
# options cannot hold a path with a comma or a colon.
lay_over_machine() { # LAYER ROOT rw|ro
  local layer=$1 root=$2 mode=$3 entry name options
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
