"""Postfix's settings held against what was measured (docs/operate.md): one function a check, all of them told."""

import re
from collections.abc import Callable, Iterator

from router.doctor.finding import Desk, Finding, Level, NoAnswer, Outside, Seen, Settings
from router.doctor.postfix_files import Service, expanded, items, options_of, seconds
from router.frozen import dataclass
from router.message.envelope import LOOP_FIELDS

ANSWER_S = 8.0  # what the filter may take for a mail at the most
SAFE_ACTIONS = ("tempfail", "shutdown")
SAFE_NEWLINES = ("yes", "normalize", "reject")
LOOPBACK = ("127.", "[::1]", "localhost:")
USUAL = re.compile(r"mailrouter|:8891\b")
UNSAFE, MISSING, ADVICE, FINE = Level.UNSAFE, Level.MISSING, Level.ADVICE, Level.FINE


@dataclass(frozen=True, slots=True)
class Postfix:
    """settings: every setting, defaults included. services: of master.cf."""

    settings: Settings
    services: tuple[Service, ...]
    desk: Desk
    outside: Outside

    def value(self, name: str) -> str:
        return expanded(self.settings, name)

    @property
    def receiving(self) -> tuple[Service, ...]:
        """The smtpd services; one as main.cf says when master.cf has none."""
        return tuple(one for one in self.services if one.is_smtpd) or (Service("smtp", "inet", "n", "smtpd"),)

    @property
    def filtered(self) -> tuple[Service, ...]:
        """Those that hand mail to our filter."""
        return tuple(one for one in self.receiving if any(map(self.is_ours, self.milters(one))))

    def milters(self, service: Service) -> tuple[str, ...]:
        return items(service.value(self.settings, "smtpd_milters"))

    def is_ours(self, item: str) -> bool:
        socket, _ = options_of(item)
        if self.desk.spec is not None:
            return socket == wanted_socket(self.desk)
        return bool(USUAL.search(socket))


def look(postfix: Postfix) -> tuple[Finding, ...]:
    """Everything there is to say, in the order of the checks."""
    return tuple(finding for check in CHECKS for finding in check(postfix))


def wanted_socket(desk: Desk) -> str:
    """Our socket in Postfix's spelling: `inet:host:port`, or `unix:path`."""
    kind, _, rest = (desk.spec or "inet:8891@127.0.0.1").partition(":")
    if kind == "unix":
        return f"unix:{rest}"
    port, _, host = rest.partition("@")
    return f"inet:{host or '127.0.0.1'}:{port}"


def wanted_milter(desk: Desk) -> str:
    """Our entry of smtpd_milters."""
    timeouts = "connect_timeout=10s, command_timeout=10s, content_timeout=30s"
    return f"{{ {wanted_socket(desk)}, {timeouts}, default_action=tempfail }}"


# --------------------------------------------------------------------------------------------------------------- checks
def present(postfix: Postfix) -> Iterator[Finding]:
    if not postfix.filtered:
        yield Finding(
            MISSING,
            "smtpd_milters",
            "no smtpd hands its mail to the filter",
            f"smtpd_milters = {wanted_milter(postfix.desk)}",
        )
        return
    yield Finding(FINE, "smtpd_milters", "mail passes the filter: " + ", ".join(one.name for one in postfix.filtered))
    for one in postfix.receiving:
        if one not in postfix.filtered and not one.name.startswith(LOOPBACK):
            yield Finding(ADVICE, f"{one.name}: smtpd_milters", "mail that comes in here does not pass the filter")


def last(postfix: Postfix) -> Iterator[Finding]:
    for service in postfix.filtered:
        listed = postfix.milters(service)
        if not postfix.is_ours(listed[-1]):
            others = [one for one in listed if not postfix.is_ours(one)]
            ours = next(one for one in listed if postfix.is_ours(one))
            yield Finding(
                UNSAFE,
                f"{service.name}: smtpd_milters",
                "a filter comes after ours: it can refuse what was redirected, and our own fields are changed",
                "smtpd_milters = " + ", ".join([*others, ours]),
            )


def default_action(postfix: Postfix) -> Iterator[Finding]:
    for service in postfix.filtered:
        ours = next(one for one in postfix.milters(service) if postfix.is_ours(one))
        _, options = options_of(ours)
        action = options.get("default_action") or service.value(postfix.settings, "milter_default_action")
        if action not in SAFE_ACTIONS:
            why = {
                "accept": "a filter that dies between two edits loses mail: it was measured to be delivered to nobody",
                "quarantine": "a filter that dies between two edits leaves mail in the hold queue with half of them",
                "reject": "mail is refused for good whenever the filter is restarted",
            }.get(action, "this is no action that Postfix knows")
            line = f"smtpd_milters = ... {wanted_milter(postfix.desk)}"
            yield Finding(UNSAFE, f"{service.name}: default_action={action}", why, line)


