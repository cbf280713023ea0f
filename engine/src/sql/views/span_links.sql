-- One row per span link.
SELECT
    trace_id,
    span_id,
    service_name,
    span_name,
    link['trace_id'] AS linked_trace_id,
    link['span_id'] AS linked_span_id,
    link['trace_state'] AS linked_trace_state,
    link['attributes'] AS attributes,
    link['flags'] AS flags,
    link['dropped_attributes_count'] AS dropped_attributes_count
FROM (SELECT trace_id, span_id, service_name, span_name, unnest(links) AS link FROM spans)
