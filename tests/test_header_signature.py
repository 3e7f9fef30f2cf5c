"""The signature of our header fields: holds after transport, fails for every change, and says which field it was."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from router.cli import mailrouter
from router.decision import Decision, Recipients
from router.header_signature import Signer, as_read, queue_id_of
from router.message.eml import all_fields
from router.message.envelope import Envelope, RawMessage
from router.message.headers import HeaderFields, decoded
from router.milter import edits
from router.milter.header_value import field_body
from router.milter.negotiation import Offer
from router.milter.packets import PacketReader
from router.vocabulary import UNDETERMINED

SECRET = b"0123456789abcdef" * 2
SIGNER = Signer.of(SECRET)
NOW = datetime(2026, 3, 6, 17, 40, tzinfo=UTC)
ADDED = (
    ("X-Desk-Queue", "support"),
    ("X-Desk-Note", "рахунок за березень, і ще довгий текст, який не вміститься в один рядок заголовка листа"),
    ("X-Desk-Note", "second"),
    ("X-Desk-Priority", "high"),
    ("X-OTRS-Queue", "Hotline::First level"),
)
RECEIVED = (
    "Received: from mx (mx [192.0.2.1] (may be id X)) by mail.desk.example (Postfix) with ESMTP id 4Zabc; today\n"
)


def written(added=ADDED, queue_id="4Zabc", leading_space=False) -> list[str]:
    """The fields as an MTA writes them, from the packets of the plan."""
    raw = RawMessage(Envelope(b"<a@b.example>", (b"<c@d.example>",), queue_id=queue_id), (), b"", NOW)
    decision = Decision(
        id="1", source="", message_id="", received_at=NOW, rules="", model=None, language=UNDETERMINED,
        recipients=Recipients(("c@d.example",)), headers_add=added,
    )  # fmt: skip
    offer = Offer(6, 0x1FF, 0xFFFFF | (0x100000 if leading_space else 0))
    packets = edits.plan(decision, raw, offer, "X-Desk-", sign=SIGNER.value).packets
    lines = []
    for command, data in PacketReader(1 << 20).receive(packets):
        if command == ord("h"):
            name, value = data.rstrip(b"\0").split(b"\0")
            lines.append(name.decode() + ": " + value.decode().strip().replace("\n", "\r\n") + "\r\n")
    return lines


def mail(lines: list[str], received: str = RECEIVED) -> bytes:
    return (received + "From: a@b.example\n" + "".join(lines) + "\nHello\n").encode()


def problems(data: bytes, prefix: str | None = None, server: str | None = None) -> tuple[str, ...]:
    fields = HeaderFields(all_fields(data))
    return SIGNER.verify(fields, prefix, queue_id_of(fields, server)).problems


def test_a_signed_mail_holds():
    lines = written()
    assert problems(mail(lines)) == () and problems(mail(lines), "x-desk-") == ()
    assert lines[-1].startswith("X-Desk-Sig: v1; k=")


def test_other_folds_and_other_encoded_words_change_nothing():
    lines = written()
    unfolded = [line.replace("\r\n ", " ") for line in lines]
    assert problems(mail(unfolded)) == ()
    assert problems(mail([line.replace("X-Desk-Queue: ", "x-desk-queue:\r\n\t") for line in lines])) == ()


def changed(name: str, old: str, new: str) -> list[str]:
    return [line.replace(old, new) if line.startswith(name) else line for line in written()]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (changed("X-Desk-Queue", "support", "sales"), ("X-Desk-Queue was changed",)),
        (changed("X-Desk-Note", "second", "third"), ("X-Desk-Note was changed",)),
        (changed("X-OTRS-Queue", "First", "Second"), ("X-OTRS-Queue was changed",)),
        ([line for line in written() if not line.startswith("X-Desk-Priority")], ("X-Desk-Priority is missing",)),
        (["X-Desk-Tags: urgent\n", *written()], ("X-Desk-Tags was added",)),
        (["x-otrs-ignore: yes\n", *written()], ("x-otrs-ignore was added",)),
        ([*written(), "X-Desk-Priority: low\n"], ("X-Desk-Priority was added",)),
        (written()[:-1], ("there is no signature",)),
        ([*written(), written()[-1]], ("there are several signatures: X-Desk-Sig",)),
        ([*written()[:-1], "X-Desk-Sig: v2; k=1\n"], ("X-Desk-Sig cannot be read",)),
        (
            changed("X-Desk-Sig", "k=" + SIGNER.key_id, "k=00000000"),
            (f"signed with the key 00000000, and this key is {SIGNER.key_id}",),
        ),
    ],
)
def test_what_does_not_hold_is_named(lines, told):
    assert problems(mail(lines)) == told


def test_a_signature_of_another_mail_does_not_hold():
    (told,) = problems(mail(written(queue_id="4Zother")))
    assert told.startswith("the queue id is not 4Zabc")
    (told,) = problems(mail(written(), received=""))
    assert told.startswith("the queue id is not known")
    assert problems(mail(written(queue_id=None), received="")) == ()


def test_only_the_macs_of_the_fields_do_not_make_a_signature():
    """`d` is there to name a field; whoever could guess all of it still has no `b`."""
    lines = written()
    lines[-1] = lines[-1].partition("b=")[0] + "b=" + "A" * 32 + "\r\n"
    assert len(problems(mail(lines))) == 1


def test_fields_behind_a_thousand_others_are_read():
    assert problems(mail(["X-Many: x\n"] * 3_000 + written())) == ()


def test_the_queue_id_is_the_own_servers():
    above = "Received: by imap.desk.example with LMTP id OTHER (envelope by mail.desk.example id NO); now\n"
    fields = HeaderFields(all_fields(mail([], above + RECEIVED)))
    assert queue_id_of(fields) == "OTHER"
    assert queue_id_of(fields, "Mail.Desk.example") == "4Zabc"
    assert queue_id_of(fields, "elsewhere.example") == ""


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300))
def test_a_value_reads_the_same_before_and_after_transport(value):
    ((_, line),) = edits._lines([("X-Desk-Reason", value)])
    assert as_read(line) == as_read(decoded(field_body(line)))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_no_mail_makes_verify_raise(value, more):
    lines = b"X-Desk-Sig: v1; k=" + SIGNER.key_id.encode() + b"; h=" + value.replace(b"\n", b"") + b"\n" + more
    assert problems(lines + b"\n\nbody")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_bytes(SECRET)
    path.chmod(0o600)
    return path


def test_the_command_says_whether_it_holds(tmp_path, key):
    """Exit status 0 when it does, 4 when it does not, 2 without a key."""
    path = tmp_path / "mail.eml"
    path.write_bytes(mail(written()))
    done = CliRunner().invoke(mailrouter, ["verify", str(path), "--key-file", str(key)])
    assert (done.exit_code, done.output) == (0, f"{path}: holds: 5 fields, key {SIGNER.key_id}, queue id 4Zabc\n")
    path.write_bytes(mail(changed("X-Desk-Queue", "support", "sales")))
    done = CliRunner().invoke(mailrouter, ["verify", str(path), "--key-file", str(key)])
    assert (done.exit_code, done.output) == (4, f"{path}: X-Desk-Queue was changed\n")
    done = CliRunner().invoke(mailrouter, ["verify", str(path), "--key-file", str(key), "--queue-id", "no"])
    assert done.exit_code == 4


def test_the_command_reads_standard_input(key):
    command = ["verify", "-", "--key-file", str(key), "--mta", "mail.desk.example"]
    assert CliRunner().invoke(mailrouter, command, input=mail(written())).exit_code == 0
