//! The server from outside: a lake, a socket, and real clients.

mod it {
    mod catalogs;
    mod fixtures;
    mod hostile;
    mod limits;
    mod prepared;
    mod python;
    mod queries;
    mod shutdown;
}
