//! The metrics, from the counters of each part, as Prometheus scrapes them.

use std::fmt;
use std::time::Duration;

use engine::{IntakeStatus, TIMING_BOUNDS};
use flight_server::{QUERY_TIME_BOUNDS, QueryCounts};
use ingest::server::Snapshot;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::assembling;

/// What the parts count, at one moment.
#[derive(Debug, Clone)]
pub(super) struct Counts {
    pub(super) intake: IntakeStatus,
    pub(super) receiver: Snapshot,
    pub(super) in_flight_bytes: usize,
    pub(super) queries: QueryCounts,
    pub(super) assembled: assembling::Counts,
    pub(super) is_ready: bool,
}

/// OpenMetrics text.
pub(super) fn render(counts: Counts) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("spanlake");
    registry.register_collector(Box::new(counts));
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

impl Collector for Counts {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut out = Writer(encoder);
        self.receiving(&mut out)?;
        self.logging(&mut out)?;
        self.flushing(&mut out)?;
        self.assembling(&mut out)?;
        self.querying(&mut out)?;
        out.gauge("ready", "Whether requests should be sent here.", u64::from(self.is_ready))
    }
}

impl Counts {
    fn assembling(&self, out: &mut Writer<'_>) -> fmt::Result {
        let done = &self.assembled;
        out.counter("assembled_spans", "Spans that were written in whole traces.", done.spans)?;
        out.counter("assembly_runs", "Commits of assembled files.", done.runs)?;
        out.counter("assembly_failures", "Runs that failed and are tried again.", done.failures)?;
        out.counter("assembly_files_replaced", "Files that were replaced.", done.files_replaced)?;
        out.counter("assembly_files_written", "Files that replaced them.", done.files_written)?;
        out.counter(
            "assembly_files_deleted",
            "Replaced files that were deleted.",
            done.files_deleted,
        )?;
        out.counter(
            "spans_thinned",
            "Spans of traces that thinning took out.",
            done.spans_thinned,
        )?;
        out.counter("spans_expired", "Spans that retention took out.", done.spans_expired)
    }

    fn receiving(&self, out: &mut Writer<'_>) -> fmt::Result {
        let Snapshot { requests, bytes, payload_bytes, spans, .. } = &self.receiver;
        let by_outcome: Vec<_> = requests
            .iter()
            .map(|(protocol, outcome, count)| {
                ([("protocol", protocol.to_string()), ("outcome", (*outcome).to_owned())], *count)
            })
            .collect();
        out.counters("otlp_requests", "OTLP requests that were answered.", &by_outcome)?;
        out.counter("otlp_received_bytes", "Bytes of request bodies, as they came.", *bytes)?;
        out.counter("otlp_payload_bytes", "Bytes of accepted requests.", *payload_bytes)?;
        out.counter("otlp_spans", "Spans that were accepted and stored.", *spans)?;
        let rejected: Vec<_> = (self.receiver.rejected_spans.iter())
            .map(|(reason, count)| ([("reason", (*reason).to_owned())], *count))
            .collect();
        out.counters("otlp_rejected_spans", "Spans that were left out, by reason.", &rejected)?;
        let warnings: Vec<_> = (self.receiver.warnings.iter())
            .map(|(warning, count)| ([("warning", warning.to_string())], *count))
            .collect();
        out.counters(
            "otlp_warnings",
            "Spans, resources and scopes that were repaired.",
            &warnings,
        )?;
        out.counter(
            "otlp_redacted_attributes",
            "Attributes that redaction changed or removed.",
            self.receiver.redacted_attributes,
        )?;
        out.gauge(
            "otlp_in_flight_bytes",
            "Bytes that requests hold now.",
            self.in_flight_bytes as u64,
        )?;
        out.gauge("otlp_connections", "Open connections.", self.receiver.open_connections)?;
        out.counter(
            "otlp_connections_over_limit",
            "Connections that were closed since too many were open.",
            self.receiver.connections_over_limit,
        )?;
        out.counter(
            "otlp_accept_errors",
            "Times that no connection could be accepted.",
            self.receiver.accept_errors,
        )
    }

