//! The decoders against real files, other decoders, and damage; the servers over real sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod it {
    mod bad_input;
    mod damage;
    mod differential;
    mod expected;
    mod files;
    mod fixtures;
    mod identity;
    mod layout;
    mod memory;
    mod oracle;
    mod row;
    mod server;
    mod support;
}
