//! Passkeys: WebAuthn registrations and assertions (Level 3, §6, §7.1, §7.2), and what they are made to sign here.
//!
//! A registration ties a key to an invitation that names a person; an assertion ties a ballot to that key. The challenge of
//! each is a digest of everything the person was shown, so whoever has the bytes checks them again, without a network and
//! without believing the server that kept them. The challenge of a login says nothing but that it is one. Nothing here draws
//! random bytes, reads a clock or keeps anything.

mod assertion;
mod authenticator_data;
mod client_data;
mod cose_key;
mod error;
mod login;
mod paper;
mod record;
mod registration;
mod site;
mod vote;

pub use assertion::{Assertion, Sight, verify_assertion};
pub use authenticator_data::{AuthenticatorData, Credential, Flags};
pub use client_data::{Ceremony, ClientData};
pub use cose_key::{Algorithm, CoseKey};
pub use error::PasskeyError;
pub use login::{check_login, login_challenge};
pub use paper::{BallotPaper, EnrolmentPaper, NONCE_BYTES, PaperError};
pub use record::{ENROLLED, Enrolment, INVITED, Passkey, REVOKED};
pub use registration::{Attested, Registration, verify_registration};
pub use site::{Origins, Site, is_of};
pub use vote::{Checked, VoteError, check};
