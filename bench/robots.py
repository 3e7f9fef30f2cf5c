"""Ten thousand pairs of robots: our acknowledgement service and a responder put together at random, four days each.

    .venv/bin/python bench/robots.py [PAIRS] [SEED]

Prints how many mails and acknowledgements there were, and the most to one address in a day, which must not pass two.
Some 0.15 s a pair on one core.
"""

import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.acknowledge.desk import Desk
from tests.acknowledge.robots import any_robot, converse


def main(pairs: int, seed: int) -> int:
    dice = random.Random(seed)
    begun = time.monotonic()
    theirs = ours = 0
    most: Counter[int] = Counter()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        for number in range(pairs):
            place = Path(folder) / str(number)
            desk = Desk(place)
            said = converse(desk, any_robot(dice), days=4, random_=dice, most=20)
            desk.close()
            for one in place.iterdir():
                one.unlink()
            theirs += said.theirs
            ours += len(said.ours)
            most[said.most_in_a_day()] += 1
            if said.most_in_a_day() > 2:
                print(f"pair {number}: {said.robot}")
    print(f"{pairs} pairs, {theirs} mails, {ours} acknowledgements, {time.monotonic() - begun:.0f} s")
    print("most to one address in 24 hours:", ", ".join(f"{count} in {most[count]} pairs" for count in sorted(most)))
    return 1 if max(most) > 2 else 0


if __name__ == "__main__":
    numbers = [int(one) for one in sys.argv[1:]]
    raise SystemExit(main(numbers[0] if numbers else 10_000, numbers[1] if len(numbers) > 1 else 7))
