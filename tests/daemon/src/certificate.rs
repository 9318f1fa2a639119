//! A certificate authority for one run, and the server's certificate by it.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

/// All in PEM.
pub(crate) struct Certificates {
    pub(crate) authority: String,
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// Issues a certificate for a host name and for nothing else, its addresses included.
pub(crate) fn issue(host: &str) -> Result<Certificates, rcgen::Error> {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    authority.distinguished_name.push(DnType::CommonName, "jitsimeet test authority");
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

    let key = KeyPair::generate()?;
    let mut certificate = CertificateParams::new([host.to_owned()])?;
    // Erlang has no timer that is as long as the default's two thousand years.
    certificate.not_after = date_time_ymd(2100, 1, 1);
    let certificate = certificate.signed_by(&key, &authority)?;
    Ok(Certificates { authority: authority.pem(), certificate: certificate.pem(), key: key.serialize_pem() })
}
