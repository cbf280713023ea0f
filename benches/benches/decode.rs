//! How fast trace requests become batches, on one core.
//!
//! Time is processor time of the thread, so that a busy machine disturbs little;
//! of several rounds the fastest counts. `--quick` takes a quarter of the time,
//! other words select the lines that contain them.

use std::io::Write;
use std::time::Instant;

use benches::requests::{Shape, request};
use ingest::SpanBatchBuilder;
use prost::Message;
use tikv_jemallocator::Jemalloc;

/// The one that `spanlake` has.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

const ROUNDS: usize = 9;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let quick = words.iter().any(|word| word == "--quick");
    let wanted = |line: &str| {
        let mut words = words.iter().filter(|word| !word.starts_with("--")).peekable();
        words.peek().is_none() || words.any(|word| line.contains(word.as_str()))
    };
    say("what                                    bytes/span     spans/s      MB/s  ns/span");
    for (spans, resources) in [(512, 1), (512, 8), (2048, 2), (8192, 1), (8192, 16)] {
        let shape = Shape { spans, resources, failed_every: 0 };
        for (name, builder) in
            [("protobuf", Builder::Kept), ("protobuf, new builder", Builder::New)]
        {
            let name = format!("{name}, {spans} in {resources}");
            if wanted(&name) {
                let bytes = request(shape, 1).encode_to_vec();
                measure(&name, spans, &bytes, builder, quick, |bytes, out| {
                    ingest::otlp::protobuf::decode(bytes, out).expect("the request is valid");
                });
            }
        }
    }
    let shape = Shape { spans: 2048, resources: 2, failed_every: 20 };
    if wanted("protobuf, 5 % failed") {
        let bytes = request(shape, 1).encode_to_vec();
        measure("protobuf, 5 % failed", 2048, &bytes, Builder::Kept, quick, |bytes, out| {
            ingest::otlp::protobuf::decode(bytes, out).expect("the request is valid");
        });
    }
    let shape = Shape { spans: 2048, resources: 2, failed_every: 0 };
    if wanted("json") {
        let bytes = serde_json::to_vec(&request(shape, 1)).expect("requests have a JSON form");
        measure("json, 2048 in 2", 2048, &bytes, Builder::Kept, quick, |bytes, out| {
            ingest::otlp::json::decode(bytes, out).expect("the request is valid");
        });
    }
    if wanted("prost") {
        let bytes = request(shape, 1).encode_to_vec();
        measure("prost to structs, 2048 in 2", 2048, &bytes, Builder::Kept, quick, |bytes, _| {
            let decoded =
                opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest::decode(
                    bytes,
                );
            std::hint::black_box(decoded.expect("the request is valid"));
        });
    }
}

/// Whether a builder serves one request or all.
#[derive(Clone, Copy, PartialEq)]
enum Builder {
    Kept,
    New,
}

fn measure(
    name: &str,
    spans: usize,
    bytes: &[u8],
    lifetime: Builder,
    quick: bool,
    decode: impl Fn(&[u8], &mut SpanBatchBuilder),
) {
    let target = if quick { 100_000 } else { 400_000 };
    let repeats = (target / spans).max(1);
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let mut builder = SpanBatchBuilder::default();
        let clock = Clock::start();
        for _ in 0..repeats {
            if lifetime == Builder::New {
                builder = SpanBatchBuilder::default();
            }
            decode(std::hint::black_box(bytes), &mut builder);
            std::hint::black_box(builder.finish());
        }
        best = best.min(clock.seconds());
    }
    let count = (repeats * spans) as f64;
    let per_span = bytes.len() as f64 / spans as f64;
    say(&format!(
        "{name:<40} {per_span:>9.0} {:>11.0} {:>9.0} {:>8.0}",
        count / best,
        count * per_span / best / 1e6,
        best / count * 1e9,
    ));
}

/// Processor time of this thread where the system tells it, else time of day.
struct Clock {
    processor: Option<u64>,
    wall: Instant,
}

impl Clock {
    fn start() -> Self {
        Self { processor: processor_nanos(), wall: Instant::now() }
    }

    fn seconds(&self) -> f64 {
        let processor = processor_nanos().zip(self.processor).map(|(now, then)| now - then);
        match processor {
            Some(nanos) if nanos > 0 => nanos as f64 / 1e9,
            _ => self.wall.elapsed().as_secs_f64(),
        }
    }
}

fn processor_nanos() -> Option<u64> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    statistics.split(' ').next()?.parse().ok()
}

fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("standard output takes a line");
}
