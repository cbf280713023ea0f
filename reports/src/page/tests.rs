//! How values read, and that names from the data are only names.

use engine::{Session, Settings};

use super::{Answer, Cell, Level, Page, Section, Table};

#[test]
fn values_read_by_their_unit() {
    for (column, number, shown) in [
        ("p99_ns", 1.5e9, "1.5 s"),
        ("long_minutes", 360.0, "6 h"),
        ("window_minutes", 43_200.0, "30 d"),
        ("long_minutes", 90.0, "90 min"),
        ("objective", 0.999, "99.9 %"),
        ("objective", 0.9995, "99.95 %"),
        ("error_rate_before", 0.012, "1.2 %"),
        ("burn_rate_1h", 14.4, "14.4"),
        ("risk_ratio", 3.0, "3"),
        ("traces", 19_107.0, "19,107"),
    ] {
        assert_eq!(Cell::Number(number).shown(column), shown, "{column}");
    }
    assert_eq!(Cell::Null.shown("p99_ns"), "-");
    assert_eq!(Cell::Time(1_794_268_800_000_000_000).shown("time"), "2026-11-10 00:00:00");
}

#[tokio::test]
async fn names_are_only_names() {
    let session = Session::without_lake(&Settings::default()).unwrap();
    let hostile = "<script>alert(1)</script>|`x`\u{1b}[2J\n# heading";
    let sql = format!(
        "SELECT '{hostile}' AS service_name, 0.25 AS error_rate, CAST('NaN' AS DOUBLE) AS p50_ns"
    );
    let table = Table::ask(&session, &sql).await.unwrap();
    let row = table.rows().next().unwrap();
    assert_eq!((row.text("service_name"), row.number("error_rate")), (hostile, Some(0.25)));
    // What is no number is nothing, and so is what is not there.
    assert_eq!((row.number("p50_ns"), row.number("nothing")), (None, None));
    let page = Page {
        title: "Title".into(),
        scope: "scope".into(),
        answers: vec![
            Answer { level: Level::Good, text: "all is well".into() },
            Answer { level: Level::Warning, text: hostile.into() },
        ],
        sections: vec![Section { title: hostile.into(), table: Some(table), ..Section::default() }],
    };
    assert_eq!(page.level(), Level::Warning);
    let html = page.html();
    assert!(!html.contains("<script") && html.contains("&lt;script"), "{html}");
    for text in [page.text(), page.headline()] {
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(!text.lines().any(|line| line.starts_with("# heading")), "{text}");
    }
    let markdown = page.markdown();
    let (before_sql, _) = markdown.split_once("```sql").unwrap();
    assert!(!before_sql.contains("<script") && !before_sql.contains('\u{1b}'), "{before_sql}");
    let json: serde_json::Value = serde_json::from_str(&page.json().unwrap()).unwrap();
    assert_eq!(json["sections"][0]["table"]["rows"][0]["error_rate"], 0.25);
}
