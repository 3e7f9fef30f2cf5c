"""What a worker would load with its first odd mail, loaded before the fork: 0.5 s once, in pages that all share."""

from router.identity import alignment, authentication_results
from router.message import addresses, read


def warm() -> None:
    read.warm()
    addresses.warm()
    alignment.warm()
    authentication_results.warm()
