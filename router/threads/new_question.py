"""Whether a reply in a ticket asks something else than the ticket (rules-language.md 5.4): likely, unlikely, unknown.

A person has the last word, so that this is modest. A model that has learned it from pairs of ticket and reply judges
best (classify/replies.py); without one, `likely` needs the writer to say so, or an old closed ticket whose words the
reply does not share. Thanks, a few words, or answers between our quoted lines are never a new question; the rest is
unknown and does nothing. How people say "another question" is rules.yaml's business (`says_so`); what thanks and
closing words are is general knowledge of languages.
"""

import re

from router.message.message import Message
from router.vocabulary import NewQuestion

IDLE_DAYS = 14.0
UNLIKE = 0.15  # starting points of rules-language.md 5.4, to be fitted on labelled threads
LIKE = 0.35
MIN_WORDS = 4
MAX_CLOSING_WORDS = 25
MAX_CLOSING_CHARACTERS = 500
OTHER_WORDS = 4  # a name, "Anna Petrenko, Desk Ltd": what a closing line may hold beside its closing words,
OTHER_WORDS_EACH = 3  # and for each further closing word

_THANKS = re.compile(
    r"(?:спасиб|благодар|признател|дякую|дякуєм|вдячн|спс$|thank|thx$|grateful|cheers$|danke|dzięk|merci|grazie|gracias)"
)
_CLOSING = re.compile(
    r"(?:заработал|работа(?:ет|ют)$|решен|решил|разобрал|исправ|получил(?:ось|и|а|о)?$|понял|понятн|закры|отличн|хорош|добр|супер"
    r"|запрацюва|працю(?:є|ють)$|виріш|розібра|виправ|отрима(?:в|ла|ли)$|зрозумі|закри|чудов|гаразд"
    r"|solved$|resolved$|fixed$|works?$|working$|great$|perfect$|excellent$|understood$|closed?$|ok$|okay$|ок$|fine$)"
)
_FILLING_WORDS = """
    все всё всем усе всі уже вже теперь тепер зараз сейчас очень дуже большое велике вам вас тебе за по и й і та а в у
    на с з помощь помощи помогли допомогу поддержку підтримку оперативность оперативність быстрый швидку ответ відповідь
    вопрос питання тикет тікет заявку можно можна снова знову нормально наче вроде день доброго здравствуйте вітаю
    привет привіт уважением повагою
    the it is now all everything and you your very so much many for help quick reply support again hi hello dear
    regards best kind with ticket this that can be have has a to me us we i
"""
_FILLING = frozenset(_FILLING_WORDS.split())
_GUARD = re.compile(
    r"(?:не|нет|ні|немає|not|no|but|however|но|але|однако|проте|зато|ещё|еще|ще|also|another|как|як|how|why|почему|чому|когда|коли"
    r"|when|если|якщо|if|прошу|please|пожалуйста|будь|can't|cannot|doesn't|isn't|won't|still|всё-таки|помогите|допоможіть)"
)
_WORD = re.compile(r"[^\W\d_]+(?:['’ʼ-][^\W\d_]+)*")
_QUOTED = re.compile(r"\s{0,3}>")


def find(
    message: Message,
    *,
    says_so: bool = False,
    closed: bool | None = None,
    idle_days: float | None = None,
    similarity: float | None = None,
) -> NewQuestion:
    """The judgement on one reply. says_so: a phrase of rules.yaml found. closed, idle_days, similarity (0..1): of the
    ticket, None when nobody knows."""
    if not message.text_known or message.encrypted:
        return NewQuestion.UNKNOWN
    if _is_short(message):
        return NewQuestion.UNLIKELY
    if says_so:
        return NewQuestion.LIKELY
    if answers_between(message.full_text) or (similarity is not None and similarity >= LIKE):
        return NewQuestion.UNLIKELY
    if closed and idle_days is not None and idle_days > IDLE_DAYS and similarity is not None and similarity < UNLIKE:
        return NewQuestion.LIKELY
    return NewQuestion.UNKNOWN


def belongs_by_form(message: Message) -> bool:
    """Whether no model need be asked: nobody can read it, it only thanks, has a few words, or answers line by line."""
    unread = not message.text_known or message.encrypted
    return unread or _is_short(message) or answers_between(message.full_text)


def by_likelihood(likely: float, accept: float, reject: float) -> NewQuestion:
    """A model's word: likely from `accept` on, unlikely up to `reject`, between them nobody knows."""
    if likely >= accept:
        return NewQuestion.LIKELY
    return NewQuestion.UNLIKELY if likely <= reject else NewQuestion.UNKNOWN


def _is_short(message: Message) -> bool:
    few = len(_WORD.findall(message.new_text[:MAX_CLOSING_CHARACTERS])) < MIN_WORDS
    return few or is_closing(message.new_text)


def is_closing(text: str) -> bool:
    """Whether a text only thanks or says that all is well: short, a word of that, no question, no `but`."""
    if "?" in text or len(text) > MAX_CLOSING_CHARACTERS:
        return False
    words = _WORD.findall(text.lower())
    if not words or len(words) > MAX_CLOSING_WORDS or any(_GUARD.fullmatch(word) for word in words):
        return False
    closing = [word for word in words if _THANKS.match(word) or _CLOSING.match(word)]
    others = [word for word in words if word not in _FILLING and word not in closing]
    return bool(closing) and len(others) <= OTHER_WORDS + OTHER_WORDS_EACH * (len(closing) - 1)


def answers_between(text: str) -> bool:
    """Whether the writer answered a quote line by line: at least twice, own lines stand straight below quoted ones."""
    turns, quoting = 0, False
    for line in text.split("\n"):
        if _QUOTED.match(line):
            quoting = True
        elif line.strip():
            turns += quoting
            quoting = False
    return turns >= 2
