//! Handles over time, with the time as an argument.

use tonic::Code;

use super::*;

const LIFETIME: Duration = Duration::from_secs(10);

fn handles(capacity: usize, renewed_by_use: bool) -> Handles<u32> {
    let kind = Kind {
        name: "ticket",
        renewal: "ask again",
        capacity,
        capacity_bytes: 100,
        lifetime: LIFETIME,
        renewed_by_use,
    };
    Handles::new(kind)
}

fn after(start: Instant, seconds: u64) -> Instant {
    start + Duration::from_secs(seconds)
}

#[test]
fn values_expire() {
    let start = Instant::now();
    let handles = handles(10, false);
    let id = handles.insert(1, 10, start);
    assert_eq!(handles.get(&id, after(start, 9)).unwrap(), 1);
    let gone = handles.get(&id, after(start, 10)).unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
    assert_eq!(gone.message(), "ticket unknown or expired; ask again");
}

#[test]
fn use_renews_where_it_should() {
    let start = Instant::now();
    let handles = handles(10, true);
    let id = handles.insert(1, 10, start);
    handles.get(&id, after(start, 9)).unwrap();
    handles.get(&id, after(start, 18)).unwrap();
    handles.get(&id, after(start, 28)).unwrap_err();
}

#[test]
fn the_least_recently_used_makes_room() {
    let start = Instant::now();
    let handles = handles(2, false);
    let first = handles.insert(1, 10, start);
    let second = handles.insert(2, 10, after(start, 1));
    handles.get(&first, after(start, 2)).unwrap();
    let third = handles.insert(3, 10, after(start, 3));
    let now = after(start, 4);
    assert_eq!(handles.get(&first, now).unwrap(), 1);
    assert_eq!(handles.get(&second, now).unwrap_err().code(), Code::NotFound);
    assert_eq!(handles.get(&third, now).unwrap(), 3);
}

#[test]
fn expired_values_make_room_first() {
    let start = Instant::now();
    let handles = handles(2, true);
    let expired = handles.insert(1, 10, start);
    let kept = handles.insert(2, 10, after(start, 9));
    handles.insert(3, 10, after(start, 10));
    assert_eq!(handles.get(&kept, after(start, 11)).unwrap(), 2);
    handles.get(&expired, after(start, 11)).unwrap_err();
}

#[test]
fn foreign_bytes_are_no_handle() {
    let handles = handles(2, false);
    let now = Instant::now();
    let id = handles.insert(1, 10, now);
    for bytes in [&b""[..], &id[..15], &[0; 17], &vec![7; 1 << 20]] {
        assert_eq!(handles.get(bytes, now).unwrap_err().code(), Code::InvalidArgument);
        assert_eq!(handles.remove(bytes).unwrap_err().code(), Code::InvalidArgument);
    }
    assert_eq!(handles.get(&[0; 16], now).unwrap_err().code(), Code::NotFound);
}

#[test]
fn replace_and_remove() {
    let handles = handles(2, false);
    let now = Instant::now();
    let id = handles.insert(1, 10, now);
    handles.replace(&id, 2, 10).unwrap();
    assert_eq!(handles.get(&id, now).unwrap(), 2);
    handles.remove(&id).unwrap();
    handles.remove(&id).unwrap();
    assert_eq!(handles.get(&id, now).unwrap_err().code(), Code::NotFound);
    assert_eq!(handles.replace(&id, 3, 10).unwrap_err().code(), Code::NotFound);
}

#[test]
fn values_are_limited_in_bytes_together() {
    let start = Instant::now();
    let handles = handles(10, false);
    let first = handles.insert(1, 50, start);
    let second = handles.insert(2, 50, after(start, 1));
    let third = handles.insert(3, 30, after(start, 2));
    let now = after(start, 3);
    handles.get(&first, now).unwrap_err();
    assert_eq!(handles.get(&second, now).unwrap(), 2);
    handles.replace(&third, 4, 60).unwrap();
    handles.get(&second, now).unwrap_err();
    assert_eq!(handles.get(&third, now).unwrap(), 4);
    let large = handles.insert(5, 1_000, now);
    handles.get(&third, now).unwrap_err();
    assert_eq!(handles.get(&large, now).unwrap(), 5);
}
