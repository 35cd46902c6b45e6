//! Why a ceremony did not succeed: exactly, for the ledger, and kindly, for whoever stands there.

use events::signin::Cause;
use smol_str::SmolStr;
use webauthn_rs_core::error::WebauthnError;

/// Why a ceremony did not succeed. Its message is for the ledger and for operators; [`CeremonyError::words`] is for people.
#[derive(Debug, thiserror::Error)]
pub enum CeremonyError {
    /// More than anybody honest sends.
    #[error("the answer has {bytes} bytes, at most {} are read", super::ANSWER_BYTES_MAX)]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Not what a browser sends.
    #[error("`{part}` of the answer cannot be read")]
    Unreadable {
        /// Which part.
        part: &'static str,
    },
    /// This node made no such challenge, or forgot it: it started anew, or another node made it.
    #[error("the challenge is not one of this node's")]
    ChallengeUnknown,
    /// It was answered before.
    #[error("the challenge was used before")]
    ChallengeUsed,
    /// It was answered too late.
    #[error("the challenge was answered too late")]
    ChallengeExpired,
    /// It was made for something else, or for another place.
    #[error("the challenge was made for something else, or for another workstation")]
    OtherPurpose,
    /// A registration where a sign-in was asked for, or the other way round.
    #[error("the answer is of the other ceremony")]
    OtherKind,
    /// The person was on another site.
    #[error("the origin is `{origin}`, which is not this node's")]
    WrongOrigin {
        /// Which.
        origin: SmolStr,
    },
    /// Our page was inside another site's.
    #[error("the page was in a frame of another site")]
    CrossOrigin,
    /// The authenticator answered somebody else.
    #[error("the authenticator signed for another relying party")]
    WrongRelyingParty,
    /// Nobody touched it.
    #[error("nobody was present at the authenticator")]
    NotPresent,
    /// Nobody gave a PIN or a finger.
    #[error("the person was not verified, and that is required")]
    NotVerified,
    /// Nothing is kept of it: it was revoked, or never registered.
    #[error("the credential is not registered")]
    UnknownCredential {
        /// Its id.
        credential: SmolStr,
    },
    /// It is not one of those that were asked for.
    #[error("the credential is not one of those asked for")]
    NotAllowed {
        /// Its id.
        credential: SmolStr,
    },
    /// It says it belongs to another person than it does.
    #[error("the user handle is not that of the credential's owner")]
    OtherUserHandle {
        /// Its id.
        credential: SmolStr,
    },
    /// It does not say whose it is, where nobody else said so.
    #[error("the authenticator does not say whose it is")]
    NoUserHandle,
    /// The signature is not its key's.
    #[error("the signature does not hold")]
    BadSignature,
    /// The signature holds and the counter is not higher than last time: there may be two of it.
    #[error("the signature counter went back, from {kept} to {shown}: there may be a copy of this authenticator")]
    CounterWentBack {
        /// Its id.
        credential: SmolStr,
        /// What was kept.
        kept: u32,
        /// What it showed now.
        shown: u32,
    },
    /// What it says of its being copied is not what it said before.
    #[error("what the authenticator says of its being copied is not what it said when it was registered")]
    BackupChanged,
    /// It is registered already.
    #[error("the credential is registered already")]
    AlreadyRegistered,
    /// It does not keep who it belongs to.
    #[error("the authenticator did not keep the credential, so nobody could sign in by it alone")]
    NotDiscoverable,
    /// It made a key of a kind that was not asked for.
    #[error("the key is of an algorithm that was not asked for")]
    Algorithm,
    /// What should vouch for it does not hold, or is of a kind nobody can check.
    #[error("the attestation does not hold: {0}")]
    Attestation(#[source] WebauthnError),
    /// Anything else the library refuses.
    #[error("refused: {0}")]
    Refused(#[source] WebauthnError),
}

/// What somebody reads who wants to get to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// What happened.
    pub what: &'static str,
    /// What to do now.
    pub next: &'static str,
}

impl CeremonyError {
    /// A fixed word for it, for attempts and for counting.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "answer_too_large",
            Self::Unreadable { .. } => "answer_unreadable",
            Self::ChallengeUnknown => "challenge_unknown",
            Self::ChallengeUsed => "challenge_used",
            Self::ChallengeExpired => "challenge_expired",
            Self::OtherPurpose => "other_purpose",
            Self::OtherKind => "other_ceremony",
            Self::WrongOrigin { .. } => "wrong_origin",
            Self::CrossOrigin => "cross_origin",
            Self::WrongRelyingParty => "wrong_relying_party",
            Self::NotPresent => "not_present",
            Self::NotVerified => "not_verified",
            Self::UnknownCredential { .. } => "credential_unknown",
            Self::NotAllowed { .. } => "credential_not_allowed",
            Self::OtherUserHandle { .. } => "other_user_handle",
            Self::NoUserHandle => "no_user_handle",
            Self::BadSignature => "bad_signature",
            Self::CounterWentBack { .. } => "counter_went_back",
            Self::BackupChanged => "backup_changed",
            Self::AlreadyRegistered => "already_registered",
            Self::NotDiscoverable => "not_discoverable",
            Self::Algorithm => "algorithm",
            Self::Attestation(_) => "attestation",
            Self::Refused(_) => "refused",
        }
    }

    /// Who or what it was because of, as the charter's taxonomy has it.
    #[must_use]
    pub const fn cause(&self) -> Cause {
        match self {
            Self::ChallengeUnknown | Self::TooLarge { .. } | Self::Unreadable { .. } => Cause::Network,
            Self::ChallengeExpired | Self::ChallengeUsed | Self::NotPresent | Self::NotVerified => Cause::User,
            Self::OtherPurpose
            | Self::OtherKind
            | Self::WrongOrigin { .. }
            | Self::CrossOrigin
            | Self::WrongRelyingParty
            | Self::OtherUserHandle { .. } => Cause::Policy,
            Self::UnknownCredential { .. }
            | Self::NotAllowed { .. }
            | Self::NoUserHandle
            | Self::BadSignature
            | Self::CounterWentBack { .. }
            | Self::BackupChanged
            | Self::AlreadyRegistered
            | Self::NotDiscoverable
            | Self::Algorithm
            | Self::Attestation(_)
            | Self::Refused(_) => Cause::Authenticator,
        }
    }

    /// What to say to whoever stands there.
    #[must_use]
    pub const fn words(&self) -> Words {
        let (what, next) = match self {
            Self::ChallengeUnknown | Self::ChallengeExpired => {
                ("This took a little too long.", "Please start again: one touch will do.")
            }
            Self::ChallengeUsed => {
                ("This was already sent once.", "If you are not where you wanted to be, please start again.")
            }
            Self::OtherPurpose | Self::OtherKind => {
                ("Two things were going on at once.", "Please go back to the page you were on and try once more.")
            }
            Self::WrongOrigin { .. } | Self::CrossOrigin | Self::WrongRelyingParty => (
                "This was not our own sign-in page, so nothing was accepted.",
                "Please open Handrail from the desktop, not from a link, and tell the service desk what you clicked.",
            ),
            Self::NotPresent => ("Nobody touched the key.", "Please try again and touch it when it blinks."),
            Self::NotVerified => (
                "Your PIN or fingerprint was not checked, and here it has to be.",
                "Please try again and enter your PIN or use your finger when asked.",
            ),
            Self::UnknownCredential { .. } => (
                "This key or passkey is not registered here, or not any more.",
                "Please use another of yours, or ask a colleague or the service desk for help.",
            ),
            Self::NotAllowed { .. } => {
                ("This is not your key or passkey.", "Please use your own, or start again as yourself.")
            }
            Self::OtherUserHandle { .. } | Self::NoUserHandle | Self::BadSignature | Self::BackupChanged => (
                "This key or passkey could not prove that it is yours.",
                "Please try once more. If it happens again, use another of yours or ask the service desk.",
            ),
            Self::CounterWentBack { .. } => (
                "There may be a copy of this key, so it is not accepted any more.",
                "You did nothing wrong. Please use another of yours or ask a colleague to vouch for you, and take this key to the service desk.",
            ),
            Self::AlreadyRegistered => (
                "This key or passkey is already registered.",
                "You can use it as it is. To add another, plug that one in.",
            ),
            Self::NotDiscoverable => (
                "This key has no room to keep your passkey.",
                "Please use another one, or ask the service desk to free some room on it.",
            ),
            Self::Algorithm | Self::Attestation(_) => (
                "This kind of key cannot be used here.",
                "Please use one that the hospital gave you, or ask the service desk.",
            ),
            Self::TooLarge { .. } | Self::Unreadable { .. } | Self::Refused(_) => {
                ("The answer of this key or passkey made no sense.", "Please try once more, or use another of yours.")
            }
        };
        Words { what, next }
    }
}

