//! SCRAM (RFC 5802, RFC 7677): the client's messages and the proof that the server knows the password too.
//!
//! Channel binding is not offered (`n`): no server gives any over WebSocket. The key derivation, which costs tens of
//! milliseconds, is not done here: [`Scram::challenge`] says what to derive, the driver does it elsewhere.

use std::num::NonZeroU32;

use data_encoding::BASE64;
use ring::{digest, hmac, pbkdf2};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// More would be an attack on our processor; servers use 4,096 to some 600,000.
const MAX_ITERATIONS: u32 = 2_000_000;

/// The hash of a SCRAM mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Hash {
    Sha1,
    Sha256,
}

/// Why the exchange failed on the server's side of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScramError {
    #[error("its challenge is malformed")]
    Malformed,
    #[error("its challenge does not continue our nonce")]
    Nonce,
    #[error("it asks for {0} rounds of key derivation, out of bounds")]
    Iterations(u32),
    #[error("it wants an extension that this client does not know")]
    Extension,
    #[error("it could not prove that it knows the password: it may be an impostor")]
    Signature,
}

/// What turns the password into the key of this exchange.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Derivation {
    pub hash: Hash,
    pub salt: Vec<u8>,
    pub iterations: NonZeroU32,
}

/// Shows neither salt nor count: together with a recorded exchange they help who guesses passwords.
impl std::fmt::Debug for Derivation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Derivation").field("hash", &self.hash).finish_non_exhaustive()
    }
}

/// The salted password; wiped when dropped.
pub(crate) type SaltedPassword = Zeroizing<Vec<u8>>;

impl Derivation {
    /// PBKDF2. Slow on purpose.
    pub(crate) fn derive(&self, password: &str) -> SaltedPassword {
        let mut key = Zeroizing::new(vec![0; self.hash.digest().output_len()]);
        pbkdf2::derive(self.hash.pbkdf2(), self.iterations, &self.salt, password.as_bytes(), &mut key);
        key
    }
}

/// One exchange.
pub(crate) struct Scram {
    hash: Hash,
    nonce: String,
    client_first_bare: String,
    server_first: String,
    combined_nonce: String,
    server_signature: Option<hmac::Tag>,
}

impl Scram {
    /// `nonce` must be unpredictable and fresh.
    pub(crate) fn new(hash: Hash, username: &str, nonce: String) -> Self {
        let username = username.replace('=', "=3D").replace(',', "=2C");
        let client_first_bare = format!("n={username},r={nonce}");
        Self {
            hash,
            nonce,
            client_first_bare,
            server_first: String::new(),
            combined_nonce: String::new(),
            server_signature: None,
        }
    }

    pub(crate) fn client_first(&self) -> String {
        format!("n,,{}", self.client_first_bare)
    }

    /// Takes the server's first message.
    pub(crate) fn challenge(&mut self, message: &str) -> Result<Derivation, ScramError> {
        let mut fields = message.split(',').map(|field| field.split_once('='));
        let mut field = |name| match fields.next() {
            Some(Some((found, value))) if found == name => Ok(value),
            Some(Some(("m", _))) => Err(ScramError::Extension),
            _ => Err(ScramError::Malformed),
        };
        let (nonce, salt, iterations) = (field("r")?, field("s")?, field("i")?);
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(ScramError::Nonce);
        }
        let salt = BASE64.decode(salt.as_bytes()).map_err(|_| ScramError::Malformed)?;
        let iterations: u32 = iterations.parse().map_err(|_| ScramError::Malformed)?;
        let iterations = NonZeroU32::new(iterations)
            .filter(|count| count.get() <= MAX_ITERATIONS)
            .ok_or(ScramError::Iterations(iterations))?;
        self.server_first = message.to_owned();
        self.combined_nonce = nonce.to_owned();
        Ok(Derivation { hash: self.hash, salt, iterations })
    }

    /// The client's final message, with the proof.
    pub(crate) fn client_final(&mut self, salted_password: &SaltedPassword) -> String {
        let algorithm = self.hash.hmac();
        let sign = |key: &[u8], text: &str| hmac::sign(&hmac::Key::new(algorithm, key), text.as_bytes());
        // "biws" is the base64 form of the header "n,,".
        let without_proof = format!("c=biws,r={}", self.combined_nonce);
        let auth_message = format!("{},{},{without_proof}", self.client_first_bare, self.server_first);
        let client_key = sign(salted_password, "Client Key");
        let stored_key = digest::digest(self.hash.digest(), client_key.as_ref());
        let client_signature = sign(stored_key.as_ref(), &auth_message);
        let proof: Vec<u8> = client_key
            .as_ref()
            .iter()
            .zip(client_signature.as_ref())
            .map(|(key, signature)| key ^ signature)
            .collect();
        let server_key = sign(salted_password, "Server Key");
        self.server_signature = Some(sign(server_key.as_ref(), &auth_message));
        format!("{without_proof},p={}", BASE64.encode(&proof))
    }

    /// Checks the server's final message.
    pub(crate) fn verify(&self, message: &str) -> Result<(), ScramError> {
        let verifier = message.split(',').next().and_then(|field| field.strip_prefix("v="));
        let given = verifier.and_then(|verifier| BASE64.decode(verifier.as_bytes()).ok());
        match (given, &self.server_signature) {
            (Some(given), Some(expected)) if given.ct_eq(expected.as_ref()).into() => Ok(()),
            _ => Err(ScramError::Signature),
        }
    }
}

