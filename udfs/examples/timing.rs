//! scratch
use datafusion::arrow::array::*;
use datafusion::prelude::*;
use std::sync::Arc;
use std::time::Instant;
fn main() {
    let rt = tokio::runtime::Runtime::new().unwrap();
    let mut seed = 1u64;
    let mut rnd = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let (traces, per) = (50_000usize, 20usize);
    let n = traces * per;
    let mut tid = vec![];
    let mut sid: Vec<[u8; 8]> = vec![];
    let mut pid: Vec<Option<[u8; 8]>> = vec![];
    let mut st = vec![];
    let mut du = vec![];
    let kinds = ["server", "client", "internal"];
    let mut kind = vec![];
    let mut status = vec![];
    let mut svc = vec![];
    let mut name = vec![];
    for t in 0..traces {
        let ids: Vec<u64> = (0..per).map(|_| rnd()).collect();
        let mut s = vec![1_700_000_000_000_000_000i64 + t as i64];
        let mut e = vec![s[0] + 1_000_000];
        for i in 0..per {
            tid.push((t as u128).to_be_bytes());
            sid.push(ids[i].to_be_bytes());
            if i == 0 {
                pid.push(None);
            } else {
                let p = (rnd() % i as u64) as usize;
                pid.push(Some(ids[p].to_be_bytes()));
                let d = e[p] - s[p];
                let a = s[p] + (rnd() % (d as u64 + 1)) as i64;
                let b = a + (rnd() % ((e[p] - a) as u64 + 1)) as i64;
                s.push(a);
                e.push(b);
            }
            st.push(s[i]);
            du.push(e[i] - s[i]);
            kind.push(kinds[(rnd() % 3) as usize]);
            status.push(if rnd() % 50 == 0 { "error" } else { "unset" });
            svc.push(format!("service-{}", rnd() % 12));
            name.push(format!("GET /api/v1/operation/{}", rnd() % 100));
        }
    }
    let batch = RecordBatch::try_from_iter(vec![
        (
            "trace_id",
            Arc::new(FixedSizeBinaryArray::try_from_iter(tid.iter()).unwrap()) as ArrayRef,
        ),
        ("span_id", Arc::new(FixedSizeBinaryArray::try_from_iter(sid.iter()).unwrap())),
        (
            "parent_span_id",
            Arc::new(
                FixedSizeBinaryArray::try_from_sparse_iter_with_size(pid.iter().copied(), 8)
                    .unwrap(),
            ),
        ),
        ("start_time", Arc::new(Int64Array::from(st))),
        ("duration_ns", Arc::new(Int64Array::from(du))),
        ("span_kind", Arc::new(StringArray::from(kind))),
        ("status_code", Arc::new(StringArray::from(status))),
        ("service_name", Arc::new(StringArray::from(svc))),
        ("span_name", Arc::new(StringArray::from(name))),
    ])
    .unwrap();
    let args: Vec<ArrayRef> = batch.columns()[1..].to_vec();
    for _ in 0..3 {
        let t = Instant::now();
        let mut c = udfs::span_columns::TreeColumns::default();
        for b in (0..traces).step_by(400) {
            let lo = b * per;
            let a: Vec<ArrayRef> = args.iter().map(|x| x.slice(lo, 400 * per)).collect();
            std::hint::black_box(c.compute(&a, (0..400).map(|i| i * per..(i + 1) * per)).unwrap());
        }
        println!("tree_columns: {:.0} ns/span", t.elapsed().as_nanos() as f64 / n as f64);
    }
    for parts in [1usize, 2] {
        rt.block_on(async {
            let mut ctx = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(parts));
            udfs::register_all(&mut ctx).unwrap();
            let batches: Vec<RecordBatch> = (0..n).step_by(8000).map(|o| batch.slice(o, 8000.min(n-o))).collect();
            let half = batches.len()/2;
            let table = datafusion::datasource::MemTable::try_new(batch.schema(), vec![batches[..half].to_vec(), batches[half..].to_vec()]).unwrap();
            ctx.register_table("spans", Arc::new(table)).unwrap();
            for sql in ["SELECT sum(t['self_time_ns']), sum(t['critical_path_ns']) FROM (SELECT span_tree(span_id, parent_span_id, start_time, duration_ns, span_kind, status_code, service_name, span_name) OVER (PARTITION BY trace_id) AS t FROM spans)",
              "SELECT sum(r) FROM (SELECT row_number() OVER (PARTITION BY trace_id ORDER BY start_time) AS r FROM spans)",
              "SELECT service_name, span_name, p99(duration_ns) FROM spans GROUP BY 1, 2",
              "SELECT service_name, p50(duration_ns), p99(duration_ns) FROM spans GROUP BY 1",
              "SELECT service_name, approx_percentile_cont(duration_ns, 0.99) FROM spans GROUP BY 1",
              "SELECT service_name, percentile_nearest(duration_ns, 0.99) FROM spans GROUP BY 1",
              "SELECT trace_id, p99(duration_ns) FROM spans GROUP BY 1",
              "SELECT span_id_hex(span_id) FROM spans"] {
                let t = Instant::now();
                ctx.sql(sql).await.unwrap().collect().await.unwrap();
                println!("{parts} partitions: {:.0} ns/span: {}", t.elapsed().as_nanos() as f64 / n as f64, &sql[..60.min(sql.len())]);
            }
        });
    }
}
