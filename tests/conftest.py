"""A skip tells a user what is missing; in CI everything is there, so a skip is a failure.

What mypy takes for frozen is frozen here."""

import os

import pytest

os.environ["MAILROUTER_FROZEN"] = "1"  # before anything of the house is imported: see router/frozen.py


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where nothing may be missing: {report.longrepr}"


def pytest_addoption(parser):
    parser.addoption("--rewrite", action="store_true", help="write expected results anew; review the diff")