impl From<WebauthnError> for CeremonyError {
    fn from(error: WebauthnError) -> Self {
        use WebauthnError as W;
        match error {
            W::InvalidClientDataType => Self::OtherKind,
            W::MismatchedChallenge | W::ChallengeNotFound => Self::ChallengeUnknown,
            W::InvalidRPOrigin => Self::WrongOrigin { origin: SmolStr::default() },
            W::CredentialCrossOrigin => Self::CrossOrigin,
            W::InvalidRPIDHash => Self::WrongRelyingParty,
            W::UserNotPresent => Self::NotPresent,
            W::UserNotVerified => Self::NotVerified,
            W::AuthenticationFailure | W::SignatureInvalid => Self::BadSignature,
            W::CredentialBackupEligibilityInconsistent | W::CredentialMayNotBeHardwareBound => Self::BackupChanged,
            W::CredentialExcludedFromRequest | W::CredentialAlreadyExists => Self::AlreadyRegistered,
            W::CredentialAlteredAlgFromRequest
            | W::COSEKeyInvalidType
            | W::COSEKeyInvalidAlgorithm
            | W::COSEKeyEDUnsupported
            | W::SshPublicKeyEDUnsupported
            | W::COSEKeyECDSAInvalidCurve
            | W::COSEKeyEDDSAInvalidCurve => Self::Algorithm,
            W::ParseCBORFailure(_) | W::ParseNOMFailure | W::ParseInsufficientBytesAvailable => {
                Self::Unreadable { part: "authenticator data" }
            }
            W::ParseJSONFailure(_) | W::ParseBase64Failure(_) => Self::Unreadable { part: "answer" },
            error if is_about_attestation(&error) => Self::Attestation(error),
            error => Self::Refused(error),
        }
    }
}

