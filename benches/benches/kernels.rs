//! The hot kernels under criterion.

use benches::kernels::KERNELS;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tikv_jemallocator::Jemalloc;

/// The one that `spanlake` has.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn kernels(criterion: &mut Criterion) {
    for kernel in KERNELS {
        let mut group = criterion.benchmark_group(kernel.name);
        group.throughput(Throughput::Elements(kernel.items)).sample_size(20);
        let mut work = (kernel.prepare)();
        group.bench_function(kernel.item, |bencher| bencher.iter(&mut work));
        group.finish();
    }
}

criterion_group!(all, kernels);
criterion_main!(all);