    fn logging(&self, out: &mut Writer<'_>) -> fmt::Result {
        let status = &self.intake;
        out.counter("wal_requests", "Requests that were logged.", status.logged_requests)?;
        out.counter(
            "wal_busy_requests",
            "Requests refused for lack of room.",
            status.busy_requests,
        )?;
        out.gauge("wal_bytes", "Bytes in the write-ahead log.", status.wal_bytes)?;
        out.gauge(
            "wal_busy_bytes",
            "Bytes of the log from which requests are refused.",
            status.wal_busy_bytes,
        )?;
        out.gauge("wal_segments", "Files of the log.", status.wal_segments)?;
        out.gauge("wal_queued_bytes", "Bytes that wait for the log.", status.queued_bytes)?;
        out.counter(
            "wal_replayed_records",
            "Records that were read back at the start.",
            status.replayed_records,
        )?;
        out.counter(
            "wal_torn_bytes",
            "Half-written bytes at the end of the log.",
            status.torn_bytes,
        )?;
        out.counter(
            "wal_corrupt_bytes",
            "Damaged bytes that were set aside.",
            status.corrupt_bytes,
        )?;
        let syncs = &status.wal_syncs;
        out.histogram(
            "wal_sync_seconds",
            "Time to write and sync a group of requests.",
            syncs.total,
            &TIMING_BOUNDS,
            &syncs.buckets,
        )
    }

    fn flushing(&self, out: &mut Writer<'_>) -> fmt::Result {
        let status = &self.intake;
        out.gauge("memtable_rows", "Spans in memory only.", status.memtable_rows)?;
        out.gauge("memtable_bytes", "Bytes of these spans.", status.memtable_bytes)?;
        let lag = status.oldest_unflushed.unwrap_or_default();
        out.seconds("flush_lag_seconds", "Age of the oldest span in memory only.", lag)?;
        out.counter("flushed_spans", "Spans that were flushed.", status.flushed_spans)?;
        out.counter("flush_failures", "Flushes that failed.", status.flush_failures)?;
        out.histogram(
            "flush_seconds",
            "Time from the start of a flush to its commit.",
            status.flushes.total,
            &TIMING_BOUNDS,
            &status.flushes.buckets,
        )
    }

    fn querying(&self, out: &mut Writer<'_>) -> fmt::Result {
        let ended: Vec<_> = (self.queries.ended.iter())
            .map(|(outcome, count)| ([("outcome", (*outcome).to_owned())], *count))
            .collect();
        out.counters("queries", "Queries that ended, by outcome.", &ended)?;
        out.gauge("queries_running", "Queries that wait or run now.", self.queries.running)?;
        out.histogram(
            "query_seconds",
            "Time of queries, waiting and sending included.",
            self.queries.total,
            &QUERY_TIME_BOUNDS,
            &self.queries.buckets,
        )
    }
}

/// Writes metrics, each with its description.
struct Writer<'a>(DescriptorEncoder<'a>);

impl Writer<'_> {
    fn metric(
        &mut self,
        (name, help): (&str, &str),
        kind: MetricType,
        write: impl FnOnce(&mut MetricEncoder<'_>) -> fmt::Result,
    ) -> fmt::Result {
        // The encoder ends the sentence.
        let help = help.trim_end_matches('.');
        write(&mut self.0.encode_descriptor(name, help, None, kind)?)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.metric((name, help), MetricType::Counter, |out| {
            out.encode_counter::<NoLabelSet, _, u64>(&value, None)
        })
    }

    fn counters<const LABELS: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: &[([(&str, String); LABELS], u64)],
    ) -> fmt::Result {
        self.metric((name, help), MetricType::Counter, |out| {
            for (labels, value) in values {
                out.encode_family(labels)?.encode_counter::<NoLabelSet, _, u64>(value, None)?;
            }
            Ok(())
        })
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.metric((name, help), MetricType::Gauge, |out| out.encode_gauge(&value))
    }

    fn seconds(&mut self, name: &str, help: &str, value: Duration) -> fmt::Result {
        self.metric((name, help), MetricType::Gauge, |out| out.encode_gauge(&value.as_secs_f64()))
    }

    fn histogram(
        &mut self,
        name: &str,
        help: &str,
        total: Duration,
        bounds: &[Duration],
        counts: &[u64],
    ) -> fmt::Result {
        let bounds = bounds.iter().map(Duration::as_secs_f64).chain([f64::MAX]);
        let buckets: Vec<(f64, u64)> = bounds.zip(counts.iter().copied()).collect();
        let count = counts.iter().sum();
        self.metric((name, help), MetricType::Histogram, |out| {
            out.encode_histogram::<NoLabelSet>(total.as_secs_f64(), count, &buckets, None)
        })
    }
}