const fn is_about_attestation(error: &WebauthnError) -> bool {
    use WebauthnError as W;
    matches!(
        error,
        W::AttestationNotSupported
            | W::AttestationStatementMapInvalid
            | W::AttestationStatementResponseMissing
            | W::AttestationStatementResponseInvalid
            | W::AttestationStatementSigMissing
            | W::AttestationStatementSigInvalid
            | W::AttestationStatementVerMissing
            | W::AttestationStatementVerInvalid
            | W::AttestationStatementVerUnsupported
            | W::AttestationStatementX5CMissing
            | W::AttestationStatementX5CInvalid
            | W::AttestationStatementAlgMissing
            | W::AttestationStatementAlgMismatch
            | W::AttestationStatementAlgInvalid
            | W::AttestationStatementMissingExtension
            | W::AttestationStatementCertInfoMissing
            | W::AttestationStatementPubAreaMissing
            | W::AttestationCertificateAAGUIDMismatch
            | W::AttestationCertificateNonceMismatch
            | W::AttestationCertificateRequirementsNotMet
            | W::AttestationTpmStInvalid
            | W::AttestationTpmPubAreaMismatch
            | W::AttestationTpmExtraDataInvalid
            | W::AttestationTpmExtraDataMismatch
            | W::AttestationTpmPubAreaHashUnknown
            | W::AttestationTpmPubAreaHashInvalid
            | W::AttestationTpmAttestCertifyInvalid
            | W::AttestationCredentialSubjectKeyMismatch
            | W::CertificatePublicKeyInvalid
            | W::CertificatePublicKeyAlgorthimMismatch
            | W::X509DerInvalid
    )
}
