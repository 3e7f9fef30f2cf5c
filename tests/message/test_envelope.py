"""Addresses in the one form in which they are compared."""

import pytest

from router.facts import Site
from router.message.envelope import folded
from router.message.subject import without_prefixes


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("Help@Desk.Example", "help@desk.example"),
        ("help+urgent@desk.example.", "help@desk.example"),
        ('"help"@desk.example', "help@desk.example"),
        ("допомога@Пошта.укр", "допомога@xn--80a1acn3a.xn--j1amh"),
        ("help@XN--80A1ACN3A.xn--j1amh", "help@xn--80a1acn3a.xn--j1amh"),
        ("help@по шта.укр", "help@по шта.укр"),
        ("Postmaster", "postmaster"),
    ],
)
def test_addresses_are_compared_folded(address, expected):
    assert folded(address) == expected


def test_a_queue_in_letters_is_found_by_its_a_label():
    """The rules file has letters, the MTA says RCPT in A-labels, or the other way round."""
    site = Site("X-Desk-", {folded("help@пошта.укр"): "help"})
    assert site.queue_of("help@xn--80a1acn3a.xn--j1amh") == site.queue_of("HELP@Пошта.УКР") == "help"


@pytest.mark.parametrize(
    ("subject", "bare", "prefixes"),
    [
        ("Re[2]: FW: Отв: сайт", "сайт", ("reply", "forward", "reply")),
        ("Rép : a", "a", ("reply",)),
        ("Ref: a", "a", ("reply",)),
        ("Regarding: a", "Regarding: a", ()),
        ("", "", ()),
    ],
)
def test_prefixes_of_a_subject(subject, bare, prefixes):
    assert without_prefixes(subject) == (bare, prefixes)
