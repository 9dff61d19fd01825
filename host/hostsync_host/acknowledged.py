"""What the new primary acknowledged to this host while it was the primary."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from typing import Optional

from . import layout
from .manifest import Damaged, Manifest, open_manifest
from .store import GroupMemory, Store


@dataclass(frozen=True)
class Acknowledged:
    """Of one directory."""

    manifest: Manifest
    # By directory: names of which it is not known what they are over there, whatever the manifest says
    doubtful: dict[bytes, set[bytes]]


NOTHING: dict[str, Acknowledged] = {}


def read(group: str, peer: Optional[str], held_epoch: int) -> dict[str, Acknowledged]:
    """By module. Nothing of a directory that is not there; what cannot be read is as if it were not."""
    if peer is None or held_epoch == 0 or not os.path.isdir(layout.manifests(group)):
        return NOTHING
    store = Store(group)
    memory = store.read_secondary(peer)
    if memory is None or not memory.target.startswith(f"{held_epoch}:"):
        return NOTHING
    found: dict[str, Acknowledged] = {}
    for module, received in memory.received.items():
        manifest = open_manifest(store.place, received.manifest)
        if manifest is None:
            continue
        doubtful: defaultdict[bytes, set[bytes]] = defaultdict(set)
        try:
            for leftover in store.leftovers(received):
                doubtful[leftover.directory].add(leftover.name)
        except Damaged:
            manifest.close()
            continue
        found[module] = Acknowledged(manifest, dict(doubtful))
    return found


def was_never_filled(group: str, module: str) -> bool:
    """While this host was the primary, no push found a file in the directory: it is known to be that of a new site.

    What cannot be read, or is damaged, knows nothing."""
    if not os.path.isdir(layout.manifests(group)):
        return False
    store = Store(group)
    memory = store.read_group()
    before = memory.directories.get(module)
    known = memory.boot != GroupMemory().boot and not os.path.lexists(store.path(f"damaged/{module}"))
    return known and (before is None or before.entries == 0)
