"""How long a wish may take: profiles as data, the working calendar, the case's own clock, its extension.

No number here is legal advice: each carries its source and the date by which a person must look at it again.
"""

from app.clocks.terms import Clock, of

__all__ = ["Clock", "of"]
