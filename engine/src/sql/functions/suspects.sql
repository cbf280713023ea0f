-- Which service is to blame for bad traces: one row for each service that is not as it was, the likeliest first, with
-- the operation in which it shows most. Bad traces are compared with good ones of the same root operations in what
-- each service does by itself: the self time of its spans, the gaps between a call and its execution, the calls that
-- it makes for each request, and the errors that begin in it. What a service does because of another (it waits, fails
-- or stops after a call that went wrong) is the other's. A difference counts by how sure it is (against the noise
-- between ten parts of the good time), how large it is, and how much of the request it concerns. Ochiai is that of
-- traces in which it shows, counted by spans.
--
-- bad PREDICATE: Which traces are bad: a condition on the columns of `traces`.
-- good PREDICATE = 'is_before': Which traces are good. `is_before` is true for those just before the first bad one,
--     for twice as long as the bad ones lasted and an hour at least.
-- since INTERVAL = NULL: How far to look back for bad traces. Without it, and without `from`, all times count, and
--     `to` does not.
--
-- example: SELECT rank, service_name, span_name, reason FROM suspects('start_time >= now() - INTERVAL ''30 minutes''')
WITH bounds AS (
    SELECT
        min(start_time) AS first_bad,
        max(start_time) AS last_bad,
        -- A quiet period twice as long as the bad one, and an hour at least: noise is measured in it.
        arrow_cast(arrow_cast(min(start_time), 'Int64') - greatest(
            2 * (arrow_cast(max(start_time), 'Int64') - arrow_cast(min(start_time), 'Int64')), 3600000000000
        ), 'Timestamp(Nanosecond, Some("UTC"))') AS quiet_from
    FROM traces
    WHERE $bad AND ($from IS NULL OR (start_time >= $from AND start_time < $to))
), quiet AS (
    -- If next to nothing precedes the first bad trace, the traces between the bad ones have to do.
    SELECT
        CASE WHEN count(*) >= 20 THEN (SELECT first_bad FROM bounds) ELSE (SELECT last_bad FROM bounds) END
            AS quiet_to
    FROM traces
    WHERE start_time >= (SELECT quiet_from FROM bounds) AND start_time < (SELECT first_bad FROM bounds)
), marked AS (
    SELECT *, CASE WHEN $bad AND is_within THEN true ELSE false END AS is_bad
    FROM (
        SELECT
            *,
            start_time >= (SELECT quiet_from FROM bounds) AND start_time < (SELECT quiet_to FROM quiet) AS is_before,
            $from IS NULL OR (start_time >= $from AND start_time < $to) AS is_within
        FROM traces
    ) AS all_traces
    WHERE ($bad AND is_within) OR $good
), picked AS (
    -- More than 20,000 traces of a kind tell nothing new: of more, some are picked, and each counts for several.
    SELECT
        trace_id, root_service_name, root_span_name, root_duration_ns, start_time, end_time, is_bad,
        sample_weight * greatest(1, alike / 20000.0) AS sample_weight
    FROM (
        SELECT
            *,
            count(*) OVER (PARTITION BY is_bad) AS alike,
            row_number() OVER (PARTITION BY is_bad ORDER BY md5(trace_id)) AS pick
        FROM marked
    ) AS numbered
    WHERE pick <= 20000
), grouped AS (
    SELECT
        *,
        count(CASE WHEN NOT is_bad THEN 1 END) OVER same_root AS good_of_root
    FROM picked
    WINDOW same_root AS (PARTITION BY root_service_name, root_span_name)
), compared AS (
    -- Like is compared with like: traces of one root operation. Rare ones are one group.
    SELECT
        trace_id, start_time, end_time, is_bad, root_duration_ns,
        CASE WHEN good_of_root >= 20 THEN root_service_name ELSE '' END AS root_service,
        CASE WHEN good_of_root >= 20 THEN root_span_name ELSE '' END AS root_span,
        sample_weight / avg(sample_weight) OVER () AS weight,
        avg(sample_weight) OVER () AS mean_weight,
        CASE WHEN is_bad THEN -1 ELSE ntile(10) OVER (PARTITION BY is_bad ORDER BY start_time) END AS block
    FROM grouped
), chosen AS (
    SELECT
        trace_id, start_time, end_time, is_bad, root_service, root_span, weight, block, mean_weight,
        sum(CASE WHEN is_bad THEN weight ELSE 0 END) OVER () AS all_bad,
        sum(CASE WHEN is_bad THEN 0 ELSE weight END) OVER () AS all_good,
        sum(CASE WHEN is_bad THEN weight ELSE 0 END) OVER same_root AS bad_traces,
        sum(CASE WHEN is_bad THEN 0 ELSE weight END) OVER same_root AS good_traces,
        exp(coalesce(
            avg(CASE WHEN NOT is_bad THEN ln(greatest(root_duration_ns, 1)) END) OVER same_root,
            avg(ln(greatest(root_duration_ns, 1))) OVER same_root
        )) AS good_root_ns,
        exp(avg(CASE WHEN is_bad THEN ln(greatest(root_duration_ns, 1)) END) OVER same_root) AS bad_root_ns
    FROM compared
    WINDOW same_root AS (PARTITION BY root_service, root_span)
), seen AS (
    SELECT
        chosen.root_service, chosen.root_span, chosen.block, chosen.weight, chosen.is_bad,
        chosen.bad_traces, chosen.good_traces, chosen.good_root_ns, chosen.bad_root_ns,
        chosen.all_bad, chosen.all_good, chosen.mean_weight,
        spans.trace_id, spans.span_id, spans.parent_span_id, spans.service_name, spans.span_name,
        spans.span_kind, spans.parent_service_name, spans.parent_span_name, spans.is_paired, spans.error_origin,
        spans.status_code, spans.self_time_ns, spans.duration_ns, spans.start_time, spans.end_time, spans.depth,
        spans.child_count
    FROM spans
    JOIN chosen ON chosen.trace_id = spans.trace_id
    WHERE NOT spans.is_duplicate
        AND spans.start_time >= (SELECT min(start_time) FROM marked)
        AND spans.start_time <= (SELECT max(end_time) FROM marked)
), own AS (
    SELECT
        root_service, root_span, block, service_name, span_name, parent_service_name, parent_span_name,
        is_paired AND span_kind IN ('client', 'producer') AS is_call,
        is_paired AND span_kind IN ('server', 'consumer') AS is_answer,
        floor(4 * ln(self_time_ns + 0.001 * good_root_ns)) AS bucket,
        sum(weight) AS spans,
        sum(weight * ln(self_time_ns + 0.001 * good_root_ns)) AS log_sum,
        sum(weight * pow(ln(self_time_ns + 0.001 * good_root_ns), 2)) AS log_squares,
        sum(CASE WHEN error_origin THEN weight ELSE 0 END) AS origins,
        sum(CASE WHEN status_code = 'error' THEN weight ELSE 0 END) AS failed,
        sum(weight * duration_ns) AS duration_sum,
        sum(weight * depth) AS depth_sum,
        max(all_bad) AS all_bad, max(all_good) AS all_good, max(mean_weight) AS mean_weight,
        max(bad_traces) AS bad_traces, max(good_traces) AS good_traces,
        max(good_root_ns) AS good_root_ns, max(bad_root_ns) AS bad_root_ns,
        max(CASE WHEN is_bad THEN trace_id END) AS example,
        min(CASE WHEN is_bad THEN lpad(CAST(child_count AS VARCHAR), 6, '0') || trace_id END) AS example_of_few
    FROM seen
    GROUP BY root_service, root_span, block, service_name, span_name, parent_service_name, parent_span_name,
        is_call, is_answer, bucket
), remote AS (
    SELECT *
    FROM seen
    WHERE parent_service_name <> service_name
), beside AS (
    -- What the caller waited for last before a call that has no span of its own: the end of another child.
    SELECT trace_id, span_id, earlier_end
    FROM (
        SELECT
            trace_id, span_id, is_end,
            max(CASE WHEN is_end AND duration_ns > 0 THEN at END) OVER (
                PARTITION BY trace_id, parent_span_id ORDER BY at, is_end DESC, span_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS earlier_end
        FROM (
            SELECT
                trace_id, parent_span_id, span_id, duration_ns, is_end,
                CASE WHEN is_end THEN end_time ELSE start_time END AS at
            FROM seen
            CROSS JOIN (VALUES (true), (false)) AS ends (is_end)
            WHERE parent_span_id IN (SELECT parent_span_id FROM remote WHERE NOT is_paired)
        ) AS moments
    ) AS family
    WHERE NOT is_end
), gaps AS (
    SELECT
        remote.root_service, remote.root_span, remote.block, remote.weight, remote.is_bad,
        remote.bad_traces, remote.good_traces, remote.good_root_ns, remote.bad_root_ns,
        remote.all_bad, remote.all_good, remote.mean_weight,
        remote.trace_id, remote.service_name, remote.span_name,
        parent.service_name AS caller_service, parent.span_name AS caller_span, remote.is_paired, remote.depth,
        CASE
            WHEN remote.is_paired THEN parent.self_time_ns
            ELSE greatest(arrow_cast(least(remote.start_time, parent.end_time), 'Int64')
                - arrow_cast(greatest(parent.start_time, coalesce(beside.earlier_end, parent.start_time)), 'Int64'), 0)
        END AS gap_ns
    FROM remote
    JOIN seen AS parent ON parent.trace_id = remote.trace_id AND parent.span_id = remote.parent_span_id
    LEFT JOIN beside ON beside.trace_id = remote.trace_id AND beside.span_id = remote.span_id
), histogram AS (
    SELECT
        role AS part, root_service, root_span, block,
        CASE WHEN role = 'callers' THEN '' ELSE service_name END AS service_name,
        CASE WHEN role = 'callers' THEN '' ELSE span_name END AS span_name,
        CASE role WHEN 'calls' THEN parent_service_name WHEN 'callers' THEN service_name ELSE '' END AS caller_service,
        CASE role WHEN 'calls' THEN parent_span_name WHEN 'callers' THEN span_name ELSE '' END AS caller_span,
        CASE WHEN role = 'self' THEN bucket ELSE 0 END AS bucket,
        role = 'calls' AND is_answer AS is_answer,
        spans, log_sum, log_squares,
        CASE role WHEN 'errors' THEN origins WHEN 'calls' THEN failed ELSE 0 END AS marked_spans,
        duration_sum, depth_sum, all_bad, all_good, mean_weight, bad_traces, good_traces, good_root_ns, bad_root_ns,
        CASE WHEN role = 'callers' THEN substr(example_of_few, 7) ELSE example END AS example
    FROM own
    CROSS JOIN (VALUES ('self'), ('calls'), ('callers'), ('errors')) AS roles (role)
    WHERE (role <> 'self' OR NOT is_call) AND (role <> 'calls' OR parent_service_name IS NOT NULL)
    UNION ALL
    SELECT
        'gap', root_service, root_span, block, service_name, span_name, caller_service, caller_span,
        floor(4 * ln(gap_ns + 0.001 * good_root_ns)), is_paired,
        sum(weight),
        sum(weight * ln(gap_ns + 0.001 * good_root_ns)),
        sum(weight * pow(ln(gap_ns + 0.001 * good_root_ns), 2)),
        0, sum(weight * gap_ns), sum(weight * (depth - 1)),
        max(all_bad), max(all_good), max(mean_weight),
        max(bad_traces), max(good_traces), max(good_root_ns), max(bad_root_ns),
        max(CASE WHEN is_bad THEN trace_id END)
    FROM gaps
    GROUP BY root_service, root_span, block, service_name, span_name, caller_service, caller_span,
        floor(4 * ln(gap_ns + 0.001 * good_root_ns)), is_paired
), cut AS (
    SELECT
        *,
        sum(CASE WHEN block >= 0 THEN spans ELSE 0 END) OVER (
            PARTITION BY part, root_service, root_span, service_name, span_name, caller_service, caller_span
            ORDER BY bucket DESC
        ) AS good_above,
        sum(CASE WHEN block >= 0 THEN spans ELSE 0 END) OVER (
            PARTITION BY part, root_service, root_span, service_name, span_name, caller_service, caller_span
        ) AS good_spans
    FROM histogram
), by_block AS (
    -- A span is marked if it took longer than 99 of 100 did, or failed.
    SELECT
        part, root_service, root_span, service_name, span_name, caller_service, caller_span, block,
        CASE WHEN part IN ('self', 'gap') THEN true ELSE false END AS is_time,
        CASE WHEN bool_or(is_answer) THEN true ELSE false END AS is_answer,
        sum(spans) AS spans, sum(log_sum) AS log_sum, sum(log_squares) AS log_squares,
        sum(CASE
            WHEN part NOT IN ('self', 'gap') THEN marked_spans WHEN good_above <= 0.01 * good_spans THEN spans ELSE 0
        END) AS marked_spans,
        sum(CASE WHEN part IN ('self', 'gap') AND good_above <= 0.01 * good_spans THEN log_sum ELSE 0 END)
            AS marked_log_sum,
        sum(duration_sum) AS duration_sum, sum(depth_sum) AS depth_sum,
        max(all_bad) AS all_bad, max(all_good) AS all_good, max(mean_weight) AS mean_weight,
        max(bad_traces) AS bad_traces, max(good_traces) AS good_traces,
        max(good_root_ns) AS good_root_ns, max(bad_root_ns) AS bad_root_ns,
        first_value(example ORDER BY bucket DESC) FILTER (WHERE example IS NOT NULL) AS example
    FROM cut
    GROUP BY part, root_service, root_span, service_name, span_name, caller_service, caller_span, block
), with_callers AS (
    SELECT
        *,
        sum(CASE WHEN part = 'callers' THEN spans END) OVER (
            PARTITION BY root_service, root_span, caller_service, caller_span, block
        ) AS callers,
        sum(CASE WHEN part = 'callers' AND block < 0 THEN spans ELSE 0 END) OVER same_caller AS bad_callers,
        sum(CASE WHEN part = 'callers' AND block >= 0 THEN spans ELSE 0 END) OVER same_caller AS good_callers,
        sum(CASE WHEN part = 'callers' AND block >= 0 THEN spans * spans ELSE 0 END) OVER same_caller
            AS good_callers_squared,
        count(CASE WHEN part = 'callers' AND block >= 0 THEN 1 END) OVER same_caller AS caller_blocks,
        sum(CASE WHEN part = 'callers' AND block < 0 THEN depth_sum END) OVER same_caller AS caller_depth_sum,
        max(CASE WHEN part = 'callers' AND block < 0 THEN example END) OVER same_caller AS caller_example
    FROM by_block
    WINDOW same_caller AS (PARTITION BY root_service, root_span, caller_service, caller_span)
), by_root AS (
    SELECT
        part, root_service, root_span, service_name, span_name, caller_service, caller_span,
        bool_or(is_time) AS is_time, bool_or(is_answer) AS is_answer,
        sum(CASE WHEN block < 0 THEN spans ELSE 0 END) AS bad_spans,
        sum(CASE WHEN block >= 0 THEN spans ELSE 0 END) AS good_spans,
        sum(CASE WHEN block >= 0 THEN spans * spans ELSE 0 END) AS good_spans_squared,
        sum(CASE WHEN block < 0 THEN log_sum ELSE 0 END) AS bad_log_sum,
        sum(CASE WHEN block >= 0 THEN log_sum ELSE 0 END) AS good_log_sum,
        sum(CASE WHEN block >= 0 THEN log_squares ELSE 0 END) AS good_log_squares,
        sum(CASE WHEN block >= 0 THEN log_sum * log_sum / spans ELSE 0 END) AS good_block_squares,
        sum(CASE WHEN block < 0 THEN marked_spans ELSE 0 END) AS bad_marked,
        sum(CASE WHEN block < 0 THEN marked_log_sum ELSE 0 END) AS bad_marked_log_sum,
        sum(CASE WHEN block >= 0 THEN marked_spans ELSE 0 END) AS good_marked,
        sum(CASE WHEN block >= 0 THEN marked_spans * marked_spans ELSE 0 END) AS good_marked_squared,
        sum(CASE WHEN block >= 0 THEN marked_spans * spans ELSE 0 END) AS good_marked_by_spans,
        sum(CASE WHEN block >= 0 THEN spans * callers ELSE 0 END) AS good_spans_by_callers,
        count(CASE WHEN block >= 0 THEN 1 END) AS blocks,
        sum(CASE WHEN block < 0 THEN duration_sum ELSE 0 END) AS bad_duration_sum,
        sum(CASE WHEN block >= 0 THEN duration_sum ELSE 0 END) AS good_duration_sum,
        sum(CASE WHEN block < 0 THEN depth_sum ELSE 0 END) AS bad_depth_sum,
        max(bad_callers) AS bad_callers, max(good_callers) AS good_callers,
        max(good_callers_squared) AS good_callers_squared, max(caller_blocks) AS caller_blocks,
        max(caller_depth_sum) AS caller_depth_sum,
        max(all_bad) AS all_bad, max(all_good) AS all_good, max(mean_weight) AS mean_weight,
        max(bad_traces) AS bad_traces, max(good_traces) AS good_traces,
        greatest(max(bad_root_ns), max(good_root_ns)) AS root_ns,
        max(CASE WHEN part = 'calls' THEN caller_example ELSE example END) AS example
    FROM with_callers
    GROUP BY part, root_service, root_span, service_name, span_name, caller_service, caller_span
), moments AS (
    SELECT
        *,
        bad_log_sum / nullif(bad_spans, 0) AS bad_log,
        good_log_sum / nullif(good_spans, 0) AS good_log,
        -- Spans of one trace are not independent.
        least(bad_spans, bad_traces) AS bad_size,
        least(good_spans, good_traces) AS good_size,
        greatest(good_log_squares / nullif(good_spans, 0) - pow(good_log_sum / nullif(good_spans, 0), 2), 0.01)
            AS variance,
        (good_marked + CASE WHEN is_time THEN 0.5 ELSE 0 END) / (good_spans + 1) AS good_share,
        good_spans / nullif(good_callers, 0) AS calls_each
    FROM by_root
    WHERE part <> 'callers'
), noise AS (
    -- What varies between ten parts of the good time, beyond what chance explains.
    SELECT
        *,
        CASE WHEN blocks > 1 THEN greatest(0,
            (good_block_squares - good_log_sum * good_log_sum / good_spans - (blocks - 1) * variance)
            / greatest(1, good_spans - good_spans_squared / good_spans)
        ) ELSE 0 END AS drift,
        CASE WHEN blocks > 1 THEN greatest(1,
            (good_marked_squared - 2 * good_share * good_marked_by_spans + good_share * good_share * good_spans_squared)
            / greatest(1e-9, good_share * (1 - good_share) * good_spans) * blocks / (blocks - 1)
        ) ELSE 1 END AS overdispersion,
        greatest(
            -- Counts are whole numbers.
            (calls_each - floor(calls_each)) * (1 - calls_each + floor(calls_each)),
            CASE WHEN caller_blocks > 1 THEN greatest(0,
                (good_spans_squared - 2 * calls_each * good_spans_by_callers
                    + pow(calls_each, 2) * good_callers_squared)
                / good_callers * caller_blocks / (caller_blocks - 1)
            ) ELSE calls_each END
        ) AS calls_variance
    FROM moments
), by_part AS (
    -- Root operations count as often as they are among the bad.
    SELECT
        part, service_name, span_name, caller_service, caller_span,
        bool_or(is_time) AS is_time, bool_or(is_answer) AS is_answer,
        sum(bad_spans) AS bad_spans, sum(good_spans) AS good_spans,
        sum(bad_size) AS bad_size, sum(bad_marked) AS bad_marked, sum(good_marked) AS good_marked,
        max(all_bad) AS all_bad, max(all_good) AS all_good, max(mean_weight) AS mean_weight,
        sum(CASE WHEN good_spans > 0 THEN bad_spans * (bad_log - good_log) END)
            / nullif(sum(CASE WHEN good_spans > 0 THEN bad_spans END), 0) AS log_shift,
        sqrt(sum(CASE WHEN good_spans > 0 AND bad_spans > 0 THEN
            bad_spans * bad_spans * (variance / bad_size + variance / good_size + drift) END))
            / nullif(sum(CASE WHEN good_spans > 0 THEN bad_spans END), 0) AS log_noise,
        sum(CASE WHEN good_spans > 0 OR part = 'errors' THEN bad_marked * bad_size / nullif(bad_spans, 0) END)
            AS marked_seen,
        sum(CASE WHEN good_spans > 0 OR part = 'errors' THEN good_share * bad_size END) AS marked_expected,
        sum(CASE WHEN good_spans > 0 THEN
            overdispersion * good_share * (1 - good_share) * bad_size * (1 + bad_size / good_size) END)
            AS marked_variance,
        sum(CASE WHEN good_spans > 0 THEN bad_marked_log_sum - good_log * bad_marked END)
            / nullif(sum(CASE WHEN good_spans > 0 THEN bad_marked END), 0) AS marked_shift,
        sum(bad_spans * exp(good_log)) / nullif(sum(CASE WHEN good_spans > 0 THEN bad_spans END), 0) AS good_typical_ns,
        sum(bad_spans * exp(bad_log)) / nullif(sum(bad_spans), 0) AS bad_typical_ns,
        sum(bad_spans) / nullif(sum(CASE WHEN bad_spans > 0 THEN bad_size END), 0) AS spans_each,
        sum(greatest(bad_spans, bad_callers) * root_ns) / nullif(sum(greatest(bad_spans, bad_callers)), 0) AS root_ns,
        sum(CASE WHEN good_callers > 0 THEN bad_callers END) AS callers,
        sum(CASE WHEN good_callers > 0 THEN bad_callers * calls_each END) AS calls_expected,
        sum(CASE WHEN good_callers > 0 THEN bad_spans END) AS calls_seen,
        sum(CASE WHEN good_callers > 0 THEN calls_variance * bad_callers * (1 + bad_callers / good_callers) END)
            AS calls_variance,
        sum(CASE WHEN good_callers > 0 AND bad_callers > 0 THEN
            greatest(0, bad_marked - bad_callers * good_marked / good_callers) END) AS failed_more,
        sum(CASE WHEN good_callers > 0 THEN least(bad_callers, bad_traces) END) AS caller_traces,
        coalesce(sum(good_duration_sum) / nullif(sum(good_spans), 0), sum(bad_duration_sum) / nullif(sum(bad_spans), 0))
            AS call_ns,
        CASE WHEN part = 'calls' THEN sum(caller_depth_sum) / nullif(sum(bad_callers), 0)
            ELSE sum(bad_depth_sum) / nullif(sum(bad_spans), 0) END AS depth,
        max(example) AS example
    FROM noise
    GROUP BY part, service_name, span_name, caller_service, caller_span
), shifts AS (
    SELECT
        *,
        CASE WHEN log_noise > 0 THEN log_shift / log_noise END AS mean_z,
        greatest(0, marked_seen - marked_expected - 0.5) / sqrt(coalesce(marked_variance, 0) + 1) AS marked_z,
        greatest(0, (marked_seen - marked_expected) / nullif(bad_size, 0)) AS marked_share,
        CASE
            WHEN calls_seen > calls_expected THEN greatest(0, calls_seen - calls_expected - failed_more)
            ELSE calls_seen - calls_expected
        END AS calls_more
    FROM by_part
), differences AS (
    SELECT
        *,
        -- Nanoseconds of a request: of its typical calls, or of those that are slower than any was.
        spans_each * greatest(
            abs(bad_typical_ns - good_typical_ns),
            tail_share * good_typical_ns * (exp(least(50, greatest(0, marked_shift))) - 1)
        ) AS difference_ns
    FROM (
        SELECT *, CASE WHEN marked_z > 0 AND log_shift > -0.2 THEN marked_share ELSE 0 END AS tail_share
        FROM shifts
    ) AS with_tails
), effects AS (
    SELECT
        *,
        CASE
            WHEN is_time THEN coalesce(log_shift > 0 OR marked_z > abs(mean_z), false)
            WHEN part = 'calls' THEN coalesce(calls_more > 0, false)
            ELSE true
        END AS is_more,
        CASE part
            WHEN 'calls' THEN greatest(0, abs(calls_more) - 0.5) / sqrt(calls_variance + 1)
            WHEN 'errors' THEN marked_z
            ELSE CASE WHEN log_shift > 0 OR marked_z > abs(mean_z) THEN greatest(mean_z, marked_z) ELSE abs(mean_z) END
        END AS z,
        -- How much it changed, of what it was and is: 0 to 1.
        CASE part
            WHEN 'calls' THEN abs(calls_more) / nullif(greatest(calls_expected, calls_seen), 0)
            WHEN 'errors' THEN greatest(0, marked_seen - marked_expected) / nullif(marked_seen, 0)
            ELSE greatest(
                1 - exp(-abs(log_shift)),
                tail_share * (1 - exp(-greatest(0, marked_shift)))
            )
        END AS change,
        -- What that makes for a request: of its time, or of the requests.
        CASE part
            WHEN 'calls' THEN greatest(
                abs(calls_more) * call_ns / greatest(1, caller_traces)
                    / (abs(calls_more) * call_ns / greatest(1, caller_traces) + root_ns),
                least(1, abs(calls_more) / nullif(callers, 0))
            )
            WHEN 'errors' THEN marked_share
            ELSE difference_ns / (difference_ns + root_ns)
        END AS weight_in_trace,
        spans_each * (bad_typical_ns - good_typical_ns) AS excess_ns
    FROM differences
), strengths AS (
    SELECT
        *,
        pow(z, 4) / (pow(z, 4) + 81) AS confidence,
        CASE
            -- With nothing to compare with, who takes the time is the best guess.
            WHEN all_good = 0 AND part = 'self' THEN 0.1 * least(1, spans_each * bad_typical_ns / root_ns)
            ELSE coalesce(pow(z, 4) / (pow(z, 4) + 81) * change * sqrt(weight_in_trace), 0)
        END AS strength
    FROM effects
), located AS (
    SELECT
        *,
        -- The operation that makes the call, waits for it, works or fails.
        CASE WHEN part IN ('calls', 'gap') THEN caller_service ELSE service_name END AS at_service,
        CASE WHEN part IN ('calls', 'gap') THEN caller_span ELSE span_name END AS at_span,
        CASE WHEN part = 'gap' THEN caller_service ELSE service_name END AS call_service,
        CASE WHEN part = 'gap' THEN caller_span ELSE span_name END AS call_span,
        CASE WHEN part = 'calls' THEN coalesce(calls_more * confidence, 0) ELSE 0 END AS calls_changed
    FROM strengths
), replaced AS (
    SELECT
        *,
        CASE
            WHEN part = 'gap' THEN service_name
            WHEN part = 'calls' AND service_name <> caller_service THEN service_name
            WHEN part = 'calls' THEN min(CASE WHEN part = 'gap' THEN service_name END) OVER same_call
        END AS callee,
        sum(greatest(0, -calls_changed)) OVER same_place AS fewer,
        sum(greatest(0, calls_changed)) OVER same_place AS more,
        sum(CASE WHEN is_answer THEN greatest(0, -calls_changed) ELSE 0 END) OVER same_place AS unanswered
    FROM located
    WINDOW same_call AS (PARTITION BY call_service, call_span), same_place AS (PARTITION BY at_service, at_span)
), alone AS (
    SELECT
        *,
        CASE
            -- Calls in place of others are another kind of request, not a fault.
            WHEN part = 'calls' AND is_more THEN strength * (1 - least(1, fewer / greatest(more, 1e-9)))
            WHEN part = 'calls' THEN strength * (1 - least(1, more / greatest(fewer, 1e-9)))
            -- A call that nobody answered is a failure of the callee.
            WHEN part = 'errors'
                THEN strength * (1 - least(1, unanswered / greatest(marked_seen - marked_expected, 1e-9)))
            WHEN part = 'gap' AND NOT is_more THEN 0
            ELSE strength
        END AS own_strength,
        CASE
            WHEN part = 'errors' THEN confidence * greatest(0, marked_seen - marked_expected)
            WHEN part = 'calls' AND NOT is_more AND NOT is_answer THEN confidence * least(callers, -calls_more)
            WHEN part = 'self' AND NOT is_more THEN confidence * change * bad_size
            ELSE 0
        END AS affected,
        CASE
            WHEN part = 'calls' AND is_answer THEN NULL
            WHEN part = 'gap' AND is_more OR part = 'calls' AND NOT is_more THEN confidence * change
            ELSE 0
        END AS raised
    FROM replaced
), paired AS (
    SELECT
        *,
        max(affected) OVER (ORDER BY depth DESC RANGE BETWEEN UNBOUNDED PRECEDING AND 0.5 PRECEDING) AS affected_below,
        CASE WHEN part = 'gap' THEN max(raised) OVER same_pair ELSE min(raised) OVER same_pair END AS pair_raised,
        CAST(count(*) OVER same_pair AS DOUBLE) AS pair_rows
    FROM alone
    WINDOW same_pair AS (PARTITION BY part, caller_service, callee)
), shared AS (
    -- What else the caller calls, and who else calls the callee: are they as bad?
    SELECT
        *,
        (sum(pair_raised / pair_rows) OVER same_caller - pair_raised)
            / nullif(round(sum(1 / pair_rows) OVER same_caller) - 1, 0) / nullif(pair_raised, 0) AS raised_of_caller,
        (sum(pair_raised / pair_rows) OVER same_callee - pair_raised)
            / nullif(round(sum(1 / pair_rows) OVER same_callee) - 1, 0) / nullif(pair_raised, 0) AS raised_of_callee
    FROM paired
    WINDOW same_caller AS (PARTITION BY part, caller_service, callee IS NULL OR callee = caller_service),
        same_callee AS (PARTITION BY part, callee)
), odds AS (
    SELECT
        *,
        caller_odds * (1 - callee_odds) AS odds_of_caller,
        callee_odds * (1 - caller_odds) + 0.1 AS odds_of_callee
    FROM (
        SELECT
            *,
            -- Who has no other calls to judge by is as likely as not, the callee somewhat more.
            least(1, coalesce(raised_of_caller, 0.3)) AS caller_odds,
            least(1, coalesce(raised_of_callee, 0.6)) AS callee_odds,
            least(1, coalesce(raised_of_caller, 0)) AS lost_by_caller,
            least(1, coalesce(raised_of_callee, 0)) AS lost_by_others
        FROM shared
    ) AS with_odds
), blamed AS (
    SELECT
        *,
        CASE
            -- A gap is the callee's, unless the caller's other calls have one and others' calls to the callee have not.
            WHEN part = 'gap' THEN odds_of_callee / (odds_of_caller + odds_of_callee)
            -- Calls that are missing are the caller's, if not all callers miss them and nothing else.
            WHEN part = 'calls' AND NOT is_more AND is_answer THEN 1
            WHEN part = 'calls' AND NOT is_more
                THEN lost_by_others * (1 - lost_by_caller)
                    / (lost_by_others * (1 - lost_by_caller) + 1 - lost_by_others + 1e-9)
            ELSE 0
        END AS callee_share,
        CASE
            WHEN part = 'calls' AND NOT is_more AND NOT is_answer
                THEN own_strength * (1 - least(1, affected_below / greatest(least(callers, -calls_more), 1e-9)))
            ELSE own_strength
        END AS left_strength
    FROM odds
), explained AS (
    SELECT
        *,
        CASE WHEN part = 'gap' AND NOT is_answer AND is_more
            THEN greatest(0, excess_ns) * confidence * callee_share ELSE 0 END AS waiting,
        sum(CASE WHEN part = 'gap' AND NOT is_answer AND is_more
            THEN greatest(0, excess_ns) * confidence * callee_share ELSE 0 END) OVER same_place AS all_waiting,
        sum(CASE WHEN part = 'self' AND is_more THEN left_strength ELSE 0 END) OVER same_place AS self_strength,
        sum(CASE WHEN part = 'self' AND is_more THEN excess_ns ELSE 0 END) OVER same_place AS self_excess
    FROM blamed
    WINDOW same_place AS (PARTITION BY at_service, at_span)
), contributions AS (
    SELECT
        explained.*, to_callee,
        CASE
            WHEN part = 'calls' AND NOT is_answer AND to_callee THEN callee
            WHEN part = 'calls' AND NOT is_answer THEN caller_service
            WHEN part = 'gap' AND NOT to_callee THEN caller_service
            ELSE service_name
        END AS suspect,
        CASE
            WHEN part = 'calls' AND NOT is_answer AND NOT to_callee THEN caller_span
            WHEN part = 'gap' AND NOT to_callee THEN caller_span
            ELSE span_name
        END AS suspect_span,
        CASE
            WHEN part = 'self' AND NOT is_more THEN CASE WHEN to_callee THEN 0 ELSE 0.3 * left_strength END
            -- Without a span of the call, as much of the caller's time is due to it after it as before it.
            WHEN part = 'self' THEN CASE WHEN to_callee THEN 0
                ELSE left_strength * (1 - least(1, 2 * all_waiting / greatest(excess_ns, 1e-9))) END
            WHEN part = 'gap' AND to_callee THEN left_strength * callee_share
                + self_strength * least(1, 2 * all_waiting / greatest(self_excess, 1e-9))
                    * waiting / greatest(all_waiting, 1e-9)
            WHEN part = 'gap' THEN left_strength * (1 - callee_share)
            WHEN part = 'calls' AND is_answer THEN CASE WHEN to_callee = NOT is_more THEN left_strength ELSE 0 END
            WHEN part = 'calls' AND to_callee THEN CASE WHEN callee <> caller_service
                THEN left_strength
                    * greatest(callee_share, CASE WHEN is_more THEN 0.5 ELSE 0.5 * (1 - lost_by_caller) END)
                ELSE 0 END
            WHEN part = 'calls' THEN left_strength * (1 - callee_share)
            WHEN part = 'errors' THEN CASE WHEN to_callee THEN 0 ELSE left_strength END
        END AS contribution
    FROM explained
    CROSS JOIN (VALUES (true), (false)) AS sides (to_callee)
), ordered AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY suspect ORDER BY contribution DESC, suspect_span, part, span_name) AS place,
        -- Of bad and of good traces, in how many it shows.
        part = 'calls' AND NOT to_callee AND NOT is_answer AS is_made,
        least(all_bad, CASE WHEN part = 'calls' THEN least(callers, abs(calls_more)) ELSE bad_marked END)
            AS affected_bad,
        CASE WHEN part = 'calls' THEN 0 ELSE least(all_good, good_marked) END AS affected_good,
        CASE part
            WHEN 'self' THEN span_name || CASE
                WHEN all_good = 0 THEN ' has much of the time, and there are no good traces to compare with'
                WHEN NOT is_more THEN ' is done sooner: ' || round(exp(log_shift), 2) || ' of its usual self time'
                WHEN exp(log_shift) < 1.5 AND marked_z > 0
                    THEN ': ' || round(100 * marked_share) || ' % have a self time that 1 % had before'
                ELSE ': ' || round(exp(log_shift), 1) || ' times its usual self time'
            END
            WHEN 'gap' THEN 'calls from ' || caller_service || ' to ' || callee || ' wait '
                || round(bad_typical_ns / 1e6, 1) || ' ms, not ' || round(good_typical_ns / 1e6, 1)
                || ' ms, outside of what ' || callee || ' does'
            WHEN 'calls' THEN caller_service || ' ' || caller_span || ' calls '
                || CASE WHEN service_name <> caller_service THEN service_name || ' ' ELSE '' END || span_name || ' '
                || round(calls_seen / callers, 2) || ' times, not ' || round(calls_expected / callers, 2)
            ELSE 'errors begin in ' || round(100 * marked_seen / bad_size, 1) || ' % of ' || span_name || ', not '
                || round(100 * marked_expected / bad_size, 1) || ' %'
        END AS because
    FROM contributions
    WHERE suspect IS NOT NULL
)
SELECT
    row_number() OVER (ORDER BY score DESC, service_name) AS rank,
    *
