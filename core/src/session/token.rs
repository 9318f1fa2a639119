//! What a JSON Web Token says of itself. Nothing is verified: that is the server's business.

use std::time::{Duration, Instant, SystemTime};

use jwt_compact::UntrustedToken;
use serde::Deserialize;

/// Beside the standard claims: nothing.
#[derive(Deserialize)]
struct Ignored {}

/// The calendar's time, as of a moment of the clock that everything else goes by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WallClock {
    pub instant: Instant,
    pub system: SystemTime,
}

impl WallClock {
    pub(crate) fn now() -> Self {
        Self { instant: Instant::now(), system: SystemTime::now() }
    }

    pub(super) fn at(&self, now: Instant) -> SystemTime {
        self.system + now.saturating_duration_since(self.instant)
    }

    /// How long it is until then; nothing if it has passed.
    pub(super) fn until(&self, now: Instant, then: SystemTime) -> Duration {
        then.duration_since(self.at(now)).unwrap_or_default()
    }
}

/// When a token expires (RFC 7519, section 4.1.4); `None` if it does not say so, or is no token.
pub(super) fn expiry(token: &str) -> Option<SystemTime> {
    let token = UntrustedToken::new(token).ok()?;
    let claims = token.deserialize_claims_unchecked::<Ignored>().ok()?;
    let seconds = claims.expiration?.timestamp();
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64URL_NOPAD;

    use super::*;

    pub(crate) fn token(payload: &str) -> String {
        let part = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
        format!("{}.{}.{}", part(r#"{"alg":"HS256","typ":"JWT"}"#), part(payload), part("signature"))
    }

    #[test]
    fn the_expiry_is_the_claim_and_what_has_none_does_not_expire() {
        let at = |seconds| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(
            expiry(&token(r#"{"exp":1700000000,"room":"*","context":{"user":{}}}"#)),
            at(1_700_000_000)
        );
        assert_eq!(expiry(&token(r#"{"exp":-5}"#)), at(0));
        for without in
            [token("{}"), token(r#"{"exp":"soon"}"#), token("[]"), "no token".to_owned(), String::new()]
        {
            assert_eq!(expiry(&without), None, "{without}");
        }
        assert_eq!(expiry(&token(r#"{"exp":99999999999999999}"#)), None, "beyond the calendar");
    }
}
