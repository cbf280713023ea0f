//! The decoders against real files, other decoders, and damage; the servers over real sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod it {
    mod bad_input;
    mod damage;
    mod files;
    mod fixtures;
    mod identity;
    mod oracle;
    mod server;
    mod support;
}
