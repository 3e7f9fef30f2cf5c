"""`python -m router.cli`: the command without its entry point."""

from router.cli import main

main()
