"""The consent ledger: who may be reached with offers, through which channel, and since when we know."""