def timeouts(postfix: Postfix) -> Iterator[Finding]:
    for service in postfix.filtered:
        ours = next(one for one in postfix.milters(service) if postfix.is_ours(one))
        _, options = options_of(ours)
        written = options.get("content_timeout") or service.value(postfix.settings, "milter_content_timeout")
        limit = seconds(written)
        if limit is None or limit <= ANSWER_S:
            yield Finding(
                UNSAFE,
                f"{service.name}: content_timeout={written}",
                f"the filter may take {ANSWER_S:g} s for a mail; Postfix would give up first, for the whole session",
                f"smtpd_milters = ... {wanted_milter(postfix.desk)}",
            )


def protocol(postfix: Postfix) -> Iterator[Finding]:
    version = postfix.value("milter_protocol")
    if version not in ("6",):
        why = "older than what our edits need: recipients cannot be replaced, and bodies are sent to their end"
        yield Finding(UNSAFE, f"milter_protocol={version}", why, "milter_protocol = 6")


def smuggling(postfix: Postfix) -> Iterator[Finding]:
    for service in postfix.receiving:
        if service not in postfix.filtered and service.name.startswith(LOOPBACK):
            continue  # nobody from outside comes in here
        if service.value(postfix.settings, "smtpd_forbid_bare_newline") not in SAFE_NEWLINES:
            yield Finding(
                UNSAFE,
                f"{service.name}: smtpd_forbid_bare_newline",
                "one session can smuggle in a second message with a forged sender, SPF passed",
                "smtpd_forbid_bare_newline = yes",
            )
        restrictions = service.value(postfix.settings, "smtpd_data_restrictions")
        forbidden = service.value(postfix.settings, "smtpd_forbid_unauth_pipelining") == "yes"
        if not forbidden and "reject_unauth_pipelining" not in restrictions:
            yield Finding(
                UNSAFE,
                f"{service.name}: smtpd_forbid_unauth_pipelining",
                "commands may be sent before they are allowed, as smuggling does",
                "smtpd_forbid_unauth_pipelining = yes",
            )


def forged_fields(postfix: Postfix) -> Iterator[Finding]:
    """Stripped by the filter; by header_checks also while the filter is away."""
    checks, desk = items(postfix.value("header_checks")), postfix.desk
    probes = [(f"{desk.prefix}Queue: forged", f"/^{_escaped(desk.prefix)}/ IGNORE", "our own fields")]
    probes += [(f"{one}Queue: forged", f"/^{_escaped(one)}/ IGNORE", f"{one} fields") for one in desk.helpdesk_prefixes]
    for one in desk.authserv:
        line = _results_line(one)
        probes.append((f"Authentication-Results: {one}; spf=pass", line, f"results of {one}"))
    for probe, line, what in probes:
        try:
            found = [postfix.outside.query(table, probe) for table in checks]
        except NoAnswer as reason:
            yield Finding(ADVICE, "header_checks", f"could not be asked about {what}: {reason}")
            continue
        if not any(one and one.split()[0].upper() in ("IGNORE", "STRIP", "REJECT") for one in found):
            # Without a border that strips them, forged results would be believed: nothing else removes those.
            level = UNSAFE if probe.startswith("Authentication") else MISSING
            why = f"{what} from outside are not removed" + (
                " while the filter is away" if level is MISSING else ", and the filter believes them"
            )
            yield Finding(
                level, "header_checks", why, f"header_checks = regexp:/etc/postfix/mailrouter_header_checks: {line}"
            )


def overrides(postfix: Postfix) -> Iterator[Finding]:
    for service in (Service("main.cf", "inet", "n", "smtpd"), *postfix.filtered):
        if service.name != "main.cf" and "receive_override_options" not in service.overrides:
            continue
        listed = items(service.value(postfix.settings, "receive_override_options"))
        if "no_milters" in listed:
            yield Finding(
                UNSAFE, f"{service.name}: receive_override_options", "no_milters: no mail reaches the filter",
                "receive_override_options =",
            )  # fmt: skip
        if "no_header_body_checks" in listed:
            yield Finding(
                MISSING, f"{service.name}: receive_override_options",
                "no_header_body_checks: forged fields are not removed by header_checks", "receive_override_options =",
            )  # fmt: skip


def releasing(postfix: Postfix) -> Iterator[Finding]:
    """`mailrouter release` sends by a port without filters, where header_checks would take our own fields out."""
    ports = [one for one in postfix.services if one.is_smtpd and not postfix.milters(one)]
    if not ports or not postfix.value("header_checks"):
        return
    kept = [items(one.value(postfix.settings, "receive_override_options")) for one in ports]
    if not any("no_header_body_checks" in one for one in kept):
        yield Finding(
            ADVICE,
            f"{ports[-1].name}: receive_override_options",
            "header_checks take the filter's fields out of held mail that is released by this port",
            "-o receive_override_options=no_header_body_checks   # in master.cf, of the port for this host alone",
        )


