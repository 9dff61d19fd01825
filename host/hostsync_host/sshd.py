"""What sshd on this host allows: names the setting that would keep the primary out, and its remedy."""

from __future__ import annotations

import grp
import os
import pwd
import re
import socket
from typing import Mapping, Optional, Sequence

from . import commands, layout, results
from .errors import not_ready

Settings = Mapping[str, Sequence[str]]
UNITS = ("ssh.socket", "sshd.socket", "ssh.service", "sshd.service")
NOLOGIN = ("/etc/nologin", "/run/nologin")
HOST_KEYS = tuple(f"/etc/ssh/ssh_host_{kind}_key" for kind in ("ed25519", "ecdsa", "rsa"))
CONFIGURATION = "in /etc/ssh/sshd_config (below: Match User hostsync)"


def start() -> bool:
    """Starts sshd where systemd runs and has it stopped; says whether it was."""
    if not os.path.isdir("/run/systemd/system"):
        return False
    if any(commands.run(["systemctl", "-q", "is-active", unit]).ok for unit in UNITS):
        return False
    for unit in UNITS[2:]:
        if not commands.run(["systemctl", "cat", unit]).ok:
            continue
        if not commands.run(["systemctl", "-q", "enable", "--now", unit]).ok:
            raise not_ready(f"{unit} does not start; see journalctl -u {unit}")
        results.log(f"started and enabled {unit}")
        return True
    return False


def read_settings(address: str) -> Settings:
    """What applies to our login when it comes from an address. Empty where sshd does not say: it needs host keys and
    /run/sshd. From 10 on names are in CamelCase."""
    said = commands.run(["sshd", "-T", "-C", f"user={layout.LOGIN},host={address},addr={address}"])
    settings: dict[str, list[str]] = {}
    for line in said.out.decode("utf-8", "replace").splitlines() if said.ok else []:
        name, _, value = line.partition(" ")
        settings.setdefault(name.lower(), []).append(value.strip())
    return settings


def own_address() -> str:
    """The address that peers see, for Match blocks; no packet is sent."""
    for family, target in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((target, 9))
                return str(probe.getsockname()[0])
        except OSError:
            continue
    return "127.0.0.1"


def matches(pattern: str, name: str) -> bool:
    """sshd's patterns: * and ?; of user@host only the user, for the primary's address is not known here."""
    user = pattern.split("@", 1)[0].lower()
    regex = "".join(".*" if char == "*" else "." if char == "?" else re.escape(char) for char in user)
    return re.fullmatch(regex, name.lower()) is not None


def words(settings: Settings, name: str) -> list[str]:
    return [word for value in settings.get(name, ()) for word in value.split()]


def first(settings: Settings, name: str, default: str) -> str:
    return next(iter(settings.get(name, ())), default)


def _denies(patterns: Sequence[str], names: Sequence[str]) -> Optional[str]:
    """The first pattern that fits one of the names; one with a host is not certain to."""
    return next((each for each in patterns if "@" not in each and any(matches(each, name) for name in names)), None)


def _allows(patterns: Sequence[str], names: Sequence[str]) -> bool:
    if any(each.startswith("!") and matches(each[1:], name) for each in patterns for name in names):
        return False
    return not patterns or any(matches(each, name) for each in patterns for name in names)


def access_problem(settings: Settings, groups: Sequence[str]) -> Optional[str]:
    name = layout.LOGIN
    denied = _denies(words(settings, "denyusers"), [name])
    if denied:
        return f'DenyUsers "{denied}" keeps the user {name} out; take it away {CONFIGURATION}'
    if not _allows(words(settings, "allowusers"), [name]):
        return f"AllowUsers does not name {name}; add {name} to it in /etc/ssh/sshd_config"
    denied = _denies(words(settings, "denygroups"), groups)
    if denied:
        return f'DenyGroups "{denied}" keeps the user {name} out; take the user out: gpasswd -d {name} {denied}'
    if not _allows(words(settings, "allowgroups"), groups):
        return f"AllowGroups names no group of {name}; add {groups[0]} to it in /etc/ssh/sshd_config"
    return None


