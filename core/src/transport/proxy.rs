//! Through an HTTP proxy, by CONNECT (RFC 9110, section 9.3.6): whatever the connection is to carry, the proxy sees
//! the name of the server and nothing else.

use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::header::{HOST, PROXY_AUTHORIZATION};
use hyper::http::{HeaderValue, Method, Uri};
use hyper::{Request, Response};
use hyper_util::client::proxy::matcher::Matcher;
use tokio::io::{AsyncRead, AsyncWrite};
use url::{Position, Url};

use super::TransportError;
use crate::options::Config;

/// The proxy that a connection goes through.
pub(super) struct Proxy {
    pub url: Url,
    authorization: Option<HeaderValue>,
}

impl Proxy {
    /// That of the option `transport.proxy`, else that of the environment, as curl reads it. None if neither names one.
    pub(super) fn of(config: &Config, target: &Url) -> Result<Option<Self>, TransportError> {
        let matcher = match config.proxy.as_deref() {
            Some("") => return Ok(None),
            Some(proxy) => Matcher::builder().all(proxy).build(),
            None => Matcher::from_env(),
        };
        let scheme = if matches!(target.scheme(), "wss" | "https") { "https" } else { "http" };
        let target = format!("{scheme}://{}/", &target[Position::BeforeHost..Position::AfterPort]);
        let target: Uri = target.parse().map_err(|_| unusable("the server cannot be named to it"))?;
        let Some(intercept) = matcher.intercept(&target) else { return Ok(None) };
        let url = Url::parse(&intercept.uri().to_string()).map_err(|_| unusable("its URL cannot be read"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(unusable(&format!(
                "it is of the kind {}, and only http and https are spoken",
                url.scheme()
            )));
        }
        Ok(Some(Self { url, authorization: intercept.basic_auth().cloned() }))
    }

    /// Asks the proxy for a tunnel to the server.
    pub(super) async fn tunnel<S>(&self, stream: S, target: &Url) -> Result<S, TransportError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let host = &target[Position::BeforeHost..Position::AfterHost];
        let authority = format!("{host}:{}", target.port_or_known_default().unwrap_or_default());
        let mut request = Request::builder()
            .method(Method::CONNECT)
            .uri(authority.as_str())
            .header(HOST, authority.as_str());
        if let Some(authorization) = &self.authorization {
            request = request.header(PROXY_AUTHORIZATION, authorization);
        }
        let request =
            request.body(Empty::new()).map_err(|_| self.refused("the server cannot be named to it"))?;
        let agreed = |response: &Response<Incoming>| match response.status().as_u16() {
            200..300 => Ok(()),
            407 => Err(self.refused("it wants a user name and a password (HTTP 407)")),
            other => Err(self.refused(&format!("it refused the tunnel with HTTP {other}"))),
        };
        super::http::switch(stream, request, agreed).await.map_err(|error| self.failed(error))
    }

    /// Without user name and password.
    pub(super) fn display(&self) -> String {
        self.url[Position::BeforeHost..Position::AfterPort].to_owned()
    }

    /// Whatever fails on the way to the server fails at the proxy.
    pub(super) fn failed(&self, error: TransportError) -> TransportError {
        match error {
            error @ TransportError::Proxy { .. } => error,
            error => {
                TransportError::Proxy { proxy: self.display(), reason: error.to_string(), transient: true }
            }
        }
    }

    /// What the proxy says now it will say again.
    fn refused(&self, reason: &str) -> TransportError {
        TransportError::Proxy { proxy: self.display(), reason: reason.to_owned(), transient: false }
    }
}

fn unusable(reason: &str) -> TransportError {
    TransportError::Proxy {
        proxy: "of the environment".to_owned(),
        reason: reason.to_owned(),
        transient: false,
    }
}
