"""What rules.yaml makes of labelled mail: redirects from the accounts desk, vague reports, priority.

    python -m bench.desk [MODEL] [--data FILE...]      default: the promoted model and what it said of its own data in
                                                       cross-validation, by folds that saw neither mail nor sender
    python -m bench.desk MODEL --data third-ru.jsonl   on other labelled mail: the model is asked

Each mail is judged three times: sent to bill@ (redirect to support: is its topic technical?), as it was addressed
(priority; `needs-details`: is it vague?), and with the model switched off. Everything proven, accounts open; a
follow-up's ticket is proven and open.
"""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from router.classify import held_out, registry
from router.classify.evaluate import macro_f1
from router.classify.model import Model
from router.decision import Decision
from router.facts import Facts
from router.generation import load_generation
from router.message.quoting import split
from router.rules import schema
from router.rules.decide import decide
from router.rules.mail_of_case import facts_of
from router.rules.schema_cases import GivenThread
from router.rules.schema_conditions import Text

ROOT = Path(__file__).parents[1]
AT = datetime.fromisoformat("2026-03-04T11:00+02:00")
ACCOUNTS = "bill@flexihost.example"
PRIORITIES = ("low", "normal", "high", "urgent")

Row = Mapping[str, Any]
Scores = Mapping[str, Mapping[str, float]]
Thresholds = Mapping[str, tuple[float, float, float]]


def decided(ruleset: Any, row: Row, to: str, scores: Scores, thresholds: Thresholds) -> Decision:
    follows = row.get("follow_up") == "yes"
    given = schema.Given(
        at_time=AT,
        sender=Text(row["from"].rpartition("<")[2].rstrip(">").strip() or "someone@mail.example"),
        recipients=(Text(to),),
        subject=Text(row["subject"]),
        body=Text(row["body"]),
        auth="pass",
        scores=scores or {"topic": "unavailable"},
        lists={"contacts": {}},
        thread=GivenThread(ticket=Text("12345"), proven=True, status="open", idle_days=1) if follows else None,
    )
    told = facts_of(given, ruleset)
    facts = Facts(told.message, replace(told.services, thresholds=thresholds), ruleset.site)
    return decide(facts, ruleset)


def asked(model: Model, rows: Iterable[Row]) -> dict[str, Scores]:
    return {row["id"]: model.scores(row["subject"], split(row["body"], row["subject"]).new_text) for row in rows}


def ratio(hits: int, of: int) -> str:
    return f"{hits / of:.3f}" if of else "-"


def tell(name: str, wanted: Sequence[bool], found: Sequence[bool]) -> str:
    hits = sum(a and b for a, b in zip(wanted, found, strict=True))
    precision, recall = ratio(hits, sum(found)), ratio(hits, sum(wanted))
    return f"{name}: precision {precision} recall {recall} ({sum(wanted)} of {len(wanted)})"


def report(
    rows: Sequence[Row], ruleset: Any, scores: Mapping[str, Scores], thresholds: Thresholds, wrong: bool
) -> None:
    judged = []
    for row in rows:
        known = scores.get(row["id"], {})
        own, sent = (decided(ruleset, row, to, known, thresholds) for to in (row["to"], ACCOUNTS))
        judged.append((row, str(own.priority), "needs-details" in own.tags, sent.queue == "support"))
    for language in ("", "ru", "uk", "en"):
        told = [one for one in judged if language in ("", one[0]["lang"])]
        if not told:
            continue
        chosen, given, vague, redirected = zip(*told, strict=True)
        print(f"{language or 'all':4} {len(chosen)} mails")
        print("    ", tell("redirect", [row["topic"] == "technical" for row in chosen], redirected))
        print("    ", tell("vague", [row["vague"] == "yes" for row in chosen], vague))
        truth = [row["priority"] for row in chosen]
        each = [macro_f1(truth, given, (name,)) for name in PRIORITIES]
        print(
            f"     priority: macro-F1 {macro_f1(truth, given, PRIORITIES):.3f} ("
            + ", ".join(f"{name} {one:.2f}" for name, one in zip(PRIORITIES, each, strict=True))
            + ")"
        )
    for row, priority, vagueness, moved in judged if wrong else ():
        said = [f"priority {row['priority']} -> {priority}"] if row["priority"] != priority else []
        said += [f"vague {row['vague']} -> {vagueness}"] if vagueness != (row["vague"] == "yes") else []
        said += [f"redirected, is {row['topic']}"] if moved and row["topic"] != "technical" else []
        if said:
            print(f"{row['id']}: {'; '.join(said)} | {row['subject']} | {row['body'][:140]!r}")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("model", nargs="?")
    options.add_argument("--data", nargs="*", type=Path, default=[])
    options.add_argument("--models", type=Path, default=ROOT / "models")
    options.add_argument("--rules", type=Path, default=ROOT / "rules.yaml")
    options.add_argument("--wrong", action="store_true", help="list the mistakes")
    chosen = options.parse_args()
    ruleset = load_generation(chosen.rules, None).ruleset
    name = chosen.model or registry.current(chosen.models)
    files = chosen.data or sorted((ROOT / "models/data").glob("*.jsonl"))
    rows = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines() if line.strip()]
    rows = [row for row in rows if "body" in row and row.get("priority")]
    if chosen.data:
        scores = asked(registry.load(chosen.models, name), rows)
    else:
        scores = {one.id: one.scores for one in held_out.read(chosen.models, name) or ()}
        rows = [row for row in rows if row["id"] in scores]
    print(f"{name}, {chosen.rules.name}")
    tuned = registry.read_manifest(chosen.models, name).thresholds
    thresholds = {name: (one.accept, one.reject, one.margin) for name, one in tuned.items()}
    report(rows, ruleset, scores, thresholds, chosen.wrong)
    print("without a model")
    report([row for row in rows if row["lang"]], ruleset, {}, {}, False)


if __name__ == "__main__":
    main()