def proxy_filter(postfix: Postfix) -> Iterator[Finding]:
    for service in postfix.filtered:
        if service.value(postfix.settings, "smtpd_proxy_filter"):
            yield Finding(
                UNSAFE,
                f"{service.name}: smtpd_proxy_filter",
                "before-queue filters and milters exclude each other here: ours sees no header and no body and edits"
                " nothing (MILTER_README, Limitations)",
                "smtpd_proxy_filter =   # here; and smtpd_milters at the smtpd that takes the mail back",
            )


def local_mail(postfix: Postfix) -> Iterator[Finding]:
    if any(postfix.is_ours(one) for one in items(postfix.value("non_smtpd_milters"))):
        yield Finding(
            ADVICE,
            "non_smtpd_milters",
            "bounces and mail of sendmail(1) pass the filter, where no client is known and nothing is proven",
            "non_smtpd_milters =",
        )


def logins(postfix: Postfix) -> Iterator[Finding]:
    """Submitted mail of the desk proves tickets; so not every customer with a mailbox may write as the desk."""
    for service in postfix.filtered:
        if service.value(postfix.settings, "smtpd_sasl_auth_enable") != "yes":
            continue
        stages = ("client", "helo", "sender", "relay", "recipient", "data")
        listed = " ".join(service.value(postfix.settings, f"smtpd_{stage}_restrictions") for stage in stages)
        if "sender_login_mismatch" not in listed:
            yield Finding(
                UNSAFE,
                f"{service.name}: smtpd_sender_restrictions",
                f"whoever has a login may write as {postfix.desk.address or 'the desk'}, and so enter any ticket",
                "smtpd_sender_restrictions = reject_sender_login_mismatch   # with smtpd_sender_login_maps",
            )


def macros(postfix: Postfix) -> Iterator[Finding]:
    for name in ("i", "{auth_authen}"):
        if name not in postfix.value("milter_mail_macros").split():
            why = {
                "i": "the log cannot name the queue id of a mail",
                "{auth_authen}": "mail of the helpdesk is not known to be submitted: tickets are proven by nothing",
            }[name]
            yield Finding(MISSING, "milter_mail_macros", why, f"milter_mail_macros = ... {name}")


def intent(postfix: Postfix) -> Iterator[Finding]:
    domain = postfix.desk.intent_domain
    if domain is None:
        return
    try:
        routes = [postfix.outside.query(table, domain) for table in items(postfix.value("transport_maps"))]
        if not any(one and one.startswith("lmtp:") for one in routes):
            yield Finding(
                MISSING,
                "transport_maps",
                f"{domain} has no route: intents would be bounced, and no acknowledgement is sent",
                f"transport_maps = inline:{{ {domain}=lmtp:unix:mailrouter-ack/lmtp.sock }}",
            )
    except NoAnswer as reason:
        yield Finding(ADVICE, "transport_maps", f"could not be asked: {reason}")
    for service in postfix.filtered:
        if not _refused(postfix, service, domain):
            yield Finding(
                UNSAFE,
                f"{service.name}: smtpd_recipient_restrictions",
                f"anybody may hand in mail to {domain}; it has to be refused first, also for mynetworks",
                f"smtpd_recipient_restrictions = check_recipient_access inline:{{ {domain}=REJECT }}, ...as before...",
            )
    if not any(one.is_smtpd and not postfix.milters(one) for one in postfix.services):
        yield Finding(
            MISSING,
            "master.cf",
            "there is no port without filters, by which acknowledgements leave",
            "127.0.0.1:10025 inet n - n - 20 smtpd -o smtpd_milters= -o mynetworks=127.0.0.0/8"
            " -o receive_override_options=no_header_body_checks",
        )


def socket_rights(postfix: Postfix) -> Iterator[Finding]:
    """A unix socket must be reachable from where smtpd stands: in its chroot, as `mail_owner`."""
    group = postfix.value("mail_owner")
    for service in postfix.filtered:
        socket, _ = options_of(next(one for one in postfix.milters(service) if postfix.is_ours(one)))
        if not socket.startswith("unix:"):
            continue
        path = socket.removeprefix("unix:")
        root = postfix.value("queue_directory")
        # "-" was "y" before Postfix 3, and is in its compatibility mode
        chrooted = service.chroot == "y" or (service.chroot == "-" and postfix.value("compatibility_level") == "0")
        real = f"{root}/{path.lstrip('/')}" if chrooted or not path.startswith("/") else path
        where = f"{service.name}: {socket}"
        try:
            seen = postfix.outside.look(real)
            folder = postfix.outside.look(real.rpartition("/")[0])
        except NoAnswer as reason:
            yield Finding(ADVICE, where, f"{real} could not be looked at: {reason}")
            continue
        if seen is None:
            seen_from = f" (smtpd is chrooted in {root})" if chrooted else ""
            line = f"mailrouter serve --listen unix:{real} --socket-group {group}"
            yield Finding(MISSING, where, f"{real} is not there{seen_from}", line)
            continue
        yield from _rights(seen, folder, group, real, where)


