"""Who may do what: typed rules, deny by default. Every write carries the decision that allowed it."""

from .conditions import Condition
from .decision import Decision, Question
from .explaining import Reasons, Weighed, explain
from .policy import UNREADABLE, Policy
from .rule import Demand, Rate, Rule
from .when import When
from .windows import Windows

__all__ = [
    "UNREADABLE",
    "Condition",
    "Decision",
    "Demand",
    "Policy",
    "Question",
    "Rate",
    "Reasons",
    "Rule",
    "Weighed",
    "When",
    "Windows",
    "explain",
]
