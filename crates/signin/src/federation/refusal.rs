//! Why a sign-in at somebody else's goes no further: kind words for the person, the exact reason for the ledger.

use crate::passkey::Words;
use events::signin::Cause;
use smol_str::SmolStr;

/// Why a sign-in at somebody else's goes no further. Its text is the exact reason: for the ledger, not for the person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No provider of this name is configured.
    #[error("no provider of this name is configured on this node")]
    NotConfigured,
    /// The charter in force says nothing of the provider.
    #[error("the charter in force says nothing of this provider")]
    NotInCharter,
    /// The answer is not one to a question of this browser.
    #[error("state: {0}")]
    State(#[from] StateFault),
    /// The answer names another issuer (RFC 9207).
    #[error("the answer names another issuer than the provider's, or none although it should")]
    AnswerIssuer,
    /// The provider says no.
    #[error("the provider answered `{0}`")]
    Answered(SmolStr),
    /// The provider cannot be reached, or does not answer as it must.
    #[error("{what}: {fault}")]
    Unreachable {
        /// What was wanted of it.
        what: &'static str,
        /// What happened.
        fault: FetchFault,
    },
    /// What the provider says of itself cannot be used.
    #[error("the provider's description: {0}")]
    Metadata(SmolStr),
    /// The provider gives nothing for the code.
    #[error("the provider gives nothing for the code: `{0}`")]
    Exchange(SmolStr),
    /// The node has no proof of itself for this provider.
    #[error("the node cannot prove itself to the provider: {0}")]
    Client(&'static str),
    /// The token is not what it must be.
    #[error("token: {0}")]
    Token(#[from] TokenFault),
    /// The token does not say who of us it is, or the charter does not let them in by it.
    #[error("person: {0}")]
    Person(#[from] PersonFault),
}

/// Why an answer is not one to a question of this browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateFault {
    /// The browser has no cookie of a sign-in that is under way.
    #[error("the browser has no cookie of a sign-in under way")]
    NoCookie,
    /// It was not sealed here, or for another browser or provider.
    #[error("not sealed here for this browser and provider")]
    NotOurs,
    /// It is too old.
    #[error("too old")]
    Expired,
    /// It was used before.
    #[error("used before")]
    Used,
    /// The answer has no state or no code.
    #[error("the answer lacks its state or its code, or has them twice")]
    Incomplete,
}

/// What came of asking the provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchFault {
    /// No connection, or it broke.
    #[error("no connection")]
    Connection,
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// An answer that is not the one asked for.
    #[error("answered with status {0}")]
    Status(u16),
    /// An answer too large.
    #[error("answered more than {} bytes", super::fetch::BODY_BYTES_MAX)]
    Size,
    /// Not JSON.
    #[error("answered something that is not a JSON object")]
    Form,
}

/// What is wrong with a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenFault {
    /// Not a signed token, or too long.
    #[error("not a signed token, or too long")]
    Form,
    /// An algorithm that is not allowed here.
    #[error("signed by an algorithm that is not allowed here")]
    Algorithm,
    /// A header that asks for what is not understood here.
    #[error("its header has `{0}`")]
    Header(&'static str),
    /// No key of the provider's is the one it names.
    #[error("no key of the provider, or more than one, is the one it was signed with")]
    Key,
    /// The signature is wrong.
    #[error("the signature is wrong")]
    Signature,
    /// A claim is missing or not of its form.
    #[error("the claim `{0}` is missing or not of its form")]
    Claim(&'static str),
    /// A claim says something else than it must.
    #[error("the claim `{0}` does not say what it must")]
    Wrong(&'static str),
    /// A time claim is outside what the clock allows.
    #[error("by the claim `{0}` it is too old or from the future")]
    Time(&'static str),
    /// It was used before.
    #[error("used before")]
    Used,
}

/// Why a token is no sign-in of one of us.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PersonFault {
    /// The claim that names the person is not there.
    #[error("the claim that names the person is not there, or cannot be an id")]
    Unnamed,
    /// An address that the provider did not verify.
    #[error("the provider does not say that it verified the address")]
    Unverified,
    /// Nobody who may act goes by it.
    #[error("nobody who may act goes by what the claim says")]
    Unknown,
    /// More than one goes by it.
    #[error("more than one goes by what the claim says")]
    Several,
    /// Somebody the provider may not speak for.
    #[error("the provider may not speak for identities of the class `{0}`")]
    Class(&'static str),
    /// None of the groups that let them in.
    #[error("in none of the listed groups whose role they have{}", if *.too_many { "; the provider left the groups out" } else { "" })]
    Groups {
        /// Whether the provider left the groups out because there were too many.
        too_many: bool,
    },
    /// The sign-in is not worth anything here.
    #[error("a sign-in with this `acr` is worth nothing here")]
    Level,
    /// Somebody else than the one who had to prove themselves again.
    #[error("somebody else than the one who had to prove themselves again")]
    SomebodyElse,
}

const AGAIN: &str = "Go back and start again.";
const OTHER_WAY: &str = "Sign in with your key or badge instead, or try again in a few minutes.";
const HELP_DESK: &str = "Sign in with your key or badge instead, or ask the help desk.";

impl Refusal {
    /// Where the reason lies.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::NotInCharter => Cause::Policy,
            Self::State(_) => Cause::User,
            Self::Answered(code) => match code.as_str() {
                "access_denied" | "login_required" | "interaction_required" | "consent_required" => Cause::User,
                _ => Cause::Federation,
            },
            Self::Exchange(code) if code == "invalid_grant" => Cause::User,
            Self::Person(PersonFault::SomebodyElse) => Cause::User,
            Self::Person(PersonFault::Class(_) | PersonFault::Groups { .. } | PersonFault::Level) => Cause::Policy,
            Self::Person(PersonFault::Unknown | PersonFault::Several) => Cause::Policy,
            _ => Cause::Federation,
        }
    }

    /// A fixed word for it, for attempts and for counting.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotConfigured => "provider_not_configured",
            Self::NotInCharter => "provider_not_in_charter",
            Self::State(StateFault::Expired) => "answer_expired",
            Self::State(StateFault::Used) => "answer_used",
            Self::State(_) => "answer_not_ours",
            Self::AnswerIssuer => "answer_of_another_issuer",
            Self::Answered(_) => "provider_refused",
            Self::Unreachable { .. } => "provider_unreachable",
            Self::Metadata(_) => "provider_description",
            Self::Exchange(_) => "code_refused",
            Self::Client(_) => "client_proof",
            Self::Token(_) => "token",
            Self::Person(PersonFault::Class(_)) => "person_class",
            Self::Person(PersonFault::Groups { .. }) => "person_groups",
            Self::Person(PersonFault::Level) => "level",
            Self::Person(PersonFault::SomebodyElse) => "somebody_else",
            Self::Person(_) => "person_not_linked",
        }
    }

    /// What the person reads. It tells nobody who is registered here: whoever is not found, may not come in or is not in a group reads the same.
    #[must_use]
    pub fn words(&self) -> Words {
        let (what, next) = match self {
            Self::NotConfigured | Self::NotInCharter => ("You cannot sign in that way here", HELP_DESK),
            Self::State(StateFault::Expired) => ("That took too long, so it was not completed", AGAIN),
            Self::State(_) => ("This sign-in was already used or was started elsewhere", AGAIN),
            Self::Answered(_) if self.cause() == Cause::User => ("The sign-in was not completed", AGAIN),
            Self::Exchange(_) if self.cause() == Cause::User => {
                ("This sign-in was already used or took too long", AGAIN)
            }
            Self::Unreachable { .. } => ("The other sign-in service does not answer", OTHER_WAY),
            Self::Person(PersonFault::SomebodyElse) => {
                ("That was somebody else's account", "Sign in with your own account, or let them take over the screen.")
            }
            Self::Person(PersonFault::Level) => (
                "That sign-in was not strong enough",
                "Start again and use your second factor, or sign in with your key.",
            ),
            Self::Person(_) => ("This account cannot be used here", HELP_DESK),
            _ => ("The other sign-in service answered something we cannot accept", HELP_DESK),
        };
        Words { what, next }
    }
}

/// What a provider calls an error, short and plain enough to be kept: RFC 6749 allows no other letters in it, and its description may name people.
pub(super) fn error_code(text: &str) -> SmolStr {
    let plain = !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    if plain { SmolStr::new(text) } else { SmolStr::new_static("an error without a usable name") }
}
