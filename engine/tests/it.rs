//! The engine from outside: lakes on disk, SQL in, rows out.

mod it {
    mod crisp;
    mod delta_readers;
    mod fixtures;
    mod ground_truth;
    mod hostile_sql;
    mod lake;
    mod sql;
}
