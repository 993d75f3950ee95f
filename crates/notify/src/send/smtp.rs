//! Sending a mail over SMTP: to a judged address, under the server's own name.

use std::net::SocketAddr;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use types::{Code, Millis};

use super::Failure;
use crate::address::{Names, checked};
use crate::event::Event;
use crate::message;
use crate::settings::{Mail, Protection, Target};

/// Is how long a server may take for one answer.
const ONE: Duration = Duration::from_secs(10);

/// Is how long it may take for everything.
const WHOLE: Duration = Duration::from_secs(30);

/// Sends a mail once.
pub(super) async fn send(
    names: &dyn Names,
    target: &Target,
    mail: &Mail,
    event: &Event,
    now: Millis,
) -> Result<(), Failure> {
    let message = message::mail::message(event, mail, now)?;
    let sending = async {
        let addresses = checked(names, &target.reach, &mail.server, mail.port).await?;
        let mut sent = Err(Failure::new(Code::UpstreamUnavailable, "the mail server has no address"));
        for address in addresses {
            let transport = transport(target, mail, address)?;
            sent = transport.send(message.clone()).await.map(drop).map_err(|error| failure(&error));
            // Another address is tried only if nothing can have arrived.
            if !sent.as_ref().is_err_and(|failure| failure.code == Code::UpstreamUnavailable) {
                break;
            }
        }
        sent
    };
    let too_long = Failure::new(Code::UpstreamTimeout, "the mail server did not take it within 30 seconds");
    tokio::time::timeout(WHOLE, sending).await.unwrap_or(Err(too_long))
}

fn transport(target: &Target, mail: &Mail, address: SocketAddr) -> Result<AsyncSmtpTransport<Tokio1Executor>, Failure> {
    let tls = match mail.protection {
        Protection::None => Tls::None,
        Protection::StartTls => Tls::Required(parameters(target, mail)?),
        Protection::Implicit => Tls::Wrapper(parameters(target, mail)?),
    };
    // The address is the one that was judged; the name is for TLS alone.
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.ip().to_string())
        .port(address.port())
        .tls(tls)
        .timeout(Some(ONE))
        .hello_name(ClientId::Domain(mail.from.email.domain().to_owned()));
    if let Some((user, password)) = &mail.credentials {
        builder = builder.credentials(Credentials::new(user.clone(), password.text().to_owned()));
    }
    Ok(builder.build())
}

fn parameters(target: &Target, mail: &Mail) -> Result<TlsParameters, Failure> {
    let unusable = |error: Error| Failure::new(Code::NotifyInvalid, format!("TLS cannot be set up: {error}"));
    let mut builder = TlsParameters::builder(mail.server.clone());
    if let Some(pem) = &target.authorities {
        builder = builder.add_root_certificate(Certificate::from_pem(pem).map_err(unusable)?);
    }
    builder.build().map_err(unusable)
}

fn failure(error: &Error) -> Failure {
    let status = error.status().map(u16::from);
    let code = match status {
        _ if error.is_timeout() => Code::UpstreamTimeout,
        Some(_) => Code::UpstreamInvalid,
        None => Code::UpstreamUnavailable,
    };
    let says = format!("the mail server does not take it: {}", crate::text::failure(&error.to_string()));
    Failure { status, ..Failure::new(code, says) }
}
