"""Who may do what: viewer < operator < officer, each holding what the ones before hold (docs/adr/0006-admin.md)."""

from __future__ import annotations

# viewer looks; operator replays, settles, pauses; officer (privacy officer) also unmasks, exports and erases.
ROLES = ("viewer", "operator", "officer")


def allows(role: str, needed: str) -> bool:
    """Whether `role` holds what `needed` asks for; a role that is none of ours holds nothing."""
    return role in ROLES and ROLES.index(role) >= ROLES.index(needed)
