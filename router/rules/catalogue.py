"""Every code that a rules file can get, with its sentence and what to do; docs/errors.md is printed from it."""

from router.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """title: what is wrong, in general. mend: what to do about it."""

    title: str
    mend: str


CODES: dict[str, Entry] = {
    "E100": Entry(
        "The file cannot be read, or is being written at this moment.", "Look at its name and rights, or try again."
    ),
    "E101": Entry(
        "The file is not valid YAML.",
        "Look at the place and the line above it: indentation (spaces, no tabs), brackets that are not closed, "
        "a text with a colon that is not in quotes.",
    ),
    "E102": Entry(
        "An anchor (`&name`), an alias (`*name`) or a merge key (`<<`).",
        "Write the repeated part out, or give it a name under `conditions`. A text that begins with `*` or `&` belongs "
        "in quotes.",
    ),
    "E103": Entry("A key is given twice in the same block.", "YAML would keep the last one silently. Remove one."),
    "E104": Entry("A tag (`!name`).", "Every value is text; remove the tag. A text that begins with `!` needs quotes."),
    "E105": Entry(
        "The file is not UTF-8, has a byte order mark or control characters, more than 2 MiB, or more than 50 levels.",
        'Save it as "UTF-8" without BOM; put long lists into files (`lists`).',
    ),
    "E106": Entry("A link, a folder, a pipe or a device stands there.", "Name the file itself."),
    "E107": Entry(
        "Somebody else could change the file, and with it where mail goes.",
        "Take the right to write from others, or give the file to root; `serve --rules-owner` and `--rules-group` "
        "allow one user and one group.",
    ),
    "E200": Entry("The file does not say which version it is.", "Begin it with `version: 1`."),
    "E201": Entry("Another kind of value is expected: a text, a list or a block of keys.", "See the expected form."),
    "E202": Entry("A key that is not known here.", "Take the suggested one, or look at its indentation."),
    "E203": Entry("A key that must be there is missing.", "Add it."),
    "E204": Entry(
        "A date or a moment does not have its form, does not exist, or ends before it begins.",
        "Write `2026-12-31`, `12-31` (holidays), or `2026-03-06T19:40+02:00`.",
    ),
    "E205": Entry(
        "Hours or days do not have their form, or are given twice.",
        'Write `"09:00-18:00"` with two digits and in quotes; `mon-fri`; a night is two spans.',
    ),
    "E206": Entry("A duration does not have its form.", "Write `500ms`, `30s`, `15m`, `4h` or `7d`."),
    "E207": Entry(
        "Two limits contradict each other: `accept` must be greater than `reject`, `below` than `at_least`.",
        "Between them the classifier abstains.",
    ),
    "E208": Entry(
        "A number, a size, a rate, a length or a probability does not have its form.",
        'Write `0.8` or `80%`, `10MB`, `2 per day`, `"20 words"`.',
    ),
    "E209": Entry(
        "A name, a tag, a label or a language does not have its form.",
        "Names: small Latin letters, digits, `-`, `_`, a letter first. Tags may have capitals and dots.",
    ),
    "E210": Entry(
        "Two things where one belongs.",
        "A condition is one test, an action is one key: put several conditions under `all:` or `any:`, and write every "
        "action as an item of its own.",
    ),
    "E211": Entry(
        "A test that is not known.", "Take the suggested one; there are no negated tests, use `not` or `none`."
    ),
    "E212": Entry("Nothing stands where something must.", "Write the value, or remove the key."),
    "E213": Entry("A word that is not one of the few that may stand here.", "Take one of them."),
    "E214": Entry("The same id, name, label or date is given twice.", "Rename or remove one."),
    "E215": Entry(
        "An action that is not known.",
        "Mail is never rejected, dropped, answered by hand or rewritten by a rule; the strongest action is `hold`.",
    ),
    "E216": Entry(
        "A phrase that cannot be: `*` only at the end of a word of two letters or more, `..` only between words.",
        "Write `сайт* .. лежит`.",
    ),
    "E217": Entry(
        "An action or a test that is not possible in this stage.",
        "Move the rule to a stage where it is; tags and rules of earlier stages only are seen.",
    ),
    "E218": Entry(
        "An address, domain, network, header field, time zone, path, web address, delivery status or tag does not have "
        "its form.",
        "See the example in the message.",
    ),
    "E219": Entry("`expr` is reserved for a later version.", "Write the condition as tests."),
    "E300": Entry(
        "A queue that does not exist.",
        "Take the suggested one. Held mail needs a queue `moderation` or `settings: hold`.",
    ),
    "E301": Entry("A calendar or a set of holidays that does not exist.", "Take the suggested one."),
    "E302": Entry("A named condition that does not exist.", "Define it under `conditions`."),
    "E303": Entry("A pattern that does not exist.", "Define it under `patterns`."),
    "E304": Entry("A list that does not exist.", "Define it under `lists`."),
    "E305": Entry("A text is missing in a language.", "Every text for customers stands in every one of `languages`."),
    "E306": Entry(
        "A placeholder that is not known or cannot stand here, or a brace that stands alone.",
        "Snippets: `{queue} {expect_by} {opens_at} {missing}`; the subject of an answer: `{subject}`; notes and header "
        "fields also `{ticket} {contract} {login} {url}`, which an answer never tells.",
    ),
    "E307": Entry("A classifier that does not exist.", "Define it under `classifiers`."),
    "E308": Entry("A label that its classifier does not have.", "Take one of its `labels`."),
    "E309": Entry(
        "A regular expression that RE2 cannot do, that reads only ASCII letters, or that lacks its named group.",
        "See what to write instead in the message. A phrase (`words:`) is often enough.",
    ),
    "E310": Entry("Retired: a repeat inside a repeat.", "RE2 takes linear time whatever the expression."),
    "E311": Entry("An extract that does not exist.", "Define it under `extract`."),
    "E312": Entry("A named condition uses itself.", "Break the circle."),
    "E313": Entry("A snippet that does not exist.", "Define it under `replies: snippets`."),
    "E314": Entry("A checklist, or an item of one, that does not exist.", "Define it under `checklists`."),
    "E315": Entry("A rule that does not exist.", "Take the suggested id."),
    "E316": Entry("A tag that no rule writes.", "Take the suggested one, or add `tag:` to a rule."),
    "E317": Entry("A language that is not one of `languages`.", "Add it there, or remove the text."),
    "E318": Entry("Two queues have the same address.", "An address belongs to one queue."),
    "E319": Entry(
        "The mail of a test, a key or a calendar cannot be read, or has nothing in it.",
        "Paths start from the folder of the rules file; a calendar may also stand behind https.",
    ),
    "W501": Entry(
        "A rule stands after rules of a later stage.",
        "Stages run in their order whatever the file says; write them so.",
    ),
    "W502": Entry(
        "An action that can never take effect: an earlier rule has set the same slot whenever this one matches.",
        "Put the special rule before the general one.",
    ),
    "W503": Entry("A pattern, condition, list, snippet or calendar is never used.", "Use it or remove it."),
    "W504": Entry("A condition that is always, or never, true.", "Say what the rule is for."),
    "W505": Entry(
        "A look-up under `not` or `none` without `on_unknown`.",
        "When the list or DNS does not answer the rule does not fire. Say `on_unknown: hold`, or `skip` if that is "
        "meant.",
    ),
    "W506": Entry("Two rules of one stage have the same condition.", "Join them."),
    "W507": Entry("`any` of several `not` is nearly always true.", "Write `none:`."),
    "W508": Entry("A pattern has no phrases in one of the languages.", "Add some, or put all under `any:`."),
    "W509": Entry("A phrase is needless: another of the same pattern finds all that it finds.", "Remove it."),
    "W510": Entry("A rule has no test in which it fires, or none in which it does not.", "Add a test."),
    "W511": Entry(
        "A rule may answer automatic mail.",
        "Add a guard rule with `when: {automatic: any}` and `no_reply`.",
    ),
    "W512": Entry("A word mixes Latin and Cyrillic letters that look alike.", "Type it anew on one keyboard."),
    "W513": Entry("From 1 November: a calendar has dates of this year and none of the next.", "Add next year's."),
    "W514": Entry(
        "`until` has passed; or a rule is in shadow without `since`, or for more than 60 days without `until`.",
        "Let it act, or remove it.",
    ),
    "W515": Entry("Thresholds were tuned for another model.", "Tune them anew, or say `accept: model`."),
    "W516": Entry(
        "A phrase that hits very much of the archive (backtest).",
        "Make it more special; `backtest --greedy` says what is much.",
    ),
    "W517": Entry("A regular expression where a phrase would do.", "Write `words:`."),
    "W518": Entry(
        "A regular expression holds a character that the text it sees never has.",
        "Texts are normalised: small letters, `ё` as `е`, `№` as `no`, one kind of apostrophe and space.",
    ),
    "W519": Entry("The file of a list cannot be read, or lacks a column.", "Look-ups are unknown until it can."),
    "W520": Entry(
        "A calendar by https could not be fetched, or not be kept.",
        "The last good copy is used; `mailrouter hours` shows what is believed.",
    ),
    "W521": Entry(
        "The rules file that `settings.shadow` names cannot be read or loaded.",
        "The filter runs without a shadow until it can; `mailrouter check` that file.",
    ),
    "W522": Entry(
        "A regular expression counts so far that every mail pays for it.",
        "A count such as `{5,300}` is written out 300 times; `{5,}`, `+` and `*` cost nothing and cannot take long.",
    ),
}

