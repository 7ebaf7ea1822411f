"""The effect ledger: every outward effect once, provable, whatever dies in between (docs/adr)."""
