"""What a question costs before it does anything."""

from ..question import Question

QUESTION = Question(
    title="fixed cost",
    about="SELECT 1: parsing, planning, transport.",
    sql={name: "SELECT 1 AS one" for name in ("spanlake", "duckdb", "clickhouse", "datafusion")},
    keys=("one",),
    counts=False,
)
