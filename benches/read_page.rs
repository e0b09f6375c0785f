//! Reading a page of 100 runs: the crate's types against hand-written ones of the same fields.

#[path = "support/by_hand.rs"]
mod by_hand;
mod support;

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use seqera::types::ListWorkflowsResponse;

fn main() {
    let page = support::page_of_runs(100);
    let ours = || serde_json::from_str::<ListWorkflowsResponse>(black_box(&page)).unwrap();
    let by_hand = || serde_json::from_str::<by_hand::Page>(black_box(&page)).unwrap();
    assert_eq!(
        ours().workflows.unwrap().len(),
        by_hand().workflows.unwrap().len()
    );

    println!(
        "a run in a list: {} bytes, by hand {}",
        size_of::<seqera::types::RunSummary>(),
        size_of::<by_hand::Row>()
    );
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("read_page");
    group.throughput(Throughput::Bytes(page.len() as u64));
    group.bench_function("seqera", |bencher| bencher.iter(ours));
    group.bench_function("by hand", |bencher| bencher.iter(by_hand));
    group.finish();
    criterion.final_summary();

    let repeat = |work: &dyn Fn()| (0..20).for_each(|_| work());
    support::side_by_side(
        "read_page",
        101,
        || repeat(&|| drop(black_box(ours()))),
        || repeat(&|| drop(black_box(by_hand()))),
    );
}
