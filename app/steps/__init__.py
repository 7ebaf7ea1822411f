"""The verbs that handlers may use, and the two types they see."""

from app.cases import Case
from app.steps.issue import Steps

__all__ = ["Case", "Steps"]
