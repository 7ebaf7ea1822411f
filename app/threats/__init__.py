"""Finds Regulatory Complaint Threats in what a customer wrote: `find(own_words(text))` (SOP 000, Notes)."""

from app.threats.finder import Evidence, Span, find
from app.threats.quoted import own, own_words

__all__ = ["Evidence", "Span", "find", "own", "own_words"]
