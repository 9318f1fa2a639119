//! What the process remembers between sessions: what a server offers, and the keys of accounts.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;
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
    keys: Mutex<HashMap<Key, SaltedPassword>>,
    deriving: Deriving,
}

struct Deriving(Arc<Semaphore>);

impl Default for Deriving {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(DERIVATIONS)))
    }
}

/// A salted password belongs to a password as much as to a name: a changed password must be derived anew.
#[derive(PartialEq, Eq)]
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
    // Never closed, so a permit always comes.
    let permit = Arc::clone(&knowledge.deriving.0).acquire_owned().await;
    if let Some(found) = lock(&knowledge.keys).get(&key) {
        return found.clone();
    }
    let derived = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let salted = key.derivation.derive(&key.password);
        let mut keys = lock(&knowledge.keys);
        if keys.len() >= MAX_KEYS {
            keys.clear();
        }
        keys.insert(key, salted.clone());
        salted
    });
    // A derivation that panicked leaves a key that no server accepts.
    derived.await.unwrap_or_default()
}
