//! The envelope of a call, and the bytes of an answer.
//!
//! Protocol 7.31: every kernel since 2019 speaks it, and newer ones fall back to it.

use std::io;

use bytes::{Buf, BufMut};

use super::calls::Call;
use crate::sim_disk::Entry;

const MAJOR: u32 = 7;
const MINOR: u32 = 31;

/// Bytes of one write of a process that the kernel passes on in one call.
const LARGEST_WRITE: u32 = 128 << 10;
/// Room for such a call and its envelope.
pub(super) const LARGEST_REQUEST: usize = LARGEST_WRITE as usize + 4096;

/// Reads may come together; writes may be longer than a page.
const CAPABILITIES: u32 = 1 | 1 << 5;

/// Seconds for which the kernel need not ask again: all changes go through it.
const REMEMBERED: u64 = 3600;

/// When everything was last changed, in seconds since the epoch. A clock would tell nothing more.
const CHANGED: u64 = 1_794_268_800;

/// A call, and where it belongs.
#[derive(Debug)]
pub(super) struct Request {
    /// Names the answer.
    pub(super) unique: u64,
    /// The file or folder that is called.
    pub(super) node: u64,
    pub(super) call: Call,
}

impl Request {
    pub(super) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let len = bytes.try_get_u32_le().ok()? as usize;
        let opcode = bytes.try_get_u32_le().ok()?;
        let unique = bytes.try_get_u64_le().ok()?;
        let node = bytes.try_get_u64_le().ok()?;
        // Who calls: user, group, process.
        let body = bytes.get(16..)?;
        if body.len() + 40 != len {
            return None;
        }
        Some(Self { unique, node, call: Call::decode(opcode, body)? })
    }
}

/// A node, and what it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) id: u64,
    pub(super) entry: Entry,
    pub(super) len: u64,
}

/// An answer that is not an error.
#[derive(Debug)]
pub(super) enum Reply {
    /// Nobody waits for one.
    None,
    Done,
    Init,
    Found(Node),
    Created(Node),
    Attributes(Node),
    Opened,
    Bytes(Vec<u8>),
    Written(usize),
    /// Some entries of a folder: position of the next one, node, name.
    Entries(Vec<(u64, Node, String)>, usize),
    Room,
}

/// The answer to the call `unique`.
pub(super) fn encode(unique: u64, reply: &Reply) -> Vec<u8> {
    let mut out = envelope(unique, 0);
    match reply {
        Reply::None | Reply::Done => {}
        Reply::Init => {
            out.extend([MAJOR, MINOR, 0, CAPABILITIES].map(u32::to_le_bytes).concat());
            // Default queues, the largest write, times in nanoseconds.
            out.put_u32_le(0);
            out.extend([LARGEST_WRITE, 1].map(u32::to_le_bytes).concat());
            out.put_bytes(0, 36);
        }
        Reply::Found(node) => put_entry(&mut out, node),
        Reply::Created(node) => {
            put_entry(&mut out, node);
            out.put_bytes(0, 16);
        }
        Reply::Attributes(node) => {
            out.put_u64_le(REMEMBERED);
            out.put_u64_le(0);
            put_attributes(&mut out, node);
        }
        Reply::Opened => out.put_bytes(0, 16),
        Reply::Bytes(bytes) => out.extend(bytes),
        Reply::Written(len) => {
            out.put_u32_le(*len as u32);
            out.put_u32_le(0);
        }
        Reply::Entries(entries, limit) => put_entries(&mut out, entries, *limit),
        Reply::Room => {
            // Total, free and available blocks, total and free names; then sizes.
            out.extend([1u64 << 20; 5].map(u64::to_le_bytes).concat());
            out.extend([4096u32, 255, 4096].map(u32::to_le_bytes).concat());
            out.put_bytes(0, 28);
        }
    }
    finished(out)
}

/// The answer that the call failed.
pub(super) fn encode_error(unique: u64, error: &io::Error) -> Vec<u8> {
    finished(envelope(unique, -number(error)))
}

fn envelope(unique: u64, error: i32) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    out.put_u32_le(0);
    out.put_i32_le(error);
    out.put_u64_le(unique);
    out
}

fn finished(mut out: Vec<u8>) -> Vec<u8> {
    let len = out.len() as u32;
    out[..4].copy_from_slice(&len.to_le_bytes());
    out
}

/// The number by which Linux calls it.
fn number(error: &io::Error) -> i32 {
    use io::ErrorKind::{AlreadyExists, IsADirectory, NotFound, StorageFull, Unsupported};
    if let Some(number) = error.raw_os_error() {
        return number;
    }
    match error.kind() {
        NotFound => 2,
        AlreadyExists => 17,
        IsADirectory => 21,
        StorageFull => 28,
        Unsupported => 95,
        _ => 5,
    }
}

fn put_entry(out: &mut Vec<u8>, node: &Node) {
    out.put_u64_le(node.id);
    out.put_u64_le(0);
    out.put_u64_le(REMEMBERED);
    out.put_u64_le(REMEMBERED);
    out.put_u64_le(0);
    put_attributes(out, node);
}

fn put_attributes(out: &mut Vec<u8>, node: &Node) {
    out.put_u64_le(node.id);
    out.put_u64_le(node.len);
    out.put_u64_le(node.len.div_ceil(512));
    out.extend([CHANGED; 3].map(u64::to_le_bytes).concat());
    out.put_bytes(0, 12);
    out.put_u32_le(match node.entry {
        Entry::Folder => 0o040_755,
        Entry::File(_) => 0o100_644,
    });
    // One name, owner and group root, no device; then the size of a block.
    out.extend([1u32, 0, 0, 0, 4096, 0].map(u32::to_le_bytes).concat());
}

fn put_entries(out: &mut Vec<u8>, entries: &[(u64, Node, String)], limit: usize) {
    let start = out.len();
    for (next, node, name) in entries {
        let len = (24 + name.len()).next_multiple_of(8);
        if out.len() - start + len > limit {
            break;
        }
        out.put_u64_le(node.id);
        out.put_u64_le(*next);
        out.put_u32_le(name.len() as u32);
        out.put_u32_le(match node.entry {
            Entry::Folder => 4,
            Entry::File(_) => 8,
        });
        out.extend(name.as_bytes());
        out.put_bytes(0, len - 24 - name.len());
    }
}