impl Hash {
    pub(crate) const fn mechanism(self) -> &'static str {
        match self {
            Self::Sha1 => "SCRAM-SHA-1",
            Self::Sha256 => "SCRAM-SHA-256",
        }
    }

    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
        }
    }

    fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 5802, section 5, and RFC 7677, section 3: user "user", password "pencil".
    const EXAMPLES: [(Hash, &str, &str, &str, &str); 2] = [
        (
            Hash::Sha1,
            "fyko+d2lbbFgONRv9qkxdawL",
            "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
            "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        ),
        (
            Hash::Sha256,
            "rOprNGfwEbeRWgbNEkqO",
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        ),
    ];

    #[test]
    fn the_exchange_is_that_of_the_rfcs() {
        for (hash, nonce, server_first, client_final, server_final) in EXAMPLES {
            let mut scram = Scram::new(hash, "user", nonce.to_owned());
            assert_eq!(scram.client_first(), format!("n,,n=user,r={nonce}"));
            let key = scram.challenge(server_first).unwrap().derive("pencil");
            assert_eq!(scram.client_final(&key), client_final);
            assert_eq!(scram.verify(server_final), Ok(()));
        }
    }

    #[test]
    fn a_server_that_does_not_know_the_password_is_refused() {
        let (hash, nonce, server_first, _, _) = EXAMPLES[0];
        let mut scram = Scram::new(hash, "user", nonce.to_owned());
        assert_eq!(scram.verify("v="), Err(ScramError::Signature), "before the challenge");
        let key = scram.challenge(server_first).unwrap().derive("pencil");
        scram.client_final(&key);
        for message in ["v=AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "v=", "", "e=other-error"] {
            assert_eq!(scram.verify(message), Err(ScramError::Signature), "{message}");
        }
    }

    #[test]
    fn a_bad_challenge_is_refused_by_name() {
        let cases = [
            ("", ScramError::Malformed),
            ("r=abcd", ScramError::Malformed),
            ("r=abcd,s=!,i=1", ScramError::Malformed),
            ("r=abcd,s=AA==,i=x", ScramError::Malformed),
            ("r=abcd,s=AA==,i=0", ScramError::Iterations(0)),
            ("r=abcd,s=AA==,i=4000000000", ScramError::Iterations(4_000_000_000)),
            ("r=abc,s=AA==,i=1", ScramError::Nonce),
            ("r=xyz,s=AA==,i=1", ScramError::Nonce),
            ("m=x,r=abcd,s=AA==,i=1", ScramError::Extension),
        ];
        for (message, expected) in cases {
            let outcome = Scram::new(Hash::Sha1, "user", "abc".to_owned()).challenge(message);
            assert_eq!(outcome.err(), Some(expected), "{message}");
        }
    }

    #[test]
    fn the_username_is_escaped() {
        assert_eq!(Scram::new(Hash::Sha1, "a=b,c", "n".to_owned()).client_first(), "n,,n=a=3Db=2Cc,r=n");
    }
}
