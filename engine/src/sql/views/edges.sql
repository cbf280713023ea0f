-- One row per call from one service to another, or to a database or peer that has no spans of its own. A call is
-- a client with the server that it reached (`connection_type` is empty) or a producer with its consumer
-- (`messaging_system`), and then the row is that of the callee. A client without a server is a call to the database
-- or the peer that it names (`database`, `virtual_node`); a server that is a root was called by the peer that it
-- names, else by `user`. Where spans do not say of what kind they are, a span whose parent is in another service is
-- a call (`structural`). A call failed if either side says so.
SELECT
    trace_id,
    span_id,
    start_time,
    client_service,
    server_service,
    connection_type,
    span_name,
    is_failed,
    duration_ns,
    sample_weight
FROM (
    SELECT
        trace_id,
        span_id,
        start_time,
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
        span_name,
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
        WHERE NOT is_duplicate AND NOT (is_paired AND span_kind IN ('client', 'producer'))
    )
)
WHERE connection_type IS NOT NULL AND client_service IS NOT NULL AND server_service IS NOT NULL
