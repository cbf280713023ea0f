//! Tests of the kernel: reference numbers, properties, and an oracle.

mod crisp;
mod fixture;
mod hostile;
mod kinds;
mod oracle;
mod properties;
mod reference;
mod shared_ids;
