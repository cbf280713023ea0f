-- The service level objectives that this engine watches, with the line of the file that declares each; those that
-- cannot be watched have a `problem`, and say in which line.
--
-- example: SELECT slo, objective, window_minutes, problem FROM slos()
SELECT
    slo, service, description, objective, budget, window_minutes, budgeting, file, line,
    CAST(NULL AS TEXT) AS problem
FROM {{slos}} AS slos
UNION ALL
SELECT
    slo, CAST(NULL AS TEXT) AS service, CAST(NULL AS TEXT) AS description, CAST(NULL AS DOUBLE) AS objective,
    CAST(NULL AS DOUBLE) AS budget, CAST(NULL AS BIGINT) AS window_minutes, CAST(NULL AS TEXT) AS budgeting,
    file, line, reason AS problem
FROM {{slo_problems}} AS problems
