"""A generation: rules, lists and model that belong together."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from router.acknowledge import own_id
from router.acknowledge.keys import Keys
from router.decision import Decision
from router.generation import load_generation
from router.message.eml import raw_message
from router.message.envelope import Envelope
from router.message.read import read
from router.pseudonyms import open_key
from router.threads.store import ThreadReader, ThreadWriter

NOW = datetime(2026, 3, 6, 17, 40, tzinfo=UTC)
RULES = """\
version: 1
languages: [en]
settings: {timezone: UTC, header_prefix: X-Desk-}
calendars: {always: {timezone: UTC, hours: {mon-sun: "00:00-24:00"}}}
queues:
  help: {address: help@desk.example, calendar: always, name: {en: help}}
lists:
  contacts: {file: contacts.csv, key: email, value: contract}
extract:
  contract: {in: [subject, new_text], regex: 'contract\\s{0,3}(?P<contract>[0-9]{3,9})'}
accounts: {contract: contract, contacts: contacts}
rules:
  - id: everything
    stage: enrich
    when: {account: belongs_to_sender}
    then: [{tag: known}]
"""

ANSWERING = """\
replies:
  subject: {en: "Auto: {subject}"}
  open: {en: Hello}
  close: {en: Desk}
  snippets: {received: {en: It was received}}
rules:
  - {id: answer, stage: reply, when: {always: true}, then: [{say: received}]}
"""


def account(folder: Path, text: str) -> str:
    loaded = load_generation(folder / "rules.yaml", None)
    data = f"From: olena@customer.example\nTo: help@desk.example\n\n{text}\n".encode()
    raw = raw_message(data, Envelope(b"<olena@customer.example>", (b"<help@desk.example>",)), NOW)
    return str(loaded.decide(raw).account.state)


def test_a_contact_of_several_contracts_may_speak_for_each_of_them_and_for_no_other(tmp_path):
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "contacts.csv").write_text(
        "email,contract\nolena@customer.example,104455\nolena@customer.example,104466\n"
    )
    assert account(tmp_path, "hello, contract 104455") == "belongs_to_sender"
    assert account(tmp_path, "hello, contract 104466") == "belongs_to_sender"
    assert account(tmp_path, "hello, contract 999999") == "conflict"
    assert account(tmp_path, "hello") == "missing"


def test_a_reply_to_an_acknowledgement_of_ours_is_known_by_its_signed_message_id(tmp_path):
    """Nothing of it was ever seen: acknowledgements pass no filter. A forged one of the same form is not believed."""
    settings = "header_prefix: X-Desk-, reply: {from: {name: Desk, address: help@desk.example}}"
    text = RULES.replace("header_prefix: X-Desk-", settings).replace("rules:\n", ANSWERING, 1)
    (tmp_path / "rules.yaml").write_text(text)
    (tmp_path / "contacts.csv").write_text("email,contract\n")
    keys = Keys.of(b"k" * 32)
    pseudonyms = open_key(tmp_path)
    ThreadWriter.open(tmp_path / "threads.sqlite", pseudonyms, NOW).store.close()
    loaded = replace(
        load_generation(tmp_path / "rules.yaml", None),
        threads=ThreadReader(tmp_path / "threads.sqlite", pseudonyms),
        is_acknowledgement=partial(own_id.is_ours, keys),
    )

    def reply_to(message_id: str) -> Decision:
        data = f"From: olena@customer.example\nTo: help@desk.example\nIn-Reply-To: {message_id}\n\nThank you.\n"
        raw = raw_message(data.encode(), Envelope(b"<olena@customer.example>", (b"<help@desk.example>",)), NOW)
        return loaded.decide(raw)

    ours = own_id.make(keys, b"the mail that was answered", "desk.example")
    found = reply_to(ours)
    assert (found.thread.state, found.thread.ticket) == ("follow_up", None)
    assert "G16" in found.reply.refused and not found.reply.send
    forged = reply_to(own_id.make(Keys.of(b"x" * 32), b"the mail that was answered", "desk.example"))
    assert forged.thread.state == "new"
    assert "G16" in forged.reply.refused, "what looks like ours is not answered either"


def test_without_models_the_rules_decide_and_the_decision_says_so(tmp_path):
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "contacts.csv").write_text("email,contract\nolena@customer.example,104455\n")
    loaded = load_generation(tmp_path / "rules.yaml", tmp_path / "no-models")
    assert loaded.model is None
    assert "no promoted model" in loaded.model_refused
    assert str(tmp_path) not in loaded.model_refused


REPLIES = """\
tickets: {tags: ["[desk #{number}]"]}
classifiers: {new_question: {labels: [new], accept: model, reject: model}}
rules:
  - {id: new-one, stage: enrich, when: {new_question: likely}, then: [{tag: new-question}]}
  - {id: same-one, stage: enrich, when: {new_question: unlikely}, then: [{tag: same}]}
  - {id: by-label, stage: enrich, when: {classified: {new_question: new}}, then: [{tag: by-label}]}
"""


def test_a_new_question_in_an_old_ticket_is_found_by_the_model_and_by_what_the_store_knows(tmp_path):
    """The shipped model; the desk's answer passed the filter a month ago. Thanks need no model."""
    text = RULES.partition("rules:\n")[0] + REPLIES
    (tmp_path / "rules.yaml").write_text(text)
    (tmp_path / "contacts.csv").write_text("email,contract\n")
    pseudonyms = open_key(tmp_path)
    writer = ThreadWriter.open(tmp_path / "threads.sqlite", pseudonyms, NOW)
    loaded = replace(
        load_generation(tmp_path / "rules.yaml", Path(__file__).parents[1] / "models"),
        threads=ThreadReader(tmp_path / "threads.sqlite", pseudonyms),
    )
    answer = (
        "From: help@desk.example\nTo: olena@customer.example\nMessage-ID: <a1@desk.example>\n"
        "Subject: Re: [desk #7] MX records\n\nWe have added the MX records for olena-shop.example, mail arrives.\n"
    )
    envelope = Envelope(b"<help@desk.example>", (b"<olena@customer.example>",), authenticated_user="desk")
    lesson = loaded.lesson(read(raw_message(answer.encode(), envelope, NOW - timedelta(days=30))), None)
    assert lesson is not None
    writer.learn([lesson])
    writer.store.close()

    def tags(body: str) -> tuple[str, ...]:
        data = (
            "From: olena@customer.example\nTo: help@desk.example\nIn-Reply-To: <a1@desk.example>\n"
            f"Subject: Re: [desk #7] MX records\n\n{body}\n"
        )
        raw = raw_message(data.encode(), Envelope(b"<olena@customer.example>", (b"<help@desk.example>",)), NOW)
        return loaded.decide(raw).tags

    assert tags(
        "Could you also send us the invoice for the new year, please? And how much would a second site cost?"
    ) == (
        "new-question",
        "by-label",
    )
    assert tags("The MX records for olena-shop.example still do not work, mail does not arrive.") == ("same",)
    assert tags("Thank you, it works now!") == ("same",)
