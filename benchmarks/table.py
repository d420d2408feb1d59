"""Figures, and the table they make."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measurement held against its floor and its goal.

    Attributes:
        what: what was measured, with its size.
        measured: the median, with its unit.
        floor: what it is held against, measured in the same run, with its unit.
        result: the number that the goal is about, as text.
        goal: the goal as text.
        met: whether the result keeps the goal.
    """

    what: str
    measured: str
    floor: str
    result: str
    goal: str
    met: bool


def render(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table."""
    rows = [("what", "measured", "floor", "result", "goal", "met")]
    rows += [(f.what, f.measured, f.floor, f.result, f.goal, "yes" if f.met else "**no**") for f in figures]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "| --- " * len(rows[0]) + "|", *lines[1:]])
