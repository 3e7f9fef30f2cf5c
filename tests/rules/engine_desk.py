"""A small desk for tests of the engine: rules written as text, mails written as values."""

from collections.abc import Callable
from typing import Any

from router.decision import Decision, TraceLine
from router.facts import Facts
from router.rules.compile import Ruleset, compile_rules
from router.rules.decide import decide
from router.rules.load import load
from router.rules.mail_of_case import facts_of
from router.rules.schema import Given, Text

HEAD = """\
version: 1
languages: [uk, ru, en]
settings:
  timezone: Europe/Kyiv
  header_prefix: X-Desk-
  reply: {from: {name: Desk, address: support@desk.example}, require: {auth: pass}}
  own_clients: [192.0.2.0/28]
tickets: {tags: ["[desk #{number}]"]}
accounts: {contract: contract, login: login, contacts: contacts}
panel: {clients: [198.51.100.7]}
calendars:
  office: {timezone: Europe/Kyiv, hours: {mon-fri: "09:00-18:00"}, holidays: days}
  always: {timezone: Europe/Kyiv, hours: {mon-sun: "00:00-24:00"}}
holidays:
  days: [{date: "08-24", name: Independence Day, closed: true}]
queues:
  support:
    address: support@desk.example
    aliases: [help@desk.example]
    calendar: always
    first_answer: 4h
    name: {uk: підтримка, ru: поддержка, en: support}
  accounts:
    address: bill@desk.example
    calendar: office
    first_answer: 8h
    name: {uk: розрахунки, ru: расчёты, en: accounts}
  sales: {address: sales@desk.example, calendar: office, name: {uk: продаж, ru: продажи, en: sales}}
  moderation:
    address: held@desk.example
    calendar: always
    auto_reply: never
    name: {uk: черговий, ru: дежурный, en: duty manager}
lists:
  contacts: {file: contacts.csv, key: email, value: contract}
  partners: {items: [partner.example, ann@partner.example]}
classifiers:
  topic: {labels: [technical, billing, other], accept: 0.80, reject: 0.15, margin: 0.20}
  abuse: {labels: [abusive], accept: 0.90, reject: 0.30}
extract:
  contract:
    in: [subject, new_text, signature]
    regex: '(?:contract|договір)\\s{0,3}(?:no)?\\s{0,3}(?P<contract>[0-9]{3,9})'
  login: {in: [text], regex: 'login\\s{1,3}(?P<login>[a-z][a-z0-9_]{2,31})'}
  mailbox: {in: [new_text], regex: '(?P<mailbox>[a-z0-9._-]{1,64}@[a-z0-9.-]{3,100})'}
  card: {in: [new_text], regex: '(?P<card>[0-9]{13,19})', check: luhn}
patterns:
  site: {ru: ["сайт* .. лежит"], uk: ["сайт* не працю*"], en: ["site is down"]}
  money: {any: ["invoice*", "рахун*"]}
checklists:
  site_access:
    use_when: {text: {pattern: site}}
    items:
      - {id: browser, present: {text: {words: [chrome, firefox]}}, ask: {uk: браузер, ru: браузер, en: the browser}}
      - {id: error, present: {text: {words: ["error"]}}, ask: {uk: помилка, ru: ошибка, en: the error text}}
replies:
  subject: {uk: "Авто: {subject}", ru: "Авто: {subject}", en: "Auto: {subject}"}
  open: {uk: Вітаємо!, ru: Здравствуйте!, en: Hello!}
  close: {uk: Підтримка, ru: Поддержка, en: Support}
  snippets:
    moved: {uk: "Передано: {queue}.", ru: "Передано: {queue}.", en: "Passed to {queue}."}
    details: {uk: "Треба: {missing}.", ru: "Нужны: {missing}.", en: "We need {missing}."}
    wait: {uk: "До {expect_by}.", ru: "До {expect_by}.", en: "Wait until {expect_by}."}
"""

WEDNESDAY = "2026-03-04T11:00:00+02:00"


def ruleset(rules: str, head: str = HEAD) -> Ruleset:
    """The desk with these rules: the text below `rules:`, or a whole part of the file that holds `rules:`."""
    body = rules if "rules:" in rules else f"rules:\n{rules}"
    data = f"{head}{body}".encode()
    return compile_rules(load(data, "desk.yaml"), data)


def rule(when: str, then: str = "{tag: yes}", *, id: str = "r", stage: str = "enrich", more: str = "") -> str:
    return f"  - id: {id}\n    stage: {stage}\n    when: {when}\n    then: [{then}]\n" + (
        f"    {more}\n" if more else ""
    )


def given(**of: Any) -> Given:
    """A mail: the attributes of `Given`, texts as `str`, `to` for one recipient."""
    if "to" in of:
        to = of.pop("to")
        of["recipients"] = tuple(Text(one) for one in ([to] if isinstance(to, str) else to))
    if "sender" in of:
        of["sender"] = Text(of["sender"])
    for name in ("headers", "attachments"):
        if name in of:
            of[name] = tuple(tuple(map(Text, one)) for one in of[name])
    for name in ("subject", "body", "client"):
        if name in of:
            of[name] = Text(of[name])
    of.setdefault("auth", "pass")
    of.setdefault("lists", {"contacts": {"olena@customer.example": "104455"}})
    of.setdefault("sender", Text("olena@customer.example"))
    return Given(**of)


def facts(rules: Ruleset, **of: Any) -> Facts:
    return facts_of(given(**of), rules)


def decided(rules: str, *, trace: bool = True, clock: Callable[[], float] | None = None, **of: Any) -> Decision:
    """What the desk with these rules decides about a mail."""
    compiled = ruleset(rules)
    return decide(facts(compiled, **of), compiled, trace=trace, clock=clock)


def line_of(decision: Decision, rule_id: str = "r") -> TraceLine:
    return next(line for line in decision.trace if line.rule == rule_id)


def judged(when: str, **of: Any) -> TraceLine:
    """What one condition is for a mail, as the trace line of a rule that has it."""
    return line_of(decided(rule(when), **of))