def key_problem(settings: Settings, key_type: str) -> Optional[str]:
    if first(settings, "pubkeyauthentication", "yes") != "yes":
        return f"PubkeyAuthentication is no; set PubkeyAuthentication yes {CONFIGURATION}"
    methods = words(settings, "authenticationmethods")
    if methods and not {"any", "publickey"} & set(methods):
        asked = " ".join(methods)
        return (
            f'AuthenticationMethods "{asked}" is more than a key; set AuthenticationMethods publickey {CONFIGURATION}'
        )
    accepted = first(settings, "pubkeyacceptedalgorithms", first(settings, "pubkeyacceptedkeytypes", "")).split(",")
    kinds = ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa") if key_type == "ssh-rsa" else (key_type,)
    if accepted != [""] and not any(kind in accepted for kind in kinds):
        return f"PubkeyAcceptedAlgorithms has no {key_type}; set PubkeyAcceptedAlgorithms +{kinds[0]} {CONFIGURATION}"
    home = layout.home().decode()
    places = {".ssh/authorized_keys", "%h/.ssh/authorized_keys", f"{home}/.ssh/authorized_keys"}
    if settings and not places & set(words(settings, "authorizedkeysfile")):
        remedy = f"set AuthorizedKeysFile .ssh/authorized_keys {CONFIGURATION}"
        return f"sshd does not read {home}/.ssh/authorized_keys; {remedy}"
    return None


def session_problem(settings: Settings) -> Optional[str]:
    if first(settings, "forcecommand", "none") != "none":
        return f"ForceCommand runs another command than rsync; set ForceCommand none {CONFIGURATION}"
    if first(settings, "chrootdirectory", "none") != "none":
        return f"ChrootDirectory has no sudo and rsync in it; set ChrootDirectory none {CONFIGURATION}"
    if first(settings, "maxsessions", "10") == "0":
        return f"MaxSessions 0 lets nobody run anything; set MaxSessions 10 {CONFIGURATION}"
    for path in NOLOGIN:
        if os.path.exists(path):
            return f"{path} is there, which keeps everybody but root out; rm {path} when the work is over"
    return None


def login_groups() -> list[str]:
    entry = pwd.getpwnam(layout.LOGIN)
    names: list[str] = []
    for number in os.getgrouplist(entry.pw_name, entry.pw_gid):
        try:
            names.append(grp.getgrgid(number).gr_name)
        except KeyError:
            continue
    return names or [layout.LOGIN]


def find_problem(key_type: str) -> Optional[str]:
    """Why sshd would not take the primary's key. What depends on the primary's address counts as allowed where it is
    from this host's own, or from the host itself."""
    problem: Optional[str] = None
    for address in (own_address(), "127.0.0.1"):
        settings = read_settings(address)
        found = access_problem(settings, login_groups()) or key_problem(settings, key_type) or session_problem(settings)
        if found is None:
            return None
        problem = problem or found
    return f"sshd: {problem}"


def ports() -> list[int]:
    """Where sshd listens, as far as it says."""
    return [int(word) for word in words(read_settings("127.0.0.1"), "port") if word.isdecimal()]


def _host_key_of(path: str) -> Optional[str]:
    try:
        with open(path + ".pub", encoding="ascii", errors="replace") as file:
            parts = file.readline().split()
    except OSError:
        return None
    return f"{parts[0]} {parts[1]}" if len(parts) > 1 else None


def _is_fips() -> bool:
    try:
        with open("/proc/sys/crypto/fips_enabled", encoding="ascii") as file:
            return file.read().strip() == "1"
    except OSError:
        return False


def find_host_key(peer_key_type: str) -> Optional[str]:
    """What sshd shows, the best kind first. A peer with an ECDSA key may be a FIPS host, which knows no Ed25519."""
    settings = read_settings("127.0.0.1")
    offered = first(settings, "hostkeyalgorithms", "").split(",")
    found = [_host_key_of(path) for path in words(settings, "hostkey") or HOST_KEYS]
    keys = [key for key in found if key is not None and _is_offered(key.split()[0], offered)]
    order = ["ssh-ed25519", "ecdsa-sha2-", "ssh-rsa"]
    if _is_fips() or peer_key_type.startswith("ecdsa-"):
        order = ["ecdsa-sha2-", "ssh-rsa", "ssh-ed25519"]
    return next((key for kind in order for key in keys if key.startswith(kind)), None)


def _is_offered(kind: str, offered: Sequence[str]) -> bool:
    if offered == [""]:
        return True
    return kind in offered or (kind == "ssh-rsa" and bool({"rsa-sha2-256", "rsa-sha2-512"} & set(offered)))


def make_host_keys() -> None:
    made = commands.run(["ssh-keygen", "-A"])
    if not made.ok:
        raise not_ready(f"this host has no SSH host key: {made.first_line()}; run ssh-keygen -A and start sshd")
    results.log("made the host keys that were missing")
