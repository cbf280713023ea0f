//! Planning threads: their stack, and what a panic leaves behind.

use super::{MOST_IDLE, idle, on_large_stack};

/// Takes 1 KiB of stack and more for each level.
fn deep(levels: usize) -> usize {
    let room = std::hint::black_box([levels; 128]);
    if levels == 0 { 0 } else { deep(levels - 1) + usize::from(room[levels % 128] == levels) }
}

#[tokio::test]
async fn threads_are_kept_and_large() {
    for _ in 0..3 {
        let levels = on_large_stack(async { Ok(deep(20_000)) }).await.unwrap();
        assert_eq!(levels, 20_000);
    }
    let together = (0..2 * MOST_IDLE).map(|n| on_large_stack(async move { Ok(n) }));
    let done = futures::future::join_all(together).await;
    assert_eq!(done.len(), 2 * MOST_IDLE);
    assert!(done.into_iter().enumerate().all(|(n, result)| result.unwrap() == n));
    assert!(idle().len() <= MOST_IDLE);
}

#[tokio::test]
async fn a_panic_ends_one_thread_only() {
    for _ in 0..2 * MOST_IDLE {
        let failed = on_large_stack::<(), _>(async { panic!("planning fails") }).await;
        assert!(failed.unwrap_err().to_string().contains("planning panicked"));
    }
    assert_eq!(on_large_stack(async { Ok(1) }).await.unwrap(), 1);
}
