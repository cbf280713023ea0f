//! What is drawn of a trace: order, repeated calls, and what is left out.

use super::{SpanRow, waterfall};
use crate::tuesday::model::Waterfall;

/// Builds a trace in preorder: depth, name, start, duration, time on the critical path.
fn spans(rows: &[(usize, &str, i64, i64, i64)]) -> Vec<SpanRow> {
    let mut spans: Vec<SpanRow> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut counter = 0;
    let close = |spans: &mut Vec<SpanRow>, span: usize, counter: &mut i32| {
        *counter += 1;
        spans[span].nested_right = *counter;
    };
    for (depth, name, start_ns, duration_ns, critical_path_ns) in rows {
        while open.len() > *depth {
            if let Some(span) = open.pop() {
                close(&mut spans, span, &mut counter);
            }
        }
        counter += 1;
        open.push(spans.len());
        spans.push(SpanRow {
            service_name: "shop".into(),
            span_name: (*name).into(),
            start_ns: *start_ns,
            duration_ns: *duration_ns,
            self_time_ns: *critical_path_ns,
            critical_path_ns: *critical_path_ns,
            is_error: name.starts_with('!'),
            is_primary_root: spans.is_empty(),
            nested_left: counter,
            nested_right: 0,
        });
    }
    while let Some(span) = open.pop() {
        close(&mut spans, span, &mut counter);
    }
    spans
}

fn text(waterfall: &Waterfall) -> Vec<String> {
    let row = |row: &crate::model::WaterfallRow| {
        let times =
            if row.call_count > 1 { format!(" x{}", row.call_count) } else { String::new() };
        format!("{}{}{times}", "  ".repeat(row.depth as usize), row.span_name)
    };
    waterfall.rows.iter().map(row).collect()
}

#[test]
fn rows_stand_in_calling_order() {
    let mut trace = spans(&[
        (0, "root", 1_000, 100, 40),
        (1, "a", 1_010, 30, 10),
        (2, "!b", 1_015, 20, 20),
        (1, "c", 1_050, 30, 30),
        (1, "late", 1_090, 60, 0),
    ]);
    trace.reverse();
    let drawn = waterfall("t", trace, 60);
    assert_eq!(text(&drawn), ["root", "  a", "    !b", "  c", "  late"]);
    assert_eq!((drawn.from_offset_ns, drawn.to_offset_ns), (0, 150));
    assert_eq!((drawn.rows[1].start_offset_ns, drawn.rows[1].duration_ns), (10, 30));
    assert_eq!((drawn.rows[2].error_count, drawn.rows[1].error_count), (1, 0));
    assert_eq!((drawn.span_count, drawn.hidden_span_count), (5, 0));
}

#[test]
fn repeated_calls_share_a_row_with_all_below_them() {
    let mut rows = vec![(0, "root", 0, 1_000, 100)];
    for call in 0..5 {
        rows.push((1, "query", call * 100, 90, 40));
        rows.push((2, "read", call * 100 + 10, 50, 50));
    }
    rows.push((1, "twice", 600, 10, 0));
    rows.push((1, "twice", 620, 10, 0));
    let drawn = waterfall("t", spans(&rows), 60);
    assert_eq!(text(&drawn), ["root", "  query x5", "    read x5", "  twice", "  twice"]);
    let query = &drawn.rows[1];
    assert_eq!((query.duration_ns, query.critical_path_ns), (450, 200));
    let starts: Vec<_> = query.segments.iter().map(|segment| segment.start_offset_ns).collect();
    assert_eq!(starts, [0, 100, 200, 300, 400]);
}

#[test]
fn of_too_many_rows_the_critical_path_stays() {
    let names: Vec<String> = (0..100).map(|n| format!("n{n:02}")).collect();
    let mut rows = vec![(0, "root", 0, 10_000, 10)];
    for (n, name) in names.iter().enumerate() {
        let on_path = if n == 70 { 500 } else { 0 };
        rows.push((1, name, n as i64 * 10, n as i64, on_path));
        if n == 70 {
            rows.push((2, "deep", 700, 30, 900));
        }
    }
    let drawn = waterfall("t", spans(&rows), 5);
    assert_eq!(text(&drawn), ["root", "  n70", "    deep", "  n98", "  n99"]);
    assert_eq!((drawn.hidden_span_count, drawn.hidden_critical_path_ns), (97, 0));
    assert_eq!(drawn.span_count, 102);
}

