//! A server whose clock is wrong: the report draws it where the lake's path has it.

use reports::{Options, Range, html, markdown, tuesday};

use super::lake::{Flaw, LATENCY_NS, SKEW_NS, Trace, session};
use super::week::traces;

/// Scenario: in all slow traces the server that takes the time was recorded long after its client.
/// Guarantees: it stands in the middle of the client, all of its path is drawn, and the row says so.
#[tokio::test]
async fn a_server_whose_clock_is_ahead_stands_in_its_client() {
    let pays = |trace: &Trace| trace.steps.first().is_some_and(|step| step.service == "payment");
    let mut traces: Vec<Trace> = traces().into_iter().filter(pays).collect();
    for trace in traces.iter_mut().filter(|trace| trace.duration_ns() > 500_000_000) {
        trace.flaw = Flaw::SkewedServer;
    }
    let session = session(&traces).await;
    let week = Range::week("2026-W46").unwrap();
    let report = tuesday(&session, week, &Options::default()).await.unwrap();
    let [review] = &report.reviews[..] else { panic!("one root operation") };
    assert_eq!(review.causes[0].service_name, "remote");

    let waterfall = &review.waterfall;
    let of = |service| waterfall.rows.iter().find(|row| row.service_name == service).unwrap();
    let (client, server) = (of("payment"), of("remote"));
    assert_eq!((server.moved_count, server.most_moved_ns), (1, -SKEW_NS));
    assert_eq!(server.start_offset_ns, client.start_offset_ns + LATENCY_NS / 2);
    assert_eq!(server.critical_segments, server.segments);
    assert_eq!(server.critical_path_ns, server.duration_ns);
    assert_eq!(client.critical_segments.len(), 2);
    assert_eq!((client.moved_count, client.critical_path_ns), (0, LATENCY_NS));
    // The axis has no room for the time at which it was recorded.
    assert_eq!(waterfall.to_offset_ns, review.representative.root_duration_ns);

    let page = html(&report);
    assert!(page.contains("[clock off by 3 s] remote answer"));
    assert!(page.contains("clock off by 3 s, moved into its caller"));
    assert!(page.contains("recorded outside its caller"));
    assert!(markdown(&report).contains("clock off by 3 s, moved into its caller"));
}
