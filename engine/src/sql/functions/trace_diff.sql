-- Where two traces part: their trees side by side. Spans are aligned from the root down by service, name and kind,
-- repeated ones by their order, and a row says how a pair differs: `only in a`, `only in b`, `fails in a`,
-- `fails in b`, `fails differently` (another `error_type`), `slower in a` or `slower in b` (twice the self time, and
-- by a twentieth of the longer root). A failure that a child passed on is no difference. `is_first` marks the first
-- divergence: that which begins earliest after its root, not below a span that only one trace has. `other_values`
-- says what else is not the same. The same trace twice has no rows, nor has a trace that is not there.
--
-- a TEXT: The id of a trace, such as one that failed.
-- b TEXT: The id of another, such as one that did not.
-- all BOOLEAN = false: Whether spans without a difference are rows, too (`same`).
--
-- example: SELECT service_name, span_name, difference, is_first FROM
--   trace_diff('4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7a3ce929d0e0e4736')
WITH picked AS (
    SELECT
        trace_id, span_id, parent_span_id, service_name, span_name, span_kind, start_time, duration_ns, self_time_ns,
        status_code, error_type, service_version, http_response_status_code, server_address, db_query_text,
        depth, nested_left, nested_right,
        -- What only passes on the error of a child is no difference of its own.
        status_code = 'error' AND coalesce(error_origin, false) AS is_origin,
        row_number() OVER (
            PARTITION BY trace_id, parent_span_id, service_name, span_name, span_kind ORDER BY start_time, span_id
        ) AS repetition,
        max(CASE WHEN is_primary_root THEN start_time END) OVER (PARTITION BY trace_id) AS root_start,
        max(CASE WHEN is_primary_root THEN duration_ns END) OVER () AS longest_root_ns
    FROM spans
    WHERE trace_id IN ($a, $b) AND NOT is_duplicate
), steps AS (
    SELECT
        trace_id, nested_left, nested_right,
        -- Lengths keep names with separators in them apart.
        concat_ws(':', length(service_name), service_name, length(span_name), span_name, span_kind, repetition) AS step
    FROM picked
), placed AS (
    SELECT
        span.trace_id, span.nested_left,
        array_to_string(array_agg(step ORDER BY steps.nested_left), '/') AS path,
        array_to_string(
            array_agg(step ORDER BY steps.nested_left) FILTER (WHERE steps.nested_left < span.nested_left), '/'
        ) AS parent_path
    FROM picked AS span
    JOIN steps ON steps.trace_id = span.trace_id
        AND steps.nested_left <= span.nested_left AND steps.nested_right >= span.nested_right
    GROUP BY span.trace_id, span.nested_left
), aligned AS (
    SELECT
        placed.path,
        max(parent_path) AS parent_path,
        max(depth) AS depth,
        max(service_name) AS service_name, max(span_name) AS span_name, max(span_kind) AS span_kind,
        max(longest_root_ns) AS longest_root_ns,
        max(span_id) FILTER (WHERE picked.trace_id = $a) AS span_id_a,
        max(span_id) FILTER (WHERE picked.trace_id = $b) AS span_id_b,
        max(start_time) FILTER (WHERE picked.trace_id = $a) AS start_a,
        max(start_time) FILTER (WHERE picked.trace_id = $b) AS start_b,
        max(root_start) FILTER (WHERE picked.trace_id = $a) AS root_start_a,
        max(root_start) FILTER (WHERE picked.trace_id = $b) AS root_start_b,
        max(duration_ns) FILTER (WHERE picked.trace_id = $a) AS duration_a,
        max(duration_ns) FILTER (WHERE picked.trace_id = $b) AS duration_b,
        max(self_time_ns) FILTER (WHERE picked.trace_id = $a) AS self_time_a,
        max(self_time_ns) FILTER (WHERE picked.trace_id = $b) AS self_time_b,
        max(status_code) FILTER (WHERE picked.trace_id = $a) AS status_a,
        max(status_code) FILTER (WHERE picked.trace_id = $b) AS status_b,
        max(error_type) FILTER (WHERE picked.trace_id = $a) AS error_type_a,
        max(error_type) FILTER (WHERE picked.trace_id = $b) AS error_type_b,
        bool_or(is_origin) FILTER (WHERE picked.trace_id = $a) AS is_origin_a,
        bool_or(is_origin) FILTER (WHERE picked.trace_id = $b) AS is_origin_b,
        max(service_version) FILTER (WHERE picked.trace_id = $a) AS version_a,
        max(service_version) FILTER (WHERE picked.trace_id = $b) AS version_b,
        max(http_response_status_code) FILTER (WHERE picked.trace_id = $a) AS http_status_a,
        max(http_response_status_code) FILTER (WHERE picked.trace_id = $b) AS http_status_b,
        max(server_address) FILTER (WHERE picked.trace_id = $a) AS server_a,
        max(server_address) FILTER (WHERE picked.trace_id = $b) AS server_b,
        max(db_query_text) FILTER (WHERE picked.trace_id = $a) AS query_a,
        max(db_query_text) FILTER (WHERE picked.trace_id = $b) AS query_b
    FROM picked
    JOIN placed ON placed.trace_id = picked.trace_id AND placed.nested_left = picked.nested_left
    GROUP BY placed.path
), judged AS (
    SELECT
        *,
        arrow_cast(start_a, 'Int64') - arrow_cast(root_start_a, 'Int64') AS offset_a_ns,
        arrow_cast(start_b, 'Int64') - arrow_cast(root_start_b, 'Int64') AS offset_b_ns,
        CASE
            WHEN span_id_b IS NULL THEN 'only in a'
            WHEN span_id_a IS NULL THEN 'only in b'
            WHEN is_origin_a AND status_b <> 'error' THEN 'fails in a'
            WHEN is_origin_b AND status_a <> 'error' THEN 'fails in b'
            WHEN is_origin_a AND is_origin_b AND error_type_a IS DISTINCT FROM error_type_b THEN 'fails differently'
            WHEN self_time_b >= 2 * self_time_a AND 20 * (self_time_b - self_time_a) >= longest_root_ns
                THEN 'slower in b'
            WHEN self_time_a >= 2 * self_time_b AND 20 * (self_time_a - self_time_b) >= longest_root_ns
                THEN 'slower in a'
            ELSE 'same'
        END AS difference,
        count(span_id_a) OVER () > 0 AND count(span_id_b) OVER () > 0 AS are_both_there
    FROM aligned
), nested AS (
    SELECT
        judged.*,
        coalesce(above.difference LIKE 'only in %', false) AS is_below_another
    FROM judged
    LEFT JOIN judged AS above ON above.path = judged.parent_path
)
SELECT
    row_number() OVER (ORDER BY coalesce(least(offset_a_ns, offset_b_ns), 0), depth, path) AS rank,
    service_name, span_name, span_kind, depth, difference,
    difference <> 'same' AND row_number() OVER (
        ORDER BY difference <> 'same' AND NOT is_below_another DESC, least(offset_a_ns, offset_b_ns), depth, path
    ) = 1 AS is_first,
    offset_a_ns, offset_b_ns, duration_a AS duration_a_ns, duration_b AS duration_b_ns,
    self_time_a AS self_time_a_ns, self_time_b AS self_time_b_ns, status_a, status_b, error_type_a, error_type_b,
    nullif(array_to_string(make_array(
        CASE WHEN version_a <> version_b THEN 'service.version ' || version_a || ' and ' || version_b END,
        CASE WHEN server_a <> server_b THEN 'server.address ' || server_a || ' and ' || server_b END,
        CASE
            WHEN http_status_a <> http_status_b
            THEN concat('http.response.status_code ', http_status_a, ' and ', http_status_b)
        END,
        CASE WHEN query_a <> query_b THEN 'db.query.text ' || query_a || ' and ' || query_b END
    ), '; '), '') AS other_values,
    span_id_a, span_id_b
FROM nested
WHERE are_both_there AND ($all OR difference <> 'same')
ORDER BY rank
