-- Spans of whole traces that were assembled: their tree columns are stored.
SELECT
    {{span_columns}}
FROM storage.assembled
