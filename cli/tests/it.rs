//! Runs the `spanlake` binary in temporary folders: what a user types, reads and gets back.

#[path = "it/attach.rs"]
mod attach;
#[path = "it/bucket.rs"]
mod bucket;
#[path = "it/crash.rs"]
mod crash;
#[path = "it/demo.rs"]
mod demo;
#[path = "it/fixtures.rs"]
mod fixtures;
#[path = "it/functions.rs"]
mod functions;
#[path = "it/generate.rs"]
mod generate;
#[path = "it/hostile.rs"]
mod hostile;
#[path = "it/import.rs"]
mod import;
#[path = "it/ledger.rs"]
mod ledger;
#[path = "it/power_cut.rs"]
mod power_cut;
#[path = "it/report.rs"]
mod report;
#[path = "it/senders.rs"]
mod senders;
#[path = "it/serve.rs"]
mod serve;
#[path = "it/server.rs"]
mod server;
#[path = "it/sql.rs"]
mod sql;
#[path = "it/stores.rs"]
mod stores;
#[path = "it/tidy_up.rs"]
mod tidy_up;
#[path = "it/watch.rs"]
mod watch;
#[path = "it/watch_oracle.rs"]
mod watch_oracle;
