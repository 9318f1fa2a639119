//! Who may log in: guests, bearers of tokens, accounts.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use data_encoding::BASE64;
use jwt_compact::alg::{Hs256, Hs256Key};
use jwt_compact::{AlgorithmExt, Claims, Header, TimeOptions, Token, UntrustedToken};
use minidom::rxml::NcName;
use ring::{digest, hmac, pbkdf2};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::xml::escape;

/// Why a login is refused: the SASL condition and the text that Jitsi's Prosody sends with it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub condition: &'static str,
    pub text: Option<&'static str>,
}

impl Refusal {
    pub(crate) const NOT_AUTHORIZED: Self = Self { condition: "not-authorized", text: None };
    pub(crate) const MALFORMED: Self = Self { condition: "malformed-request", text: None };
}

/// What we read beside the standard claims.
#[derive(Deserialize, Serialize)]
struct Accepted {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    context: Option<Context>,
}

/// Who the bearer of a token is, as Jitsi's tokens say.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
struct Context {
    #[serde(default)]
    user: Map<String, Value>,
    #[serde(default)]
    group: Option<String>,
}

impl Context {
    /// As it stands in a presence. What cannot be the name of an element is left out.
    fn identity(&self) -> String {
        let value = |value: &Value| match value {
            Value::String(text) => Some(escape(text).into_owned()),
            Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
            _ => None,
        };
        let user = self.user.iter().filter(|(name, _)| NcName::try_from(name.as_str()).is_ok());
        let user = user.filter_map(|(name, it)| Some(format!("<{name}>{}</{name}>", value(it)?)));
        let group = self.group.iter().map(|group| format!("<group>{}</group>", escape(group)));
        let (user, group): (String, String) = (user.collect(), group.collect());
        format!("<identity><user>{user}</user>{group}</identity>")
    }
}

/// Checks a token the way Jitsi's token authentication does. What it says of its bearer, as it stands in a presence.
pub(crate) fn check_token(secret: &str, token: Option<&str>) -> Result<Option<String>, Refusal> {
    let refuse = |text| Err(Refusal { condition: "not-allowed", text: Some(text) });
    let Some(token) = token else { return refuse("token required") };
    let untrusted = UntrustedToken::new(token).ok();
    let token: Option<Token<Accepted>> =
        untrusted.and_then(|token| Hs256.validator(&Hs256Key::new(secret.as_bytes())).validate(&token).ok());
    let Some(token) = token else { return refuse("Invalid signature") };
    match token.claims().validate_expiration(&TimeOptions::default()) {
        Ok(_) => Ok(token.claims().custom.context.as_ref().map(Context::identity)),
        Err(_) => refuse("Not acceptable by exp"),
    }
}

/// A token that a server with this secret accepts, for an hour.
#[must_use]
pub fn token(secret: &str) -> String {
    token_for(secret, None, chrono::Duration::hours(1))
}

/// Such a token that names its bearer: `user` holds `id`, `name` and what else is known, each a text.
#[must_use]
pub fn token_of(secret: &str, user: Map<String, Value>, group: Option<String>) -> String {
    token_for(secret, Some(Context { user, group }), chrono::Duration::hours(1))
}

/// A token that such a server would have accepted until an hour ago.
#[must_use]
pub fn expired_token(secret: &str) -> String {
    token_for(secret, None, chrono::Duration::hours(-1))
}

fn token_for(secret: &str, context: Option<Context>, duration: chrono::Duration) -> String {
    let claims = Claims::new(Accepted { context }).set_duration(&TimeOptions::default(), duration);
    let key = Hs256Key::new(secret.as_bytes());
    Hs256.token(&Header::empty(), &claims, &key).expect("claims of text can be written")
}

/// The server's side of SCRAM (RFC 5802).
pub(crate) struct Scram {
    sha256: bool,
    client_first_bare: String,
    server_first: String,
    salted_password: Vec<u8>,
    pub username: String,
}

