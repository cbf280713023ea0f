//! Which rule wins, and the hash against published vectors.

use super::*;

fn rules(rules: &[Rule]) -> RuleSet {
    RuleSet::new(rules, &Secret("key".into())).expect("good rules")
}

fn key(key: &str, action: Action) -> Rule {
    Rule { key: Some(key.into()), action, ..Rule::default() }
}

fn prefix(prefix: &str, action: Action) -> Rule {
    Rule { key_prefix: Some(prefix.into()), action, ..Rule::default() }
}

fn value(pattern: &str, action: Action) -> Rule {
    Rule { value_regex: Some(pattern.into()), action, ..Rule::default() }
}

#[test]
fn the_first_rule_that_fits_counts() {
    let set = rules(&[
        value("^keep", Action::Mask),
        key("user.email", Action::Drop),
        prefix("user.", Action::Hash),
        value("@", Action::Mask),
    ]);
    let judge = |key: &str, text: &str| set.judge(Some(key.as_bytes()), Some(text.as_bytes()), b"");
    let mask = || Some(Found::Text("***".into()));
    assert_eq!(judge("user.email", "a@b"), Some(Found::Drop));
    assert_eq!(judge("user.email", "keep"), mask());
    assert_eq!(judge("mail", "a@b"), mask());
    assert_eq!(judge("mail", "a"), None);
    assert_eq!(judge("user", "a"), None);
    let Some(Found::Text(hash)) = judge("user.name", "a@b") else { panic!("not hashed") };
    assert_eq!(hash.len(), 32);
    assert_eq!(judge("user.id", "a@b"), Some(Found::Text(hash)));
    // A value that is no scalar is judged by its key alone.
    assert_eq!(set.judge(Some(b"mail"), None, b"a@b"), None);
}

#[test]
fn the_hash_is_hmac_sha256() {
    let check = |key: &[u8], value: &[u8], expected: &str| {
        assert_eq!(KeyedHash::new(key).of(value), expected);
    };
    // RFC 4231, cases 1, 2 and 6, cut to 16 bytes.
    check(&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b");
    check(b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c7");
    let long = b"Test Using Larger Than Block-Size Key - Hash Key First";
    check(&[0xaa; 131], long, "60e431591ee0b67f0d8a26aacbf5b77f");
}

#[test]
fn rules_that_mean_nothing_are_refused() {
    let refused = |rule: Rule, secret: &str| {
        RuleSet::new(&[rule], &Secret(secret.into())).unwrap_err().to_string()
    };
    let one = "ingest.redaction: rule 1: set exactly one of key, key_prefix and value_regex";
    assert_eq!(refused(Rule::default(), ""), one);
    let both = Rule { key_prefix: Some("a".into()), ..key("a", Action::Drop) };
    assert_eq!(refused(both, ""), one);
    assert_eq!(
        refused(key("a", Action::Hash), ""),
        "ingest.redaction: rule 1: the action hash needs ingest.redaction_hash_key"
    );
    assert!(refused(value("(", Action::Drop), "").starts_with("ingest.redaction: value_regex: "));
}