#[test]
fn the_critical_path_is_drawn_where_it_ran() {
    let trace = spans(&[
        (0, "root", 0, 100, 25),
        (1, "first", 10, 30, 30),
        // Runs beside `second` and ends earlier: off the path.
        (1, "beside", 50, 30, 0),
        (1, "second", 45, 45, 20),
        // Starts before its parent and ends after it.
        (2, "inner", 40, 30, 25),
        (2, "late", 80, 30, 10),
    ]);
    let drawn = waterfall("t", trace, 60);
    let of = |row: usize| times(&drawn.rows[row].critical_segments);
    assert_eq!(text(&drawn)[2..4], ["  second", "    inner"]);
    assert_eq!(of(0), [(0, 10), (40, 45), (90, 100)]);
    assert_eq!(of(1), [(10, 40)]);
    // 70 to 80 is its own, but the trace says 20: what does not fit is not drawn.
    assert_eq!(of(2), []);
    assert_eq!(of(3), [(45, 70)]);
}

/// Start and end of each of a row's segments.
fn times(segments: &[crate::model::Segment]) -> Vec<(i64, i64)> {
    segments.iter().map(|s| (s.start_offset_ns, s.start_offset_ns + s.duration_ns)).collect()
}

#[test]
fn a_span_whose_clock_was_off_stands_where_the_path_has_it() {
    let drawn = waterfall(
        "t",
        spans(&[
            (0, "root", 1_000, 100, 20),
            (1, "client", 1_010, 80, 20),
            // 60 of the client's 80, so 10 after it in the middle: 20 to 80 of the root.
            (2, "server", 5_000, 60, 40),
            (3, "query", 5_005, 20, 20),
            (3, "beside", 5_005, 10, 0),
        ]),
        60,
    );
    let rows = &drawn.rows;
    assert_eq!((drawn.from_offset_ns, drawn.to_offset_ns), (0, 100));
    assert_eq!(times(&rows[2].segments), [(20, 80)]);
    assert_eq!(times(&rows[2].critical_segments), [(20, 25), (45, 80)]);
    assert_eq!((rows[2].moved_count, rows[2].most_moved_ns), (1, 1_020 - 5_000));
    assert_eq!(times(&rows[1].critical_segments), [(10, 20), (80, 90)]);
    let below = |name: &str| rows.iter().find(|row| row.span_name == name).unwrap();
    assert_eq!(times(&below("query").critical_segments), [(25, 45)]);
    // What lies below is moved with it, on the path or not, and says nothing of its own.
    assert_eq!(times(&below("beside").segments), [(25, 35)]);
    assert_eq!(below("beside").moved_count, 0);
}

#[test]
fn clocks_may_be_off_below_each_other() {
    let drawn = waterfall(
        "t",
        spans(&[
            (0, "client", 0, 100, 20),
            (1, "server", -500, 80, 20),
            (2, "inner client", -490, 60, 20),
            (3, "inner server", 900, 40, 40),
        ]),
        60,
    );
    let moved: Vec<_> = drawn.rows.iter().map(|row| row.most_moved_ns).collect();
    assert_eq!(moved, [0, 510, 0, -1_380]);
    assert_eq!(times(&drawn.rows[3].critical_segments), [(30, 70)]);
    assert_eq!((drawn.from_offset_ns, drawn.to_offset_ns), (0, 100));
}

#[test]
fn what_the_path_has_where_it_was_recorded_stays_there() {
    let drawn = waterfall(
        "t",
        spans(&[
            (0, "client that gave up", 0, 100, 50),
            // Recorded past its end, and the path ends it there.
            (1, "server", 50, 80, 50),
            (0, "client", 0, 100, 100),
            // The path does not go through it.
            (1, "consumer", 500, 60, 0),
        ]),
        60,
    );
    assert!(drawn.rows.iter().all(|row| row.moved_count == 0));
    assert_eq!(times(&drawn.rows[1].segments), [(50, 130)]);
    assert_eq!(times(&drawn.rows[3].segments), [(500, 560)]);
}

#[test]
fn several_roots_and_no_spans() {
    let drawn = waterfall("t", spans(&[(0, "root", 50, 10, 10), (0, "other", 20, 5, 5)]), 60);
    assert_eq!(text(&drawn), ["other", "root"]);
    assert_eq!((drawn.from_offset_ns, drawn.to_offset_ns), (-30, 10));
    let empty = waterfall("t", Vec::new(), 60);
    assert_eq!((empty.rows.len(), empty.to_offset_ns), (0, 0));
}

#[test]
fn a_deep_trace_is_cut_without_recursion() {
    let rows: Vec<_> = (0..50_000).map(|depth| (depth, "call", depth as i64, 100_000, 1)).collect();
    let drawn = waterfall("t", spans(&rows), 60);
    assert_eq!(drawn.rows.len(), 60);
    assert_eq!(drawn.hidden_span_count, 50_000 - 60);
}
