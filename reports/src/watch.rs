//! Pages for who watches: service level objectives, what is unusual, and who calls whom.

mod anomalies;
mod slo;

pub use anomalies::anomalies;
pub use slo::{slo_backtest, slo_status};
