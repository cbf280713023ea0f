"""Spanlake beside DuckDB, ClickHouse and plain DataFusion: one data set, one list of questions, one run."""
