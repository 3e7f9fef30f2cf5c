"""Sendmail's settings held against what was measured: from sendmail.cf as it runs, or the sendmail.mc it comes from."""

import re
from collections.abc import Iterator
from dataclasses import field

from router.doctor.finding import Desk, Finding, Level
from router.frozen import dataclass

NAME = "mailrouter"
ANSWER_S = 8.0
EOM_DEFAULT_S = 300.0
UNSAFE, MISSING, ADVICE, FINE = Level.UNSAFE, Level.MISSING, Level.ADVICE, Level.FINE


@dataclass(frozen=True, slots=True)
class Filter:
    """name; equates: `S`, `F`, `T` as written."""

    name: str
    equates: dict[str, str]

    @property
    def end_of_message_s(self) -> float | None:
        """How long Sendmail waits for the answer to a mail; None: it cannot be read."""
        found = re.search(r"E:(\d+)([smh]?)", self.equates.get("T", ""))
        if not found:
            return EOM_DEFAULT_S
        return int(found[1]) * {"": 60, "s": 1, "m": 60, "h": 3_600}[found[2]]


@dataclass(frozen=True, slots=True)
class Sendmail:
    """filters: in the order of their definition. order: InputMailFilters. macros: of the stages `envfrom` and `eom`.
    daemons: one line each. routes: what is said of mailertable and mailers."""

    filters: tuple[Filter, ...]
    order: tuple[str, ...]
    macros: dict[str, str] = field(default_factory=dict)
    daemons: tuple[str, ...] = ()
    mailertable: bool = False
    access: bool = False


def cf(text: str) -> Sendmail:
    """sendmail.cf."""
    filters: list[Filter] = []
    order: tuple[str, ...] = ()
    macros: dict[str, str] = {}
    daemons: list[str] = []
    for line in text.splitlines():
        if line.startswith("X"):
            name, _, rest = line[1:].partition(",")
            filters.append(Filter(name.strip(), _equates(rest)))
        elif found := re.match(r"O\s+InputMailFilters\s*=\s*(.*)", line):
            order = tuple(one.strip() for one in found[1].split(",") if one.strip())
        elif found := re.match(r"O\s+Milter\.macros\.(\w+)\s*=\s*(.*)", line):
            macros[found[1].lower()] = found[2]
        elif found := re.match(r"O\s+DaemonPortOptions\s*=\s*(.*)", line):
            daemons.append(found[1])
    return Sendmail(
        tuple(filters), order, macros, tuple(daemons), bool(re.search(r"^Kmailertable\s", text, re.MULTILINE)),
        bool(re.search(r"^Kaccess\s", text, re.MULTILINE)),
    )  # fmt: skip


def mc(text: str) -> Sendmail:
    """sendmail.mc, as far as it can be read without m4."""
    text = re.sub(r"^\s*dnl\b.*$", "", text, flags=re.MULTILINE)
    filters = [
        Filter(name, _equates(equates))
        for name, equates in re.findall(r"(?:INPUT_MAIL_FILTER|MAIL_FILTER)\(`([^']*)'\s*,\s*`([^']*)'", text)
    ]
    listed = re.search(r"define\(`confINPUT_MAIL_FILTERS'\s*,\s*`([^']*)'", text)
    used = re.findall(r"INPUT_MAIL_FILTER\(`([^']*)'", text)
    order = tuple(one.strip() for one in listed[1].split(",")) if listed else tuple(used)
    macros = {stage.lower(): value for stage, value in re.findall(r"confMILTER_MACROS_(\w+)'\s*,\s*`([^']*)'", text)}
    daemons = tuple(re.findall(r"DAEMON_OPTIONS\(`([^']*)'", text))
    return Sendmail(
        tuple(filters), order, macros, daemons, "FEATURE(`mailertable'" in text, "FEATURE(`access_db'" in text
    )


def look(sendmail: Sendmail, desk: Desk) -> tuple[Finding, ...]:
    """Everything there is to say."""
    return tuple(_all(sendmail, desk))


def wanted_filter(desk: Desk) -> str:
    spec = desk.spec or "inet:8891@127.0.0.1"
    return f"INPUT_MAIL_FILTER(`{NAME}', `S={spec}, F=T, T=C:10s;S:10s;R:10s;E:30s')dnl"


