//! Patterns with several parts, beside the regular expression that Arrow makes of them.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, LargeStringArray, Scalar, StringArray, StringViewArray};
use datafusion::arrow::compute::{cast, like};
use datafusion::arrow::datatypes::DataType;
use datafusion::prelude::SessionContext;
use proptest::prelude::*;

use super::{Pattern, TextPatterns, has_several_parts};

proptest! {
    /// Scenario: short texts of few letters, so that parts lie over each other, and line ends and letters of
    /// more than a byte among them.
    /// Guarantees: the same texts match as match the regular expression; NULL stays NULL; numbers are refused.
    #[test]
    fn same_as_a_regular_expression(
        texts in prop::collection::vec(prop::option::of("[abö\n%]{0,9}"), 0..30),
        pattern in "%[abö%]{1,4}%[abö%]{1,4}",
    ) {
        prop_assume!(has_several_parts(&pattern));
        let plain: ArrayRef = Arc::new(texts.iter().collect::<StringArray>());
        let wanted = like(&plain, &Scalar::new(StringArray::from(vec![pattern.as_str()]))).unwrap();
        let views: ArrayRef = Arc::new(texts.iter().collect::<StringViewArray>());
        let large: ArrayRef = Arc::new(texts.iter().collect::<LargeStringArray>());
        for texts in [&plain, &views, &large] {
            prop_assert_eq!(&Pattern::new(&pattern).matches(texts).unwrap(), &wanted, "{}", &pattern);
        }
        let numbers = cast(&wanted, &DataType::Int64).unwrap();
        prop_assert!(Pattern::new(&pattern).matches(&numbers).is_err());
    }
}

/// Scenario: patterns that are done otherwise.
/// Guarantees: they are left alone.
#[test]
fn others_stay() {
    for pattern in ["%a%", "a%b", "%a", "a%", "%a_%b", "%a\\%%b", "%", "", "ab", "%%a%%"] {
        assert!(!has_several_parts(pattern), "{pattern}");
    }
    for pattern in ["%a%b", "%a%b%", "%%a%%b%c"] {
        assert!(has_several_parts(pattern), "{pattern}");
    }
}

/// Scenario: such patterns in conditions, negated, of other types than text, ignoring case, and where nothing is chosen.
/// Guarantees: only conditions on text change, and answers do not.
#[tokio::test]
async fn in_conditions() {
    let plain = SessionContext::new();
    let ours = SessionContext::new();
    ours.add_optimizer_rule(Arc::new(TextPatterns::default()));
    let texts = "(VALUES ('x/a/77', 1), ('/A/77', 2), (NULL, 3), ('77/a/', 4)) AS t (path, number)";
    let cases = [
        ("path LIKE '%/a%77%'", true),
        ("path NOT LIKE '%/a%77%'", true),
        ("path LIKE '%/a%77%' OR number > 3", true),
        ("path ILIKE '%/a%77%'", false),
        ("path LIKE '%a%'", false),
        ("path LIKE '%/a%77%' ESCAPE '\\'", false),
    ];
    for (condition, is_changed) in cases {
        let sql = format!("SELECT number FROM {texts} WHERE {condition} ORDER BY number");
        let rows = |context: &SessionContext| {
            let (context, sql) = (context.clone(), sql.clone());
            async move { context.sql(&sql).await.unwrap().to_string().await.unwrap() }
        };
        assert_eq!(rows(&ours).await, rows(&plain).await, "{condition}");
        let frame = ours.sql(&sql).await.unwrap().into_optimized_plan().unwrap();
        assert_eq!(frame.to_string().contains("like("), is_changed, "{frame}");
    }
}
