"""Directories of the system itself. With one of them whoever has the primary's key would take over the secondaries."""

from __future__ import annotations

import re

_SYSTEM = re.compile(
    r"""
    /(?:etc|bin|sbin|lib|lib32|lib64|libx32|boot|dev|proc|sys|run|root)(?:/.*)?
    | / | /media | /mnt | /home | /opt | /tmp
    | /usr(?:/.*)?
    | /var(?:/(?:cache|lib|log|tmp))?
    | /var/(?:run|spool|lib/(?:amazon|dpkg|hostsync|rpm))(?:/.*)?
    """,
    re.VERBOSE,
)
# Directories of the operator below /usr
_CONTENT = re.compile(r"/usr/(?:share|local)/.*")
_PROGRAMS = re.compile(r"/usr/local/(?:bin|sbin|lib|lib32|lib64|libexec|etc)(?:/.*)?")
_LOGIN_KEYS = re.compile(r".*/\.ssh(?:/.*)?")


def is_system_directory(path: str) -> bool:
    if _LOGIN_KEYS.fullmatch(path) or _PROGRAMS.fullmatch(path):
        return True
    return not _CONTENT.fullmatch(path) and _SYSTEM.fullmatch(path) is not None