def _all(sendmail: Sendmail, desk: Desk) -> Iterator[Finding]:
    ours = next((one for one in sendmail.filters if _is_ours(one, desk)), None)
    if ours is None or ours.name not in sendmail.order:
        why = "the filter is not defined" if ours is None else "the filter is defined and not used"
        yield Finding(MISSING, "InputMailFilters", why, wanted_filter(desk))
        return
    yield Finding(FINE, "InputMailFilters", f"mail passes the filter {ours.name}")
    if sendmail.order[-1] != ours.name:
        why = "a filter comes after ours: it can refuse what was redirected, and our own fields are changed"
        others = [one for one in sendmail.order if one != ours.name]
        line = f"define(`confINPUT_MAIL_FILTERS', `{','.join([*others, ours.name])}')dnl"
        yield Finding(UNSAFE, "InputMailFilters", why, line)
    flags = ours.equates.get("F", "")
    if "T" not in flags.upper().split("=")[0] or not flags:
        why = (
            "mail is refused for good whenever the filter is restarted"
            if "R" in flags.upper()
            else "mail passes unfiltered when the filter is away, with whatever fields it came with"
        )
        yield Finding(UNSAFE, f"{ours.name}: F={flags}", why, wanted_filter(desk))
    limit = ours.end_of_message_s
    if limit is not None and limit <= ANSWER_S:
        why = f"the filter may take {ANSWER_S:g} s for a mail; Sendmail would give up first"
        yield Finding(UNSAFE, f"{ours.name}: T={ours.equates.get('T', '')}", why, wanted_filter(desk))
    yield from _macros(sendmail)
    yield from _intent(sendmail, desk)


def _macros(sendmail: Sendmail) -> Iterator[Finding]:
    wanted = sendmail.macros.get("envfrom")
    if wanted is not None and "{auth_authen}" not in wanted:
        why = "mail of the helpdesk is not known to be submitted: tickets are proven by nothing"
        yield Finding(
            MISSING, "Milter.macros.envfrom", why, "define(`confMILTER_MACROS_ENVFROM', `..., {auth_authen}')dnl"
        )
    stages = [
        names for names in (wanted, sendmail.macros.get("eom"), sendmail.macros.get("envrcpt")) if names is not None
    ]
    if stages and not any(re.search(r"(?:^|[\s,])i(?:[\s,]|$)", one) for one in stages):
        why = "the log cannot name the queue id of a mail"
        yield Finding(ADVICE, "Milter.macros.eom", why, "define(`confMILTER_MACROS_EOM', `{msg_id}, i')dnl")


def _intent(sendmail: Sendmail, desk: Desk) -> Iterator[Finding]:
    domain = desk.intent_domain
    if domain is None:
        return
    if not sendmail.mailertable:
        why = f"{domain} has no route: intents would be bounced, and no acknowledgement is sent"
        line = f"FEATURE(`mailertable')dnl, and in mailertable: {domain}  intents:[127.0.0.1]"
        yield Finding(MISSING, "mailertable", why, line)
    if not sendmail.access:
        why = f"anybody may hand in mail to {domain}"
        line = f"FEATURE(`access_db')dnl FEATURE(`blocklist_recipients')dnl, and in access: To:{domain}  REJECT"
        yield Finding(UNSAFE, "access_db", why, line)
    if not any(re.search(r"InputMailFilters=\s*(?:,|$)|\bI=\s*(?:,|$)", one) for one in sendmail.daemons):
        line = "DAEMON_OPTIONS(`Family=inet, Addr=127.0.0.1, Port=10025, Name=Answers, InputMailFilters=')dnl"
        yield Finding(
            MISSING, "DaemonPortOptions", "there is no port without filters, by which acknowledgements leave", line
        )


def _is_ours(one: Filter, desk: Desk) -> bool:
    socket = one.equates.get("S", "")
    if desk.spec is not None:
        return socket.replace("local:", "unix:") == desk.spec
    return NAME in one.name or NAME in socket or "8891" in socket


def _equates(text: str) -> dict[str, str]:
    """`S=..., F=T, T=C:10s;E:30s` as a mapping."""
    found = {}
    for one in text.split(","):
        name, equals, value = one.strip().partition("=")
        if equals:
            found[name.strip().upper()] = value.strip()
    return found


def snippet(desk: Desk) -> str:
    """What to put into sendmail.mc."""
    lines = ["dnl our filter LAST; F=T: a filter that is away costs a retry, not a mail", wanted_filter(desk)]
    lines += ["define(`confMILTER_MACROS_EOM', `{msg_id}, i')dnl"]
    if desk.intent_domain:
        lines += [
            "FEATURE(`mailertable')dnl",
            "FEATURE(`access_db')dnl",
            "FEATURE(`blocklist_recipients')dnl",
            "dnl the port by which acknowledgements leave",
            "DAEMON_OPTIONS(`Family=inet, Addr=127.0.0.1, Port=10025, Name=Answers, InputMailFilters=')dnl",
            "MAILER(`smtp')dnl",
            "MAILER_DEFINITIONS",
            "Mintents, P=[IPC], F=mDFMuXz, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, E=\\r\\n, L=990,",
            "\tT=DNS/RFC822/SMTP, A=TCP $h 8892",
            "",
            f"# mailertable: {desk.intent_domain}  intents:[127.0.0.1]",
            f"# access:      To:{desk.intent_domain}  REJECT",
        ]
    return "\n".join(lines)