def _rights(seen: Seen, folder: Seen | None, group: str, real: str, where: str) -> Iterator[Finding]:
    parent = real.rpartition("/")[0]
    if seen.kind != "socket":
        yield Finding(UNSAFE, where, f"{real} is a {seen.kind}, no socket", f"rm {real}")
    elif seen.mode & 0o006:
        yield Finding(UNSAFE, where, f"every user of this machine may speak to {real}", f"chmod 0660 {real}")
    elif seen.group != group or seen.mode & 0o060 != 0o060:
        why = f"{real} has mode {seen.mode:04o} and group {seen.group}: smtpd, as {group}, cannot connect"
        yield Finding(MISSING, where, why, f"mailrouter serve --listen unix:{real} --socket-group {group}")
    if folder is not None and not folder.mode & 0o001 and not (folder.group == group and folder.mode & 0o010):
        why = f"{parent} has mode {folder.mode:04o} and group {folder.group}: smtpd, as {group}, cannot enter it"
        yield Finding(MISSING, where, why, f"chgrp {group} {parent} && chmod 2710 {parent}")


def _refused(postfix: Postfix, service: Service, domain: str) -> bool:
    """The first restriction that could let a mail to the domain in is preceded by one that refuses it."""
    listed = items(service.value(postfix.settings, "smtpd_recipient_restrictions"))
    for number, one in enumerate(listed):
        if one == "reject":
            return True
        if one.startswith("permit"):
            return False
        if one == "check_recipient_access" and number + 1 < len(listed):
            try:
                found = postfix.outside.query(listed[number + 1], domain)
            except NoAnswer:
                continue
            if found and (found.split()[0].upper() in ("REJECT", "DEFER") or found[:1] in "45"):
                return True
    return False


def _results_line(authserv: str) -> str:
    # POSIX, since `regexp:` is in every Postfix and `pcre:` is a package of its own
    return f"/^Authentication-Results:[[:space:]]*{_escaped(authserv)}([[:space:];]|$)/ IGNORE"


def _escaped(text: str) -> str:
    return re.sub(r"([.\\+*?\[\]^$(){}|/])", r"\\\1", text)


CHECKS: tuple[Callable[[Postfix], Iterator[Finding]], ...] = (
    present, last, default_action, timeouts, protocol, smuggling, forged_fields, overrides, proxy_filter, local_mail,
    logins, macros, socket_rights, intent, releasing,
)  # fmt: skip


def snippet(desk: Desk) -> str:
    """What to put into main.cf, master.cf and the table of header checks."""
    lines = [
        "# main.cf: our filter LAST, so that no later filter can refuse what it has redirected",
        f"smtpd_milters = {wanted_milter(desk)}",
        "non_smtpd_milters =",
        "# without these one session can smuggle in a second message with a forged sender",
        "smtpd_forbid_bare_newline = yes",
        "smtpd_forbid_unauth_pipelining = yes",
        "# forged fields go even while the filter is away",
        "header_checks = regexp:/etc/postfix/mailrouter_header_checks",
    ]
    if desk.intent_domain:
        lines += [
            f"transport_maps = inline:{{ {desk.intent_domain}=lmtp:unix:mailrouter-ack/lmtp.sock }}",
            f"smtpd_recipient_restrictions = check_recipient_access inline:{{ {desk.intent_domain}=REJECT }},",
            "    permit_mynetworks, reject_unauth_destination",
            "",
            "# master.cf: the port by which acknowledgements, and held mail that is released, leave",
            "127.0.0.1:10025 inet n - n - 20 smtpd",
            "    -o smtpd_milters=",
            "    -o mynetworks=127.0.0.0/8",
            "    # released mail keeps the filter's fields, which header_checks take out of everybody else's",
            "    -o receive_override_options=no_header_body_checks",
        ]
    lines += ["", "# /etc/postfix/mailrouter_header_checks", header_checks(desk)]
    return "\n".join(lines)


def header_checks(desk: Desk) -> str:
    """The table of header checks."""
    lines = [f"/^{_escaped(desk.prefix)}/ IGNORE"]
    if desk.helpdesk_prefixes:
        lines.append(f"/^({'|'.join(sorted(name.decode() for name in LOOP_FIELDS))}):/ DUNNO")
    lines += [f"/^{_escaped(one)}/ IGNORE" for one in desk.helpdesk_prefixes]
    lines += [_results_line(one) for one in desk.authserv]
    return "\n".join(lines)
