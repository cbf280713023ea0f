//! The decoders against real files, other decoders, and damage.

mod it {
    mod bad_input;
    mod damage;
    mod files;
    mod fixtures;
    mod identity;
    mod oracle;
    mod support;
}