/// What a server stores of an account instead of its password; here from its first login on.
#[derive(Debug, Default)]
pub(crate) struct SaltedPasswords(Mutex<HashMap<(String, bool), Vec<u8>>>);

impl SaltedPasswords {
    /// The salt, which is one for an account, and the salted password.
    fn of(&self, username: &str, password: &str, sha256: bool) -> (Vec<u8>, Vec<u8>) {
        let salt = digest::digest(&digest::SHA256, username.as_bytes()).as_ref()[..16].to_vec();
        let (algorithm, length) = match sha256 {
            true => (pbkdf2::PBKDF2_HMAC_SHA256, 32),
            false => (pbkdf2::PBKDF2_HMAC_SHA1, 20),
        };
        let mut stored = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let salted = stored.entry((username.to_owned(), sha256)).or_insert_with(|| {
            let mut salted = vec![0; length];
            pbkdf2::derive(algorithm, ITERATIONS, &salt, password.as_bytes(), &mut salted);
            salted
        });
        (salt, salted.clone())
    }
}

const ITERATIONS: std::num::NonZeroU32 = std::num::NonZeroU32::new(4096).expect("not zero");

impl Scram {
    /// Takes the client's first message.
    pub(crate) fn start(
        sha256: bool,
        message: &str,
        accounts: &HashMap<String, String>,
        salted: &SaltedPasswords,
    ) -> Result<(Self, String), Refusal> {
        let bare = message.strip_prefix("n,,").ok_or(Refusal::MALFORMED)?;
        let (name, nonce) = bare.split_once(",r=").ok_or(Refusal::MALFORMED)?;
        let name = name.strip_prefix("n=").ok_or(Refusal::MALFORMED)?;
        let username = name.replace("=2C", ",").replace("=3D", "=");
        let password = accounts.get(&username).ok_or(Refusal::NOT_AUTHORIZED)?;
        let (salt, salted_password) = salted.of(&username, password, sha256);
        let server_first = format!("r={nonce}server,s={},i={ITERATIONS}", BASE64.encode(&salt));
        let scram = Self {
            sha256,
            client_first_bare: bare.to_owned(),
            server_first: server_first.clone(),
            salted_password,
            username,
        };
        Ok((scram, server_first))
    }

    /// Takes the client's final message; the server's final message proves that we know the password too.
    pub(crate) fn finish(&self, message: &str) -> Result<String, Refusal> {
        let (without_proof, proof) = message.split_once(",p=").ok_or(Refusal::MALFORMED)?;
        let nonce = self.server_first.split(',').next().unwrap_or_default();
        if without_proof != format!("c=biws,{nonce}") {
            return Err(Refusal::MALFORMED);
        }
        let proof = BASE64.decode(proof.as_bytes()).map_err(|_| Refusal::MALFORMED)?;
        let auth_message = format!("{},{},{without_proof}", self.client_first_bare, self.server_first);
        let client_key = self.sign(&self.salted_password, "Client Key");
        let hash = if self.sha256 { &digest::SHA256 } else { &digest::SHA1_FOR_LEGACY_USE_ONLY };
        let stored_key = digest::digest(hash, &client_key);
        let signature = self.sign(stored_key.as_ref(), &auth_message);
        let expected: Vec<u8> =
            client_key.iter().zip(&signature).map(|(key, signature)| key ^ signature).collect();
        if proof != expected {
            return Err(Refusal::NOT_AUTHORIZED);
        }
        let server_key = self.sign(&self.salted_password, "Server Key");
        Ok(format!("v={}", BASE64.encode(&self.sign(&server_key, &auth_message))))
    }

    fn sign(&self, key: &[u8], text: &str) -> Vec<u8> {
        let algorithm = if self.sha256 { hmac::HMAC_SHA256 } else { hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY };
        hmac::sign(&hmac::Key::new(algorithm, key), text.as_bytes()).as_ref().to_vec()
    }
}