FROM (
    SELECT
        suspect AS service_name,
        first_value(suspect_span ORDER BY place) AS span_name,
        sum(contribution * pow(0.7, place - 1)) AS score,
        first_value(because ORDER BY place) AS reason,
        coalesce(sum(contribution * pow(0.7, place - 1)) FILTER (WHERE part = 'self'), 0) AS self_time_score,
        coalesce(sum(contribution * pow(0.7, place - 1)) FILTER (WHERE part = 'gap'), 0) AS gap_score,
        coalesce(sum(contribution * pow(0.7, place - 1)) FILTER (WHERE part = 'calls'), 0) AS calls_score,
        coalesce(sum(contribution * pow(0.7, place - 1)) FILTER (WHERE part = 'errors'), 0) AS errors_score,
        sum(bad_spans * bad_typical_ns / nullif(all_bad, 0)) FILTER (WHERE part = 'self' AND NOT to_callee)
            AS bad_self_time_ns,
        sum(bad_spans * good_typical_ns / nullif(all_bad, 0)) FILTER (WHERE part = 'self' AND NOT to_callee)
            AS good_self_time_ns,
        sum(bad_spans * bad_typical_ns) FILTER (WHERE part = 'gap' AND to_callee)
            / nullif(sum(bad_spans) FILTER (WHERE part = 'gap' AND to_callee), 0) AS bad_gap_ns,
        sum(bad_spans * good_typical_ns) FILTER (WHERE part = 'gap' AND to_callee)
            / nullif(sum(bad_spans) FILTER (WHERE part = 'gap' AND to_callee AND good_typical_ns IS NOT NULL), 0)
            AS good_gap_ns,
        coalesce(sum(calls_seen / nullif(all_bad, 0)) FILTER (WHERE is_made), 0) AS bad_calls,
        coalesce(sum(calls_expected / nullif(all_bad, 0)) FILTER (WHERE is_made), 0) AS good_calls,
        coalesce(sum(greatest(0, -calls_more) / nullif(all_bad, 0)) FILTER (WHERE is_made), 0) AS missing_calls,
        least(1, coalesce(sum(bad_marked / nullif(all_bad, 0)) FILTER (WHERE part = 'errors' AND NOT to_callee), 0))
            AS bad_error_share,
        least(1, coalesce(sum(good_marked / nullif(all_good, 0)) FILTER (WHERE part = 'errors' AND NOT to_callee), 0))
            AS good_error_share,
        first_value(affected_bad / sqrt(all_bad * nullif(affected_bad + affected_good, 0)) ORDER BY place) AS ochiai,
        round(first_value(affected_bad * mean_weight ORDER BY place), 3) AS affected_bad_traces,
        round(first_value(affected_good * mean_weight ORDER BY place), 3) AS affected_good_traces,
        round(max(all_bad * mean_weight), 3) AS bad_traces,
        round(max(all_good * mean_weight), 3) AS good_traces,
        first_value(example ORDER BY place) AS example_trace_id
    FROM ordered
    GROUP BY suspect
) AS by_service
WHERE score > 0.0001
ORDER BY rank
