"""A generation: rules, lists and model that belong together."""

from datetime import UTC, datetime
from pathlib import Path

from router.generation import load_generation
from router.message.eml import raw_message
from router.message.envelope import Envelope

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


def test_without_models_the_rules_decide_and_the_decision_says_so(tmp_path):
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "contacts.csv").write_text("email,contract\nolena@customer.example,104455\n")
    loaded = load_generation(tmp_path / "rules.yaml", tmp_path / "no-models")
    assert loaded.model is None
    assert "no promoted model" in loaded.model_refused
