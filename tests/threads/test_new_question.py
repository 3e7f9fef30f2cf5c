"""A reply that asks something else: modest, and never wrong about thanks."""

import pytest

from router.threads.new_question import answers_between, find, is_closing
from tests.signals.letters import letter

OLD = {"closed": True, "idle_days": 40.0, "similarity": 0.02}
QUESTION = "Добрый день! Как подключить ещё один домен к нашему тарифу?"

CLOSING = [
    "Спасибо, заработало!",
    "Дякую, все працює",
    "Thanks, it works now.",
    "ок",
    "Поняла, оплатила. Благодарю!",
    "Дякую за швидку відповідь, питання вирішено.\nОлена Коваленко",
    "Thank you so much for your kind support, it is working fine now. God bless you and your family.",
    "Все отлично, спасибо большое за помощь\n-- \nИван",
    "Great, thanks!",
]
NOT_CLOSING = [
    "",
    "Спасибо, но не заработало",
    "Дякую, а як додати домен?",
    "Thanks, but it still does not work.",
    "Спасибо. Ещё вопрос про почту",
    "Спасибо за ответ. Прошу выставить счёт за март на новые реквизиты нашей компании сегодня вечером срочно",
    "Не работает",
    "Сайт лежит",
    QUESTION,
    "Спасибо " * 30,
]


@pytest.mark.parametrize("text", CLOSING)
def test_thanks_are_never_a_new_question(text: str) -> None:
    """Even in an old closed ticket, even when a phrase was found in it."""
    assert is_closing(text)
    assert find(letter(text=text), says_so=True, **OLD) == "unlikely"


@pytest.mark.parametrize("text", NOT_CLOSING)
def test_what_only_begins_with_thanks_is_no_closing(text: str) -> None:
    """A question, a `but`, a wish, or too much beside it."""
    assert not is_closing(text)


@pytest.mark.parametrize(
    ("ticket", "expected"),
    [
        ({}, "unknown"),
        ({"says_so": True}, "likely"),
        (OLD, "likely"),
        ({**OLD, "closed": False}, "unknown"),
        ({**OLD, "closed": None}, "unknown"),
        ({**OLD, "idle_days": 14.0}, "unknown"),
        ({**OLD, "idle_days": None}, "unknown"),
        ({**OLD, "similarity": 0.15}, "unknown"),
        ({**OLD, "similarity": None}, "unknown"),
        ({**OLD, "similarity": 0.35}, "unlikely"),
        ({"says_so": True, "similarity": 0.9}, "likely"),
    ],
)
def test_what_speaks_for_a_new_question(ticket: dict, expected: str) -> None:
    """The writer's own word, or closed and idle and unlike, all three."""
    assert find(letter(text=QUESTION), **ticket) == expected


def test_three_words_are_never_a_new_question() -> None:
    """Whatever the ticket."""
    assert find(letter(text="Где мой счёт"), says_so=True, **OLD) == "unlikely"


def test_answers_between_quoted_lines_belong_to_the_ticket() -> None:
    """Two turns of quote and answer; an answer below one quote is an ordinary one."""
    inline = "> Какой браузер?\nChrome, последний.\n> Какая ошибка?\nПишет 502.\n"
    below = "> Какой браузер?\n> Какая ошибка?\nChrome, пишет 502 при входе.\n"
    assert answers_between(inline)
    assert not answers_between(below)
    assert not answers_between("Текст\n\n> цитата\n> ещё\n")
    assert find(letter(text="Chrome, последний.\nПишет 502.", quoted="\n" + inline), **OLD) == "unlikely"
