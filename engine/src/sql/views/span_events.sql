-- One row per span event.
SELECT
    trace_id,
    span_id,
    service_name,
    span_name,
    arrow_cast(event['time_unix_nano'], 'Timestamp(Nanosecond, Some("UTC"))') AS event_time,
    event['name'] AS event_name,
    event['attributes'] AS attributes,
    event['dropped_attributes_count'] AS dropped_attributes_count
FROM (SELECT trace_id, span_id, service_name, span_name, unnest(events) AS event FROM spans)
