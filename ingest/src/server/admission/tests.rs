//! What is taken is given back.

use super::*;

#[test]
fn room_is_given_back() {
    let budget = Budget::new(100);
    let mut first = budget.admit(60).unwrap();
    assert_eq!(budget.admit(41).unwrap_err(), Full);
    let second = budget.admit(40).unwrap();
    assert_eq!(first.grow(1), Err(Full));
    drop(second);
    first.grow(40).unwrap();
    assert_eq!((first.bytes(), budget.used()), (100, 100));
    first.shrink_to(30);
    assert_eq!((first.bytes(), budget.used()), (30, 30));
    first.grow_regardless(1000);
    assert_eq!(budget.used(), 1030);
    assert_eq!(budget.admit(1).unwrap_err(), Full);
    drop(first);
    assert_eq!(budget.used(), 0);
    assert_eq!(budget.admit(usize::MAX).unwrap_err(), Full);
}
