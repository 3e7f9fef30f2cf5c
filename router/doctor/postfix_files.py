"""main.cf and master.cf as values: logical lines, `$name` expanded, `-o` overrides of services."""

import re
from collections.abc import Iterator
from dataclasses import field

from router.doctor.finding import Settings
from router.frozen import dataclass

DEFAULTS: dict[str, str] = {
    "queue_directory": "/var/spool/postfix",
    "mail_owner": "postfix",
    "smtpd_milters": "",
    "non_smtpd_milters": "",
    "milter_default_action": "tempfail",
    "milter_content_timeout": "300s",
    "milter_command_timeout": "30s",
    "milter_protocol": "6",
    "milter_mail_macros": "i {auth_type} {auth_authen} {auth_author} {mail_addr} {mail_host} {mail_mailer}",
    "smtpd_forbid_bare_newline": "no",
    "smtpd_forbid_unauth_pipelining": "no",
}
"""Of Postfix 3.7, for text that is read without a Postfix; with one, `postconf` tells its own."""

_OVERRIDE = re.compile(r"-o\s*(?:\{\s*([\w.]+)\s*=\s*(.*?)\s*\}|([\w.]+)\s*=(\S*))")
_MAX_DEPTH = 10


@dataclass(frozen=True, slots=True)
class Service:
    """One line of master.cf. chroot: `y`, `n` or `-`. command: with its arguments. overrides: of `-o`."""

    name: str
    kind: str
    chroot: str
    command: str
    overrides: Settings = field(default_factory=dict)

    @property
    def is_smtpd(self) -> bool:
        return self.kind == "inet" and self.command.split()[:1] == ["smtpd"]

    def value(self, settings: Settings, name: str) -> str:
        """What holds for this service."""
        return expanded({**settings, **self.overrides}, name)


def main_cf(text: str) -> dict[str, str]:
    """name -> value, as written, over the defaults."""
    found = dict(DEFAULTS)
    for line in _logical(text):
        name, equals, value = line.partition("=")
        if equals:
            found[name.strip()] = value.strip()
    return found


def master_cf(text: str) -> tuple[Service, ...]:
    """The services, in order. Lines that are none are passed over."""
    found = []
    for line in _logical(text):
        words = line.split(None, 7)
        if len(words) == 8:
            overrides = {one[0] or one[2]: one[1] or one[3] for one in _OVERRIDE.findall(words[7])}
            found.append(Service(words[0], words[1], words[4], words[7], overrides))
    return tuple(found)


def expanded(settings: Settings, name: str, depth: int = 0) -> str:
    """The value of a setting with `$name`, `${name}` and `$(name)` filled in; an unknown one is ""."""
    value = settings.get(name, "")
    if "$" not in value or depth > _MAX_DEPTH:
        return value
    return re.sub(
        r"\$(?:\{(\w+)\}|\((\w+)\)|(\w+))",
        lambda found: expanded(settings, found[1] or found[2] or found[3], depth + 1),
        value,
    )


def items(value: str) -> tuple[str, ...]:
    """The members of a list: separated by commas or white space, `{ ... }` and what follows a map type kept whole."""
    found, depth, current = [], 0, ""
    for character in value:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth <= 0 and character in ", \t\r\n":
            found.append(current)
            current = ""
        else:
            current += character
    return tuple(one for one in (*found, current) if one)


def options_of(item: str) -> tuple[str, dict[str, str]]:
    """A milter as listed: its socket and its own options. `{ inet:h:1, default_action=tempfail }` or `inet:h:1`."""
    if not item.startswith("{"):
        return item, {}
    socket, *options = items(item.strip("{} "))
    pairs = (one.strip("{} ").partition("=") for one in options)
    return socket, {name.strip(): value.strip() for name, _, value in pairs}


def seconds(value: str) -> float | None:
    """A time of main.cf: `30`, `30s`, `5m`, `1h`, `1d`, `1w`; None when it is none."""
    found = re.fullmatch(r"(\d+)\s*([smhdw]?)", value.strip())
    return int(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}[found[2]] if found else None


def _logical(text: str) -> Iterator[str]:
    """Logical lines: comments and empty lines out, lines that begin with white space joined to the one before."""
    current = ""
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line[0] in " \t":
            current += " " + line.strip()
        else:
            if current:
                yield current
            current = line.rstrip()
    if current:
        yield current
