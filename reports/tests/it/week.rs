//! One week of traces with everything that a report must cope with.

use super::lake::{Flaw, MONDAY_NS, MS, SECOND, Step, Trace};

/// A name that must not be taken for markup.
pub(crate) const HOSTILE: &str = "POST /<script>alert('x')</script>";

const WEEK_NS: i64 = 7 * 24 * 3600 * SECOND;

/// Numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn ns(&mut self, from: i64, to: i64) -> i64 {
        from + self.below((to - from) as u64) as i64
    }
}

fn step(service: &'static str, name: &'static str, calls: u64, each_ns: i64) -> Step {
    Step { service, name, calls, each_ns, failed_calls: 0 }
}

/// The traces, those of the week and some that are not in it.
pub(crate) fn traces() -> Vec<Trace> {
    let mut numbers = Numbers(46);
    let mut traces = Vec::new();
    traces.extend((0..1_000).map(|n| search(&mut numbers, n)));
    traces.extend((0..100).map(|n| checkout(&mut numbers, n)));
    traces.extend((0..40).map(|n| plain(&mut numbers, "cron", "sweep", n)));
    // All alike: no slow tail.
    traces.extend((0..400).map(|n| Trace {
        own_ns: 5 * MS,
        steps: Vec::new(),
        ..plain(&mut numbers, "lb", "GET /health", n)
    }));
    // The first and the last moment of the week, and those just outside.
    for start_ns in [MONDAY_NS - 1, MONDAY_NS, MONDAY_NS + WEEK_NS - 1, MONDAY_NS + WEEK_NS] {
        let mut edge = plain(&mut numbers, "cron", "edge", 0);
        edge.start_ns = start_ns;
        traces.push(edge);
    }
    for (place, trace) in traces.iter_mut().enumerate() {
        // Ids in an order of their own, so that nothing follows from the order of insertion.
        trace.id = (u128::from(numbers.below(1 << 30)) << 64) + place as u128 + 1;
    }
    traces
}

/// 30 slow ones of 1,000, of which 22 tie: ten are to review.
fn search(numbers: &mut Numbers, n: u64) -> Trace {
    let mut trace = plain(numbers, "frontend", "GET /search", n);
    let own_ns = numbers.ns(20 * MS, 30 * MS);
    trace.own_ns = own_ns;
    trace.steps = vec![
        step("auth", "check", 1, numbers.ns(5 * MS, 9 * MS)),
        step("search", "SELECT synonyms", 2, numbers.ns(10 * MS, 40 * MS)),
        step("search", "rank", 1, numbers.ns(20 * MS, 60 * MS)),
    ];
    match n {
        // Exactly one duration: own time makes up for what the others differ in.
        0..22 => {
            trace.steps[1].each_ns = 900 * MS;
            trace.own_ns = 2_000 * MS - (trace.duration_ns() - own_ns);
            trace.version = "3.9.0";
        }
        22..26 => {
            trace.steps[2].each_ns = 3_000 * MS + numbers.ns(0, 50 * MS);
            trace.steps[2].failed_calls = 1;
            trace.root_failed = true;
        }
        // More calls, and one that typical traces do not make.
        26..30 => {
            trace.steps[1].calls = 60;
            trace.steps[1].each_ns = 45 * MS;
            trace.steps.push(step("search", "retry", 2, 10 * MS));
        }
        _ => {}
    }
    trace.flaw = match n {
        0 | 500 => Flaw::Duplicate,
        1 | 501 => Flaw::SecondRoot,
        2 => Flaw::EarlyChild,
        503 => Flaw::NegativeDuration,
        600..605 => Flaw::MissingParent,
        _ => Flaw::None,
    };
    trace
}

/// 100 traces: enough for p95 only.
fn checkout(numbers: &mut Numbers, n: u64) -> Trace {
    let mut trace = plain(numbers, "frontend", HOSTILE, n);
    let wait = if n < 5 { 800 * MS } else { 40 * MS };
    trace.steps = vec![step("payment", "POST /v1/charges", 1, wait + numbers.ns(0, 20 * MS))];
    trace
}

fn plain(numbers: &mut Numbers, service: &'static str, name: &'static str, _n: u64) -> Trace {
    Trace {
        id: 0,
        service,
        name,
        start_ns: MONDAY_NS + numbers.ns(0, WEEK_NS),
        own_ns: numbers.ns(MS, 20 * MS),
        root_failed: false,
        steps: vec![step("store", "read", 1, numbers.ns(MS, 2 * MS))],
        flaw: Flaw::None,
        version: "3.8.2",
        weight: 1,
    }
}
