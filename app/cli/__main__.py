"""`python -m app.cli`: the same as `desk`."""

from app.cli import main

main()
