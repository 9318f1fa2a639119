//! Options, set one after the other.

use serde_json::Value;

use crate::{Error, Options};

/// Stands in values for what is secret.
const CANARY: &str = "CANARY";

/// Lines of a path, a space and a value in JSON. What is refused changes nothing, and neither an error nor `Debug` shows
/// a value; what is taken can be set again, and is either a configuration or an error.
pub fn options(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut options = Options::new();
    for line in text.lines() {
        let (path, json) = line.split_once(' ').unwrap_or(("", line));
        let before = options.clone();
        let outcome = options.set_json(path, json);
        let value = serde_json::from_str::<Value>(json);
        let may_show = path.contains(CANARY) || value.as_ref().is_ok_and(names_canary);
        match &outcome {
            Ok(()) => {
                let after = options.clone();
                options.set_json(path, json).expect("it was taken before");
                assert_eq!(options, after, "setting it again changes nothing");
            }
            Err(error) => {
                assert_eq!(options, before, "what is refused changes nothing");
                check(may_show, &error.to_string());
            }
        }
        if let Ok(Value::Object(keywords)) = value {
            let mut other = before.clone();
            if let Err(error) = other.merge_keywords(keywords) {
                assert_eq!(other, before, "what is refused changes nothing");
                check(may_show, &error.to_string());
            }
        }
    }
    let may_show = text.lines().any(|line| {
        let (path, json) = line.split_once(' ').unwrap_or(("", line));
        path.contains(CANARY) || serde_json::from_str(json).is_ok_and(|value| names_canary(&value))
    });
    check(may_show, &format!("{options:?}"));
    match options.config() {
        Ok(config) => {
            let shown_anyway = config.service_url.path().contains(CANARY);
            check(may_show || shown_anyway, &config.display_url());
            let url = config.url(Some("room"), Some("token"), Some("previd"));
            assert!(url.query_pairs().any(|pair| pair == ("token".into(), "token".into())));
        }
        Err(error) => {
            assert!(!matches!(error, Error::Internal(_)), "{error}");
            check(may_show, &error.to_string());
        }
    }
}

fn check(may_show: bool, shown: &str) {
    assert!(may_show || !shown.contains(CANARY), "a value is shown: {shown}");
}

/// Names, unlike values, may be shown.
fn names_canary(value: &Value) -> bool {
    match value {
        Value::Object(object) => {
            object.iter().any(|(name, value)| name.contains(CANARY) || names_canary(value))
        }
        Value::Array(values) => values.iter().any(names_canary),
        _ => false,
    }
}
