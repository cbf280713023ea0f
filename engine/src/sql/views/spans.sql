-- One row per span.
SELECT * FROM storage.assembled_spans
UNION ALL
SELECT * FROM storage.fresh_spans
