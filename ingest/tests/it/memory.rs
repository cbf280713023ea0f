//! How much memory hostile requests take, measured from outside: in a process of its own for
//! each request, as the system counts it.

use std::process::Command;

use ingest::{Error, Limits, SpanBatchBuilder};

/// Bytes of each request.
const INPUT: usize = 8 << 20;
/// What a decoder may take beside the multiple of its input: scratch, first capacities and
/// what the allocator keeps.
const SLACK: usize = 4 << 20;
const SHAPE: &str = "SPANLAKE_TEST_REQUEST";

/// A request, and how many bytes of memory it may take.
struct Shape {
    name: &'static str,
    request: fn() -> Vec<u8>,
    allowed: usize,
}

const fn shape(name: &'static str, request: fn() -> Vec<u8>) -> Shape {
    Shape { name, request, allowed: 8 * INPUT + SLACK }
}

const SHAPES: [Shape; 13] = [
    shape("empty spans", || spans(&[])),
    shape("smallest spans", || spans(&smallest())),
    shape("spans with one attribute", || spans(&[smallest(), field(9, &key_value(b"k"))].concat())),
    shape("spans with small attributes", || {
        let list = (0..128u8).flat_map(|key| field(9, &key_value(&[b'a', key]))).collect();
        spans(&[smallest(), list].concat())
    }),
    shape("one span with every promoted column", || {
        let names = schema::promoted::PROMOTED.iter().filter_map(|column| column.keys.first());
        let list: Vec<u8> = names.flat_map(|key| field(9, &number(key))).collect();
        let full = field(2, &[smallest(), list].concat());
        let rest = repeat(&field(2, &smallest()), INPUT - full.len());
        request(&field(2, &[full, rest].concat()))
    }),
    shape("empty events", || spans(&[smallest(), repeat(&field(11, &[]), 2 * 4096)].concat())),
    shape("empty links", || spans(&[smallest(), repeat(&field(13, &[]), 2 * 4096)].concat())),
    // An event in full gives every column of events a cell for each empty one: up to 24 bytes
    // for two. Receivers bound that by the number of items.
    Shape {
        name: "empty events after a full one",
        request: || {
            let time = [vec![0x09], 7u64.to_le_bytes().to_vec()].concat();
            let attribute = field(3, &key_value(b"k"));
            let full = [time, field(2, b"name"), attribute, vec![0x20, 1]].concat();
            spans(&[smallest(), field(11, &full), repeat(&field(11, &[]), 2 * 4095)].concat())
        },
        allowed: 16 * INPUT,
    },
    shape("small resources", || {
        let attribute = field(1, &field(1, &key_value(b"k")));
        let scope = field(2, &field(2, &smallest()));
        repeat(&request(&[attribute, scope].concat()), INPUT)
    }),
    shape("empty array elements", || {
        let array = field(5, &repeat(&field(1, &[]), 60_000));
        spans(&[smallest(), field(9, &[field(1, b"k"), field(2, &array)].concat())].concat())
    }),
    shape("text that is not UTF-8", || {
        let value = field(2, &field(1, &vec![0xff; 20_000]));
        spans(&[smallest(), field(9, &[field(1, b"k"), value].concat())].concat())
    }),
    shape("one large text", || {
        let value = field(2, &field(1, &vec![b'x'; INPUT]));
        request(&field(2, &field(2, &[smallest(), field(9, &value)].concat())))
    }),
    // Each row repeats the resource, so the input says little; the limit of the request holds.
    Shape {
        name: "large resource",
        request: || {
            let value = field(2, &field(1, &vec![b'x'; 32 << 10]));
            let attribute = field(1, &field(1, &[field(1, b"k"), value].concat()));
            let scope = field(2, &repeat(&field(2, &smallest()), INPUT));
            request(&[attribute, scope].concat())
        },
        allowed: 2 * REQUEST_BYTES,
    },
];

/// The limit of the requests here.
const REQUEST_BYTES: usize = 128 << 20;

/// Scenario: requests that are small for what they ask to be made, of every repeated kind.
/// Guarantees: decoding takes at most 8 times the bytes of the request; where rows repeat a
/// large resource, at most twice the limit for that.
#[test]
fn memory_is_a_small_multiple_of_the_request() {
    if peak_bytes().is_none() {
        return;
    }
    let test = std::env::current_exe().unwrap();
    for shape in &SHAPES {
        let output = Command::new(&test)
            .args(["it::memory::one_request", "--exact", "--nocapture"])
            .env(SHAPE, shape.name)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let taken = text.lines().find_map(|line| line.split("took ").nth(1)?.parse::<usize>().ok());
        let taken = taken.unwrap_or_else(|| panic!("{}: {output:?}", shape.name));
        let allowed = shape.allowed;
        assert!(taken <= allowed, "{} took {taken} bytes of {allowed}", shape.name);
    }
}

/// The process of its own: does nothing unless it is told which request to decode.
#[test]
fn one_request() {
    let Ok(name) = std::env::var(SHAPE) else { return };
    let request = SHAPES.iter().find(|shape| shape.name == name).map(|shape| (shape.request)());
    let request = request.unwrap();
    // From here on the peak is counted anew.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = peak_bytes().unwrap();
    let limits = Limits { request_bytes: REQUEST_BYTES, ..Limits::default() };
    let mut builder = SpanBatchBuilder::new(limits);
    match ingest::otlp::protobuf::decode(&request, &mut builder) {
        Ok(()) | Err(Error::TooLarge { .. }) => {}
        Err(error) => panic!("{error}"),
    }
    let rows: usize = builder.finish().iter().map(|batch| batch.num_rows()).sum();
    println!("{rows} rows took {}", peak_bytes().unwrap() - before);
}

/// The most memory that this process had, where the system tells it.
fn peak_bytes() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<usize>().ok()? << 10)
}

/// A request full of copies of one span.
fn spans(span: &[u8]) -> Vec<u8> {
    request(&field(2, &repeat(&field(2, span), INPUT)))
}

/// A request with one `ResourceSpans`.
fn request(resource_spans: &[u8]) -> Vec<u8> {
    field(1, resource_spans)
}

/// The smallest span that can be a row.
fn smallest() -> Vec<u8> {
    let time = |number: u8| [vec![number << 3 | 1], 5u64.to_le_bytes().to_vec()].concat();
    [field(1, &[1; 16]), field(2, &[2; 8]), time(7), time(8)].concat()
}

fn key_value(key: &[u8]) -> Vec<u8> {
    field(1, key)
}

fn number(key: &str) -> Vec<u8> {
    [field(1, key.as_bytes()), field(2, &[0x18, 7])].concat()
}

/// A field of bytes, text or a message.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut len = content.len();
    while len >= 0x80 {
        bytes.push(len as u8 | 0x80);
        len >>= 7;
    }
    bytes.push(len as u8);
    bytes.extend_from_slice(content);
    bytes
}

fn repeat(bytes: &[u8], len: usize) -> Vec<u8> {
    bytes.repeat(len / bytes.len())
}
