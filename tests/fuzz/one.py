"""One target under atheris: `python -m tests.fuzz.one TARGET [libFuzzer's options and folders]`.

Runs in `.venv-fuzz`, with the packages of `.venv` beside it; `tests.fuzz.long` starts it.
"""

import sys
import warnings

import atheris

warnings.simplefilter("ignore")
with atheris.instrument_imports(include=["router"]):
    from router.message import read as reading
    from tests.fuzz.targets import TARGETS


def main() -> None:
    target = TARGETS[sys.argv.pop(1)]
    reading.warm()
    atheris.Setup(sys.argv, target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
