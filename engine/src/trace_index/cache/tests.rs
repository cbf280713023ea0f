//! What is forgotten when there is no room.

use std::sync::Arc;

use object_store::path::Path;

use super::Entries;
use crate::rollup::RollupParts;
use crate::snapshot::{DataFile, Layout};
use crate::trace_index::{TraceIndex, TraceKeys, TraceRun};

fn file(name: u64) -> DataFile {
    DataFile {
        path: Path::from(format!("{name}.parquet")),
        size_bytes: 1,
        rows: Some(100),
        start_time_range: None,
        layout: Layout::Assembled,
        date: "2026-11-22".into(),
        written_ms: 0,
        is_thinned: false,
        rollup: RollupParts::default(),
        hash: None,
    }
}

/// Ten files of a hundred traces, of each of which everything is known.
fn entries() -> Entries {
    let mut entries = Entries::default();
    for name in 0..10 {
        let run = |key: u64| TraceRun { key: key << 40, first: key as u32, rows: 1, start_ns: 0 };
        let index = TraceIndex::new((0..100).map(run).collect());
        let entry = entries.used(&file(name));
        entry.keys = Some(Arc::new(TraceKeys::new(&index.keys())));
        entry.index = Some(Arc::new(index));
    }
    entries
}

/// The files whose index is known, and how many keys are.
fn known(entries: &mut Entries) -> (Vec<u64>, usize) {
    let with_keys = entries.of_file.values().filter(|entry| entry.keys.is_some()).count();
    let has_index = |name: &u64| {
        entries.of_file.get(&file(*name).path).is_some_and(|entry| entry.index.is_some())
    };
    ((0..10).filter(has_index).collect(), with_keys)
}

#[test]
fn the_oldest_indexes_go_first_and_keys_stay() {
    let mut entries = entries();
    let _ = entries.used(&file(0));
    entries.make_room(3 * 2 * 2400);
    assert_eq!(known(&mut entries), (vec![0, 8, 9], 10));
    entries.make_room(5000);
    assert_eq!(known(&mut entries), (vec![0], 6), "keys take 428 bytes, an index 2400");
}

#[test]
fn what_is_read_ahead_takes_only_free_room() {
    let keep = |entries: &mut Entries, name: u64, max_bytes: usize| {
        let run = |key: u64| TraceRun { key: key << 40, first: key as u32, rows: 1, start_ns: 0 };
        let index = TraceIndex::new((0..100).map(run).collect());
        let keys = TraceKeys::new(&index.keys());
        entries.keep_if_room(&file(name), keys, index, max_bytes)
    };
    let mut entries = Entries::default();
    // Room for two indexes, and for keys beside them.
    let max_bytes = 2 * 2 * 2400;
    assert!((0..5).all(|name| keep(&mut entries, name, max_bytes)));
    assert_eq!(known(&mut entries), (vec![0, 1], 5));
    assert!((0..5).all(|name| entries.knows(&file(name))) && !entries.knows(&file(5)));
    assert!(!keep(&mut entries, 5, 2 * 2400 + 5 * 428), "no room for more keys");
    assert!(entries.is_full);
    // What was asked for stays, what was only read ahead goes.
    let _ = entries.used(&file(1));
    entries.make_room(2 * 2400);
    assert_eq!(known(&mut entries).0, [1]);
}

#[test]
fn nothing_is_kept_without_room_and_nothing_goes_with_it() {
    let mut entries = entries();
    entries.make_room(usize::MAX);
    assert_eq!(known(&mut entries), ((0..10).collect(), 10));
    entries.make_room(0);
    assert_eq!(known(&mut entries), (vec![], 0));
}