_RANGES = (
    ("E1", "YAML", "The file as YAML. Nothing else can be said about it until these are mended."),
    ("E2", "Shape", "What may stand where, and in which form."),
    ("E3", "References", "Every name must be the name of something."),
    ("W5", "Warnings", "The file loads. It probably does not do what was meant."),
)


def markdown() -> str:
    """docs/errors.md."""
    lines = [
        "# Errors and warnings of rules.yaml",
        "",
        "Printed by `mailrouter check`. An error keeps the file from being used: the rules that run stay in use. Every",
        "problem says its file, line and column; all problems of a file are told at once. The list is printed from",
        "`router/rules/catalogue.py`; one example for each code is in `tests/rules/`.",
        "",
        "```",
        'rules.yaml:270:20: error E300: unknown queue "suport"; did you mean "support"?',
        "    in rules[9] technical-mail-to-accounts > then[1]",
        "     270 |     then: [{queue: suport}, {tag: redirected}]",
        "         |                    ^",
        "```",
    ]
    for start, title, about in _RANGES:
        lines += ["", f"## {title}", "", about, "", "| code | what is wrong | what to do |", "|---|---|---|"]
        for code, entry in CODES.items():
            if code.startswith(start):
                title_cell, mend_cell = (text.replace("|", "\\|") for text in (entry.title, entry.mend))
                lines.append(f"| {code} | {title_cell} | {mend_cell} |")
    return "\n".join(lines) + "\n"
