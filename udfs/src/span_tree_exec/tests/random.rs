//! Random tables: the rule changes no answer.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::fixture::{Setup, Span, answer, hex, table, tree_by};

/// Ids of a small set, so that links, equal ids and cycles are frequent; some that are no hex.
fn id() -> impl Strategy<Value = Option<String>> {
    let usual = (0..12_u64).prop_map(hex);
    let odd = select(vec!["", "A", "b", "root"]).prop_map(str::to_owned);
    option::weighted(0.95, prop_oneof![30 => usual, 1 => odd])
}

fn span(traces: u8) -> impl Strategy<Value = Span> {
    let names = || option::weighted(0.95, select(vec!["web", "shop", "", "jobs"]));
    (
        option::weighted(0.95, 0..traces),
        (id(), id()),
        (0..40_i64, -2..30_i64),
        select(vec!["server", "client", "producer", "consumer", "internal", "?"]),
        select(vec!["ok", "error", "unset"]),
        (names(), names()),
    )
        .prop_map(|(trace, (id, parent), (start, duration), kind, status, (service, name))| {
            Span { trace, id, parent, start: Some(start), duration, kind, status, service, name }
        })
}

fn rule_changes_nothing(
    spans: &[Span],
    partitions: &[Vec<usize>],
    threads: usize,
    memory: Option<usize>,
) -> Result<(), TestCaseError> {
    let sql = format!("SELECT *, {} AS t FROM spans", tree_by("trace"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let [with, without] = [true, false].map(|rule| {
        let setup = Setup { threads, ..Setup::new(rule) };
        let setup = match memory {
            Some(bytes) if rule => setup.memory(bytes),
            _ => setup,
        };
        runtime.block_on(answer(&setup.session(table(spans, partitions)), &sql))
    });
    prop_assert_eq!(with, without);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn in_memory(
        spans in vec(span(6), 0..120),
        partitions in vec(vec(0..40_usize, 0..4), 0..3),
        threads in 1..4_usize,
    ) {
        rule_changes_nothing(&spans, &partitions, threads, None)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn in_files(
        spans in vec(span(40), 1500..2500),
        partitions in vec(vec(0..400_usize, 0..4), 0..3),
        threads in 1..3_usize,
    ) {
        rule_changes_nothing(&spans, &partitions, threads, Some(600 << 10))?;
    }
}
