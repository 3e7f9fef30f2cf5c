"""One tiny model, trained once for all tests of this room."""

from collections.abc import Callable

import numpy as np
import pytest

from router.classify.corpus import Example
from router.classify.judging import OURS
from router.classify.pipeline import Settings
from router.classify.replies import REPLY, Told
from router.classify.train import TrainResult, train
from router.message.stems import Overlap

WORDS = {
    "technical": "сервер сайт не працює помилка 502 error website down почта не отправляется ssh timeout dns",
    "billing": "счёт рахунок invoice оплата payment акт сверки реквизиты refund платёж card receipt",
    "sales": "тариф тарифи price плани upgrade quote сколько стоит offer скидка знижка order new vps",
    "other": "дякую спасибо thanks передайте owner account договор власник вакансія survey директор",
}
FOREIGN = ["Guten Tag, wo bleibt mein Paket", "my flight was late", "рецепт борща", "погода завтра", "le chat dort"]

SMALL = Settings(
    scale={"chars": 1, "words": 1, "pairs": 1, "concepts": 1, "concept_pairs": 1},
    strength={"topic": 10, "abuse": 10, "vague": 10, "urgency": 10, OURS: 10, REPLY: 10},
    folds=3,
)


def tiny_examples() -> list[Example]:
    """Eighty little mails, five words of one topic each; every fourth insults us; and five texts of other trades."""
    made = []
    draw = np.random.default_rng(7)
    for number in range(80):
        topic = list(WORDS)[number % 4]
        words = " ".join(draw.choice(WORDS[topic].split(), 5))
        rude = number % 8 < 2
        vague, urgency = number % 5 == 0, ("low", "normal", "high", "urgent")[number % 7 // 2]
        made.append(
            Example(
                id=f"t-{number}",
                sender=f"s{number % 40}@firm.example",
                subject=words.split()[0],
                text=f"{words}. "
                + ("вы идиоты, you idiots" if rude else "будь ласка, please")
                + ("" if vague else f". https://firm.example {urgency} 2026"),
                language=("ru", "uk", "en")[number % 3],
                labels={
                    "topic": topic,
                    "abuse": "abusive" if rude else "clean",
                    "vague": "vague" if vague else "clean",
                    "urgency": urgency,
                    OURS: "ours",
                },
            )
        )
    for number in range(120):
        anew = number % 2 == 0
        words = " ".join(draw.choice(WORDS["billing" if anew else "technical"].split(), 4))
        made.append(
            Example(
                id=f"p-{number}",
                sender=f"p{number}@firm.example",
                subject="",
                text=words + (". ещё вопрос" if anew else ". все так само"),
                language="ru",
                labels={REPLY: "new" if anew else "clean"},
                told=Told(Overlap(4, 0 if anew else 4, float(not anew), not anew, anew), anew, 20.0 if anew else 0.5),
            )
        )
    for number, text in enumerate(FOREIGN):
        made.append(Example(f"f-{number}", f"f{number}", "", text, "", {OURS: "foreign"}, weight=0.5, is_mail=False))
    return made


@pytest.fixture(scope="session")
def small() -> Settings:
    return SMALL


@pytest.fixture(scope="session")
def make_examples() -> Callable[[], list[Example]]:
    return tiny_examples


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainResult:
    return train(tiny_examples(), tmp_path_factory.mktemp("models"), seed=1, model_id="tiny", settings=SMALL)
