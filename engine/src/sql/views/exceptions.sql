-- One row per recorded exception.
SELECT
    trace_id,
    span_id,
    service_name,
    span_name,
    event_time,
    attributes['exception.type'] AS exception_type,
    attributes['exception.message'] AS exception_message,
    attributes['exception.stacktrace'] AS exception_stacktrace,
    attributes
FROM span_events
WHERE event_name = 'exception'
