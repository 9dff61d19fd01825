"""What public keys look like in a request."""

from __future__ import annotations

import re
from typing import Optional

# What the keys of each type begin with
STARTS = {
    "ssh-ed25519": "AAAAC3NzaC1lZDI1NTE5AAAAI",
    "ecdsa-sha2-nistp256": "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAI",
    "ecdsa-sha2-nistp384": "AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAI",
    "ecdsa-sha2-nistp521": "AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAI",
    "ssh-rsa": "AAAAB3NzaC1yc2EAAAA",
}
BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


def type_problem(kind: str) -> Optional[str]:
    if kind in STARTS:
        return None
    return "is no key type for this; use ssh-ed25519, ecdsa-sha2-nistp256, -384, -521 or ssh-rsa"


def key_problem(kind: str, key: str) -> Optional[str]:
    """Why the text is no public key of a type of ours."""
    fits = key.startswith(STARTS[kind]) and BASE64.fullmatch(key) and 68 <= len(key) <= 2000 and len(key) % 4 == 0
    return None if fits else f"is no {kind} key; copy the second word of the .pub file whole"
