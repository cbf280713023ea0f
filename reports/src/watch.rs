//! Pages for who watches: service level objectives, what is unusual, and who calls whom.

mod slo;

pub use slo::{slo_backtest, slo_status};
