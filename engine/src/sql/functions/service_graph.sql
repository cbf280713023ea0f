-- Who calls whom: one row for each caller, callee and kind of connection, with calls, errors and durations. A
-- call is a client with the server that it reached (`connection_type` is empty) or a producer with its consumer
-- (`messaging_system`). A client without a server is a call to the database or the peer that it names
-- (`database`, `virtual_node`), and a server that is a root was called by `user`, or the peer that it names.
-- Where spans do not say what kind they are, a span whose parent is in another service is a call
-- (`structural`). A call failed if either side says so; durations are those of the callee if it is there.
--
-- since INTERVAL = INTERVAL '1 hour': How far to look back.
-- service TEXT = NULL: Only calls from or to this service.
--
-- example: SELECT client_service, server_service, connection_type, calls, errors, p99_ns FROM service_graph()
WITH calls AS (
    SELECT
        CASE
            WHEN span_kind IN ('client', 'producer') AND NOT is_paired THEN service_name
            WHEN is_root THEN coalesce(peer_service, 'user')
            ELSE parent_service_name
        END AS client_service,
        CASE
            WHEN span_kind IN ('client', 'producer') AND NOT is_paired
                AND (parent_service_name = service_name OR parent_service_name IS NULL OR peer IS NOT NULL) THEN peer
            ELSE service_name
        END AS server_service,
        CASE
            WHEN is_paired AND span_kind = 'server' THEN ''
            WHEN is_paired AND span_kind = 'consumer' THEN 'messaging_system'
            WHEN span_kind = 'client' AND NOT is_paired AND coalesce(db_namespace, db_system) IS NOT NULL THEN 'database'
            WHEN span_kind IN ('client', 'producer') AND NOT is_paired AND peer IS NOT NULL THEN 'virtual_node'
            WHEN span_kind IN ('server', 'consumer') AND is_root THEN 'virtual_node'
            WHEN NOT is_paired AND parent_service_name <> service_name THEN 'structural'
        END AS connection_type,
        status_code = 'error' OR (is_paired AND is_parent_failed) AS is_failed,
        duration_ns,
        sample_weight
    FROM (
        SELECT
            *,
            coalesce(
                peer_service, server_address,
                network_peer_address || coalesce(':' || CAST(network_peer_port AS TEXT), ''),
                db_namespace, db_system
            ) AS peer
        FROM spans
        WHERE start_time >= $from AND start_time < $to AND NOT is_duplicate
            AND NOT (is_paired AND span_kind IN ('client', 'producer'))
    ) AS sides
)
SELECT
    client_service,
    server_service,
    connection_type,
    sum(sample_weight) AS calls,
    coalesce(sum(sample_weight) FILTER (WHERE is_failed), 0) AS errors,
    coalesce(sum(sample_weight) FILTER (WHERE is_failed), 0) / sum(sample_weight) AS error_rate,
    p50(duration_ns) AS p50_ns,
    p95(duration_ns) AS p95_ns,
    p99(duration_ns) AS p99_ns,
    sketch(duration_ns) AS duration
FROM calls
WHERE connection_type IS NOT NULL AND client_service IS NOT NULL AND server_service IS NOT NULL
    AND ($service IS NULL OR client_service = $service OR server_service = $service)
GROUP BY client_service, server_service, connection_type
ORDER BY calls DESC, client_service, server_service, connection_type
