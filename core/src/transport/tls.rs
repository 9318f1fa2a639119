//! TLS client configurations, one for each distinct set of options, and what their errors mean.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, InconsistentKeys, RootCertStore,
    SignatureScheme,
};
use rustls_platform_verifier::BuilderVerifierExt;

use super::TransportError;
use crate::options::Tls;
use crate::{Error, PerProcess};

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The configurations in use. A configuration holds its roots (hundreds of KiB for the platform's), so connections
/// with equal options share one, and with it the cache of TLS sessions.
static CONFIGS: PerProcess<Mutex<Vec<Used>>> = PerProcess::new();
type Used = (Tls, Weak<ClientConfig>);

/// Reports what is wrong with the options, at construction.
pub(crate) fn check(tls: &Tls) -> Result<(), Error> {
    roots(tls)?;
    identity(tls)?;
    Ok(())
}

pub(super) fn client_config(tls: &Tls) -> Result<Arc<ClientConfig>, TransportError> {
    let mut configs = CONFIGS.get().lock().unwrap_or_else(PoisonError::into_inner);
    configs.retain(|(_, config)| config.strong_count() > 0);
    if let Some(config) = configs.iter().find(|(key, _)| key == tls).and_then(|(_, config)| config.upgrade())
    {
        return Ok(config);
    }
    let config =
        Arc::new(build(tls).map_err(|reason| TransportError::TlsHandshake { reason: format!("{reason}.") })?);
    configs.push((tls.clone(), Arc::downgrade(&config)));
    Ok(config)
}

fn build(tls: &Tls) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match roots(tls).map_err(|error| error.to_string())? {
        _ if tls.insecure => builder.dangerous().with_custom_certificate_verifier(Arc::new(Insecure)),
        Some(roots) => builder.with_root_certificates(roots),
        None => builder
            .with_platform_verifier()
            .map_err(|error| format!("the platform's certificate authorities cannot be read: {error}"))?,
    };
    match identity(tls).map_err(|error| error.to_string())? {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(|error| error.to_string()),
        None => Ok(builder.with_no_client_auth()),
    }
}

/// Our own certificate, with its chain, and its key.
fn identity(tls: &Tls) -> Result<Option<Identity>, Error> {
    let Some((certificate, key)) = &tls.client else { return Ok(None) };
    const CERTIFICATE: &str = "tls.clientCertificate";
    let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| Error::option(CERTIFICATE, format!("not PEM: {error:?}")))?;
    if chain.is_empty() {
        return Err(Error::option(CERTIFICATE, "holds no certificate in PEM form"));
    }
    // What was wrong with it says nothing of the key.
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|_| Error::option("tls.clientKey", "holds no private key in PEM form"))?;
    let signing = rustls::crypto::ring::sign::any_supported_type(&key)
        .map_err(|_| Error::option("tls.clientKey", "not a key of a kind that TLS signs with here"))?;
    let certified = CertifiedKey::new(chain.clone(), signing);
    match certified.keys_match() {
        Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            Err(Error::option("tls.clientKey", "not the key of tls.clientCertificate"))
        }
        Err(error @ rustls::Error::InvalidCertificate(_)) => {
            Err(Error::option(CERTIFICATE, format!("not a usable certificate: {error}")))
        }
        _ => Ok(Some((chain, key))),
    }
}

/// The caller's authorities; `None` is the platform's.
fn roots(tls: &Tls) -> Result<Option<RootCertStore>, Error> {
    const KEY: &str = "tls.caCertificates";
    let Some(texts) = &tls.ca_certificates else { return Ok(None) };
    let mut roots = RootCertStore::empty();
    for text in texts {
        for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
            let certificate =
                certificate.map_err(|error| Error::option(KEY, format!("not PEM: {error:?}")))?;
            roots
                .add(certificate)
                .map_err(|error| Error::option(KEY, format!("not a usable certificate: {error}")))?;
        }
    }
    if roots.is_empty() {
        return Err(Error::option(KEY, "holds no certificate in PEM form"));
    }
    Ok(Some(roots))
}

/// `tls.insecureSkipVerify`: takes every certificate. The handshake's signatures are still checked.
#[derive(Debug)]
struct Insecure;

impl ServerCertVerifier for Insecure {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Tells a certificate that was not accepted from every other way a handshake fails.
pub(super) fn handshake_error(host: &str, error: &io::Error) -> TransportError {
    let Some(rustls::Error::InvalidCertificate(certificate)) = tls_error(error) else {
        let reason = refusal(error).unwrap_or_else(|| {
            let what = match error.kind() {
                io::ErrorKind::UnexpectedEof => "the server closed the connection during it".to_owned(),
                _ => error.to_string(),
            };
            format!("{what}. Check that the port speaks TLS.")
        });
        return TransportError::TlsHandshake { reason };
    };
    let reason = match certificate {
        CertificateError::UnknownIssuer => {
            "it was not issued by an authority that is trusted here. Give the authority in tls.caCertificates if it is your own.".to_owned()
        }
        CertificateError::BadSignature => {
            "it was issued by another authority than the one that is trusted here, though under the same name. Give the right one in tls.caCertificates.".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired. Renew it on the server, or check this machine's clock.".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet. Check the clocks of this machine and of the server.".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("it is not for {host}. Check the host name of serviceUrl.")
        }
        // As `openssl req -x509` makes them. The library has no name of its own for it.
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "it is the certificate of an authority and not of a server. Issue one without basicConstraints CA:TRUE.".to_owned()
        }
        other => format!("{other}."),
    };
    TransportError::TlsCertificate { reason }
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>())
}

/// What the two sides could not agree on, as sentences that say what to do. In TLS 1.3 the server looks at our
/// certificate when the handshake is over for us, so that this may come with whatever is read first.
pub(super) fn refusal(error: &io::Error) -> Option<String> {
    use AlertDescription as Alert;
    let reason = match tls_error(error)? {
        rustls::Error::PeerIncompatible(_) | rustls::Error::AlertReceived(Alert::ProtocolVersion) => {
            "the server does not speak TLS 1.2 or 1.3, or nothing in it that is still safe. Update the server, or its settings.".to_owned()
        }
        rustls::Error::AlertReceived(Alert::CertificateRequired) => {
            "the server wants a certificate of the client. Give tls.clientCertificate and tls.clientKey.".to_owned()
        }
        rustls::Error::AlertReceived(Alert::HandshakeFailure) => {
            "the server found nothing to agree on, which is also how it asks for a certificate of the client. Check what it wants, and tls.clientCertificate and tls.clientKey.".to_owned()
        }
        rustls::Error::AlertReceived(
            alert @ (Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::DecryptError
            | Alert::AccessDenied),
        ) => format!("the server did not accept the client's certificate ({alert:?}). Check tls.clientCertificate."),
        _ => return None,
    };
    Some(reason)
}
