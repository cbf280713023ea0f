//! The calls of the kernel, read from the bytes that it sends.

use bytes::Buf;

/// A call on a file or folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// The first one: which protocol both sides speak.
    Init,
    /// Looks for a name.
    Find {
        name: String,
    },
    /// Attributes of a node.
    Look,
    /// Cuts or lengthens a file; with `None`, sets things that we do not keep.
    Change {
        len: Option<u64>,
    },
    MakeFolder {
        name: String,
    },
    Remove {
        name: String,
    },
    Rename {
        name: String,
        to: (u64, String),
    },
    /// A second name for the file of that node.
    Link {
        file: u64,
        name: String,
    },
    Create {
        name: String,
    },
    Open,
    Read {
        offset: u64,
        len: usize,
    },
    Write {
        offset: u64,
        bytes: Vec<u8>,
    },
    Allocate {
        end: u64,
    },
    SyncFile,
    SyncFolder,
    List {
        offset: u64,
        len: usize,
    },
    /// How much room there is.
    Room,
    /// The end of what was opened.
    Close,
    /// Something to know that wants no answer.
    Notice,
    /// What we do not have.
    Unknown,
}

/// The bit that says that the size is to be set.
const SETS_LEN: u32 = 1 << 3;

impl Call {
    /// Reads the call with this number; `None` if it is too short to be one.
    pub(super) fn decode(opcode: u32, mut body: &[u8]) -> Option<Self> {
        let call = match opcode {
            1 => Self::Find { name: text(&mut body)? },
            2 | 36 | 38 | 42 => Self::Notice,
            3 => Self::Look,
            4 => {
                let valid = body.try_get_u32_le().ok()?;
                skip(&mut body, 12)?;
                let len = body.try_get_u64_le().ok()?;
                Self::Change { len: (valid & SETS_LEN != 0).then_some(len) }
            }
            9 => {
                skip(&mut body, 8)?;
                Self::MakeFolder { name: text(&mut body)? }
            }
            10 => Self::Remove { name: text(&mut body)? },
            12 => {
                let folder = body.try_get_u64_le().ok()?;
                let name = text(&mut body)?;
                Self::Rename { name, to: (folder, text(&mut body)?) }
            }
            13 => {
                let file = body.try_get_u64_le().ok()?;
                Self::Link { file, name: text(&mut body)? }
            }
            14 | 27 => Self::Open,
            15 | 28 => {
                skip(&mut body, 8)?;
                let offset = body.try_get_u64_le().ok()?;
                let len = body.try_get_u32_le().ok()? as usize;
                if opcode == 15 { Self::Read { offset, len } } else { Self::List { offset, len } }
            }
            16 => {
                skip(&mut body, 8)?;
                let offset = body.try_get_u64_le().ok()?;
                let len = body.try_get_u32_le().ok()? as usize;
                skip(&mut body, 20)?;
                Self::Write { offset, bytes: body.get(..len)?.to_vec() }
            }
            17 => Self::Room,
            18 | 29 => Self::Close,
            20 => Self::SyncFile,
            26 => Self::Init,
            30 => Self::SyncFolder,
            35 => {
                skip(&mut body, 16)?;
                Self::Create { name: text(&mut body)? }
            }
            43 => {
                skip(&mut body, 8)?;
                let end = body.try_get_u64_le().ok()?.checked_add(body.try_get_u64_le().ok()?)?;
                // Other modes punch holes or keep the length.
                if body.try_get_u32_le().ok()? == 0 {
                    Self::Allocate { end }
                } else {
                    Self::Unknown
                }
            }
            _ => Self::Unknown,
        };
        Some(call)
    }
}

fn skip(body: &mut &[u8], bytes: usize) -> Option<()> {
    *body = body.get(bytes..)?;
    Some(())
}

/// A name that ends with a zero byte.
fn text(body: &mut &[u8]) -> Option<String> {
    let end = body.iter().position(|byte| *byte == 0)?;
    let name = String::from_utf8(body[..end].to_vec()).ok()?;
    skip(body, end + 1)?;
    Some(name)
}
