//! Places of services, and what is drawn of hostile names.

use super::layout::layout;

#[test]
fn callers_are_left_of_what_they_call() {
    // A circle of 2 and 3, which 0 and 1 lead to.
    let edges = [(0, 1), (1, 2), (2, 3), (3, 2), (0, 3), (3, 3)];
    let layout = layout(4, &edges);
    let column = |node: usize| layout.places[node].0;
    assert!(column(0) < column(1) && column(1) < column(2) && column(2) < column(3));
    assert_eq!((layout.columns, layout.rows), (4, 1));
}

#[test]
fn nobody_stands_where_another_does() {
    let edges = [(0, 1), (0, 2), (0, 3), (1, 4), (3, 4), (2, 5), (5, 0)];
    let mut places = layout(7, &edges).places;
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), 7);
    assert_eq!(layout(0, &[]).places, []);
}
