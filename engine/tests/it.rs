//! The engine from outside: lakes on disk, SQL in, rows out.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may panic, and says what it skips"
)]

mod it {
    mod assembly;
    mod checks;
    mod column_cache;
    mod crisp;
    mod delta_readers;
    mod edge_rollups;
    mod explaining;
    mod faulty_store;
    mod fixtures;
    mod flush_triggers;
    mod folder_syncs;
    mod fresh_traces;
    mod ground_truth;
    mod hostile_sql;
    mod lake;
    mod late_hex;
    mod live;
    mod look_ups;
    mod numbered_spans;
    mod power_cut;
    mod random_lakes;
    mod removal;
    mod replay;
    mod rollups;
    mod sim;
    mod slo;
    mod sql;
    mod store_faults;
    mod suspects;
    mod table_functions;
    mod thinning;
    mod watching;
}
