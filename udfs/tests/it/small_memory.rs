//! Percentiles of more values than memory holds: spilled and exact, or an error that says so.

use std::sync::Arc;

use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::{SessionConfig, SessionContext};

/// A session that may take `bytes` of memory.
fn session(bytes: usize) -> SessionContext {
    // What is spilled is read back in batches of that many groups, several at a time.
    let config = SessionConfig::new().with_target_partitions(2).with_batch_size(64);
    let pool = Arc::new(FairSpillPool::new(bytes));
    let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc().expect("a runtime");
    let mut session = SessionContext::new_with_config_rt(config, runtime);
    udfs::register_all(&mut session).expect("functions register");
    session.add_optimizer_rule(Arc::new(udfs::SharePercentiles));
    session
}

/// The rows as text, and how often an operator wrote to disk.
async fn run(session: &SessionContext, sql: &str) -> Result<(String, usize), String> {
    let frame = session.sql(sql).await.expect("plans");
    let plan = frame.create_physical_plan().await.expect("plans");
    let rows = collect(Arc::clone(&plan), session.task_ctx()).await;
    let rows = rows.map_err(|error| error.to_string())?;
    let text = datafusion::arrow::util::pretty::pretty_format_batches(&rows);
    Ok((text.expect("batches format").to_string(), spills(plan.as_ref())))
}

fn spills(plan: &dyn ExecutionPlan) -> usize {
    let here = plan.metrics().and_then(|metrics| metrics.spill_count()).unwrap_or(0);
    here + plan.children().into_iter().map(|child| spills(child.as_ref())).sum::<usize>()
}

/// 300,000 values in a thousand groups, of which each is kept four times: 10 MB as they are.
const GROUPED: &str = "SELECT sum(a), sum(b), sum(c), sum(d), sum(e) FROM ( \
    SELECT value % 1000 AS k, percentile_nearest(v, 0.99) AS a, percentile_low(v, 0.9) AS b, \
        percentile_nearest(v, 0.5, 1 + value % 3) AS c, p50(v) AS d, p99(v) AS e \
    FROM (SELECT value, (value * 7919) % 1000003 AS v FROM generate_series(1, 300000)) GROUP BY 1)";

/// Scenario: the values of all groups together do not fit, those of each group do.
/// Guarantees: they are written to disk and merged, and the answers are exactly those without a limit.
#[tokio::test]
async fn groups_spill_and_stay_exact() {
    let (expected, spilled) = run(&session(1 << 30), GROUPED).await.expect("enough memory");
    assert_eq!(spilled, 0);
    let (actual, spilled) = run(&session(4 << 20), GROUPED).await.expect("enough disk");
    assert!(spilled > 0, "it fits: make the memory smaller");
    assert_eq!(actual, expected);
}

/// Scenario: the values of one group do not fit.
/// Guarantees: an error that names the limit, not a process that is killed.
#[tokio::test]
async fn one_group_beyond_memory_is_an_error() {
    let sql =
        "SELECT percentile_nearest(value * 7919 % 100000007, 0.5) FROM generate_series(1, 3000000)";
    let error = run(&session(2 << 20), sql).await.expect_err("it does not fit");
    assert!(error.contains("Resources exhausted"), "{error}");
    run(&session(1 << 30), sql).await.expect("enough memory");
}
