//! What the process remembers between sessions: what a server offers, and the keys of accounts.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OnceCell, Semaphore};
use url::Url;
use zeroize::Zeroizing;

use crate::PerProcess;
use crate::session::{Credentials, Derivation, Known, SaltedPassword};

/// More services than a process talks to; what is beyond is forgotten, which costs a round trip.
const MAX_SERVICES: usize = 1_000;
/// Keys kept: the accounts that a process logs in again and again.
const MAX_KEYS: usize = 1_000;
/// Derivations at once, out of the blocking threads of the runtime, so that name look-ups never wait for them.
const DERIVATIONS: usize = 2;

static KNOWLEDGE: PerProcess<Knowledge> = PerProcess::new();

#[derive(Default)]
struct Knowledge {
    services: Mutex<HashMap<String, Known>>,
    /// Each is derived by the first who wants it, while the others wait.
    keys: Mutex<HashMap<Key, Arc<OnceCell<SaltedPassword>>>>,
    deriving: Deriving,
}

struct Deriving(Arc<Semaphore>);

impl Default for Deriving {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(DERIVATIONS)))
    }
}

/// A salted password belongs to a password as much as to a name: a changed password must be derived anew.
#[derive(Clone, PartialEq, Eq)]
struct Key {
    jid: String,
    password: Zeroizing<String>,
    derivation: Derivation,
}

/// Without the password, which only equality needs.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.jid, &self.derivation).hash(state);
    }
}

/// Forgets everything, for a process that is done with it: among it are keys.
pub(crate) fn forget() {
    let knowledge = KNOWLEDGE.get();
    *lock(&knowledge.services) = HashMap::new();
    *lock(&knowledge.keys) = HashMap::new();
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn service(url: &Url, domain: &str) -> String {
    let port = url.port().map_or_else(String::new, |port| port.to_string());
    format!("{} {} {port} {} {domain}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

/// What is known of the server that serves a domain at a URL.
pub(crate) fn of(url: &Url, domain: &str) -> Known {
    lock(&KNOWLEDGE.get().services).get(&service(url, domain)).copied().unwrap_or_default()
}

/// Remembers it, for this process.
pub(crate) fn learn(url: &Url, domain: &str, known: Known) {
    let mut services = lock(&KNOWLEDGE.get().services);
    if services.len() >= MAX_SERVICES {
        services.clear();
    }
    services.insert(service(url, domain), known);
}

/// The salted password of an account, derived once for a thousand logins.
pub(crate) async fn derive(credentials: Credentials, derivation: Derivation) -> SaltedPassword {
    let Credentials::Account(account) = &credentials else { return SaltedPassword::default() };
    let jid = format!("{}@{}", account.username, account.domain);
    let key = Key { jid, password: account.password.clone(), derivation };
    let knowledge = KNOWLEDGE.get();
    let cell = {
        let mut keys = lock(&knowledge.keys);
        if keys.len() >= MAX_KEYS && !keys.contains_key(&key) {
            keys.clear();
        }
        Arc::clone(keys.entry(key.clone()).or_default())
    };
    let derive = || async move {
        // Never closed, so a permit always comes.
        let permit = Arc::clone(&knowledge.deriving.0).acquire_owned().await;
        let derived = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            key.derivation.derive(&key.password)
        });
        derived.await
    };
    // A derivation that panicked leaves a key that no server accepts, and is not kept.
    cell.get_or_try_init(derive).await.cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::Options;
    use crate::session::Hash as ScramHash;

    fn credentials(name: &str, password: &str) -> Credentials {
        let mut options = Options::new();
        options
            .merge(serde_json::json!({ "serviceUrl": "wss://h/x", "hosts": { "domain": "meet.example" } }))
            .unwrap();
        Credentials::new(&options.config().unwrap(), None, Some(name), Some(password)).unwrap()
    }

    fn derivation(salt: &[u8]) -> Derivation {
        let iterations = NonZeroU32::new(1_000).unwrap();
        Derivation { hash: ScramHash::Sha1, salt: salt.to_vec(), iterations }
    }

    fn kept(name: &str) -> usize {
        let jid = format!("{name}@meet.example");
        lock(&KNOWLEDGE.get().keys).keys().filter(|key| key.jid == jid).count()
    }

    #[tokio::test]
    async fn a_thousand_logins_of_an_account_derive_its_key_once() {
        let logins = (0..1_000).map(|_| derive(credentials("thousand", "pencil"), derivation(b"salt")));
        let keys = futures_util::future::join_all(logins).await;
        assert_eq!(*keys[0], *derivation(b"salt").derive("pencil"));
        assert!(keys.iter().all(|key| *key == keys[0]));
        assert_eq!(kept("thousand"), 1);
        // What is kept is what is used: a key that no derivation makes comes back.
        let planted = SaltedPassword::new(vec![7]);
        let cell = Arc::new(OnceCell::new_with(Some(planted.clone())));
        for (key, kept) in lock(&KNOWLEDGE.get().keys).iter_mut() {
            if key.jid.starts_with("thousand@") {
                kept.clone_from(&cell);
            }
        }
        assert_eq!(derive(credentials("thousand", "pencil"), derivation(b"salt")).await, planted);
    }

    #[tokio::test]
    async fn a_changed_password_and_a_changed_salt_are_derived_anew() {
        for (password, salt) in [("pencil", b"one"), ("eraser", b"one"), ("pencil", b"two")] {
            let key = derive(credentials("changed", password), derivation(salt)).await;
            assert_eq!(*key, *derivation(salt).derive(password));
        }
        assert_eq!(kept("changed"), 3);
    }

    #[test]
    fn what_a_server_offers_is_remembered_by_its_url_and_its_domain() {
        let url = |text: &str| Url::parse(text).unwrap();
        let known = Known { no_management: true, ..Known::default() };
        learn(&url("wss://remembered/x?token=secret"), "meet.example", known);
        assert_eq!(of(&url("wss://remembered/x?room=r"), "meet.example"), known);
        for (other, domain) in [
            ("wss://remembered/y", "meet.example"),
            ("ws://remembered/x", "meet.example"),
            ("wss://remembered/x", "other"),
        ] {
            assert_eq!(of(&url(other), domain), Known::default(), "{other} {domain}");
        }
    }
}
