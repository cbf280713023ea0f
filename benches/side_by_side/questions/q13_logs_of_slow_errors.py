"""Logs of the slow traces that failed."""

from ..question import Question

QUESTION = Question(
    title="logs of slow error traces",
    about="The log lines of the slowest failing traces.",
    sql={},
    keys=(),
    missing="Spanlake stores no logs yet.",
)
