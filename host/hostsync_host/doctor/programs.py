"""The programs of this host: are they there, and do they have the security fixes that matter here?

Distributions bring fixes to old versions, so a version alone does not tell. The changelog of the package names what it
has fixed.
"""

from __future__ import annotations

import glob
import gzip
import platform
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Optional

from .. import commands, join
from .check import Check, error, has_apt, install_line, ok, unknown, update_line, warning

Version = tuple[int, ...]
CHANGELOG_LIMIT = 8 * 1024 * 1024


@dataclass(frozen=True)
class Fix:
    """A hole in all versions from `since` until before `fixed`."""

    name: str
    since: Version
    fixed: Version
    why: str


@dataclass(frozen=True)
class Program:
    check: str
    command: tuple[str, ...]
    pattern: bytes
    debian: str
    other: str
    fixes: tuple[Fix, ...]


PROGRAMS = (
    Program(
        "rsync",
        ("rsync", "--version"),
        rb"version v?(\d+)\.(\d+)(?:\.(\d+))?",
        "rsync",
        "rsync",
        (
            # https://kb.cert.org/vuls/id/952657
            Fix("CVE-2024-12084", (3, 2, 7), (3, 4, 0), "Whoever has the primary's key could run code on a secondary."),
            Fix("CVE-2024-12085", (0,), (3, 4, 0), "Whoever has the primary's key could read a secondary's memory."),
        ),
    ),
    Program(
        "ssh",
        ("ssh", "-V"),
        rb"OpenSSH_(?:for_\w+_)?(\d+)\.(\d+)p?(\d+)?",
        "openssh-server",
        "openssh-server",
        # https://www.qualys.com/2024/07/01/cve-2024-6387/regresshion.txt
        (Fix("CVE-2024-6387", (8, 5), (9, 8), "Whoever reaches the SSH port could become root without a key."),),
    ),
    Program(
        "sudo",
        ("sudo", "--version"),
        rb"[Ss]udo version (\d+)\.(\d+)\.(\d+)(?:p(\d+))?",
        "sudo",
        "sudo",
        (
            # https://www.sudo.ws/security/advisories/
            Fix("CVE-2025-32463", (1, 9, 14), (1, 9, 17, 1), "Any login, the web server's too, could become root."),
            Fix("CVE-2021-3156", (1, 8, 2), (1, 9, 5, 2), "Any login, the web server's too, could become root."),
        ),
    ),
)


def version_of(program: Program) -> Optional[tuple[str, Version]]:
    """As the program says it, and as numbers; None where it says none."""
    done = commands.run(program.command, timeout=10)
    found = re.search(program.pattern, done.out + done.err)
    if found is None:
        return None
    numbers = tuple(int(number or 0) for number in found.groups())
    return found.group(0).decode("ascii", "replace").split()[-1], numbers


def is_open(fix: Fix, version: Version) -> bool:
    return fix.since <= version < fix.fixed


def changelog(package: str) -> str:
    """What the distribution's package says that it changed; empty where it does not say."""
    if not has_apt():
        done = commands.run(["rpm", "-q", "--changelog", package], timeout=20, limit=CHANGELOG_LIMIT)
        return done.out.decode("utf-8", "replace") if done.ok else ""
    texts: list[str] = []
    for path in glob.glob(f"/usr/share/doc/{package}/changelog.Debian*.gz"):
        with gzip.open(path, "rb") as file:
            texts.append(file.read(CHANGELOG_LIMIT).decode("utf-8", "replace"))
    return "\n".join(texts)


def find_program(program: Program) -> Iterable[Check]:
    name = program.command[0]
    if commands.find(name) is None:
        # the check of the programs that join needs says so
        return
    found = version_of(program)
    if found is None:
        yield unknown(program.check, f"{name} does not say its version")
        return
    text, version = found
    package = program.debian if has_apt() else program.other
    holes = [fix for fix in program.fixes if is_open(fix, version)]
    fixed = changelog(package) if holes else ""
    still = [fix for fix in holes if fix.name not in fixed]
    for fix in still:
        until = ".".join(str(number) for number in fix.fixed)
        says = "its changelog does not name the fix" if fixed else "no changelog of the package says that it is fixed"
        what = f"{name} {text} is older than {until}, which fixed {fix.name}, and {says}"
        yield warning(program.check, what, fix.why, update_line(package))
    if not still:
        yield ok(program.check, f"{name} {text}")


def find_missing() -> Iterable[Check]:
    missing = [name for name in join.PROGRAMS if commands.find(name) is None]
    if not missing:
        yield ok("programs", f"{', '.join(join.PROGRAMS)} are there")
        return
    pairs = [join.PROGRAMS[name].split("/") for name in missing]
    mend = install_line(" ".join({pair[0] for pair in pairs}), " ".join({pair[1] for pair in pairs}))
    why = "Without them the host neither joins nor receives files."
    yield error("programs", f"missing on this host: {' '.join(missing)}", why, mend)


def find_copy_as() -> Iterable[Check]:
    """rsync --copy-as is there from 3.2 on."""
    found = version_of(PROGRAMS[0])
    if found is not None and found[1] < (3, 2):
        why = "As a new primary the host cannot rescue what only others hold."
        yield warning("rsync", f"rsync {found[0]} is older than 3.2", why, update_line("rsync"))


def find() -> Iterable[Check]:
    yield ok("python3", f"python3 {platform.python_version()}")
    yield from find_missing()
    yield from find_copy_as()
    for program in PROGRAMS:
        yield from find_program(program)
