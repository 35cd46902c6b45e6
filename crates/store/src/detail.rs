//! Detail: what an entry may not hold (names, numbers, free text), kept encrypted beside the log and committed to in the entry.
//!
//! Each patient has a random key of their own, wrapped by the store's detail key; what is about nobody in particular is under a key of the
//! store. The entry's `detail` is SHA-256 over 32 random bytes and the text, and those bytes are encrypted together with the text: erasing the
//! patient's key leaves a commitment that tells nothing, under a tree that verifies as before.

use crate::database::{Connection, StorageError};
use crate::reader::Reader;
use crate::sealed::{self, SealedError};
use crate::{Key, ReadError, Store, Value, statements};
use aws_lc_rs::{digest, hkdf, rand};
use events::{DetailCommitment, PatientPseudonym, Seq, Timestamp};
use zeroize::Zeroizing;

/// The longest text of one detail, in bytes.
pub const DETAIL_BYTES_MAX: usize = 4 * 1024;
/// The random bytes that hide what is committed to.
const SALT_BYTES: usize = 32;
/// A wrapped key, in bytes. What overwrites one has the same length, so that it takes the very same place.
const WRAPPED_BYTES: usize = 32 + sealed::OVERHEAD_BYTES;

/// What sort of detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DetailSort {
    /// Who a patient is: numbers, name, birth date.
    Identity,
    /// Words somebody wrote.
    Words,
}

impl DetailSort {
    /// Its name in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Words => "words",
        }
    }

    fn read(text: &str) -> Option<Self> {
        [Self::Identity, Self::Words].into_iter().find(|sort| sort.as_str() == text)
    }
}

/// A text that goes with an entry and may be erased.
#[derive(Clone, PartialEq, Eq)]
pub struct Detail {
    /// Whose key it is kept under: when the patient is erased, so is this. `None` for what is about nobody in particular.
    pub about: Option<PatientPseudonym>,
    /// What sort.
    pub sort: DetailSort,
    /// The text, at most [`DETAIL_BYTES_MAX`] bytes.
    pub text: Zeroizing<String>,
}

impl std::fmt::Debug for Detail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Detail").field("about", &self.about).field("sort", &self.sort).finish_non_exhaustive()
    }
}

/// What became of an entry's detail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The entry never had any.
    Nothing,
    /// Here it is, and it is what the entry committed to.
    Here(Detail),
    /// The patient was erased by this entry.
    Erased {
        /// Which.
        by: Seq,
    },
    /// It was kept as long as the charter says, and no longer.
    Expired,
}

/// What is kept about a patient.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Entries and what they say, newest first.
    pub here: Vec<(Seq, Detail)>,
    /// How many pieces more there are that cannot be read.
    pub unreadable: u64,
}

/// Why detail cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DetailError {
    /// There is no such entry.
    #[error("there is no entry {0}")]
    NoEntry(Seq),
    /// The entry commits to detail that is neither there, nor erased, nor expired.
    #[error("the detail of entry {0} is gone, and nothing says that it was erased")]
    Missing(Seq),
    /// What is there is not what the entry committed to.
    #[error("the detail of entry {0} is not what the entry committed to")]
    Altered(Seq),
    /// The database failed.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Detail on its way to the writer: already committed to, not yet encrypted.
#[derive(Debug)]
pub(crate) struct Committed {
    /// Which draft of the batch it goes with.
    pub(crate) draft: usize,
    about: Option<PatientPseudonym>,
    sort: DetailSort,
    commitment: DetailCommitment,
    salted: Salted,
}

/// The random bytes and the text after them.
struct Salted(Zeroizing<Vec<u8>>);

impl std::fmt::Debug for Salted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Salted(…)")
    }
}

impl Committed {
    /// Draws the random bytes and commits.
    pub(crate) fn to(draft: usize, detail: &Detail) -> Result<Self, SealedError> {
        let mut salted = Zeroizing::new(Vec::with_capacity(SALT_BYTES + detail.text.len()));
        salted.resize(SALT_BYTES, 0);
        rand::fill(&mut salted).map_err(|_| SealedError::Seal)?;
        salted.extend_from_slice(detail.text.as_bytes());
        let commitment = commit(&salted);
        Ok(Self { draft, about: detail.about, sort: detail.sort, commitment, salted: Salted(salted) })
    }

    /// For the entry.
    pub(crate) const fn commitment(&self) -> DetailCommitment {
        self.commitment
    }
}

fn commit(salted: &[u8]) -> DetailCommitment {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"handrail detail 1\0");
    context.update(salted);
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    DetailCommitment(bytes)
}

/// The two keys that come of the store's detail key: one wraps patients' keys, one keeps what is about nobody in particular.
pub(crate) struct Vault {
    wrapping: Zeroizing<[u8; 32]>,
    nobody: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}

impl Vault {
    pub(crate) fn new(key: &Key) -> Result<Self, SealedError> {
        let derive = |label: &[u8]| {
            let mut derived = Zeroizing::new([0; 32]);
            let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, b"handrail detail").extract(key.bytes());
            let info = [label];
            let expanded = secret.expand(&info, hkdf::HKDF_SHA256).map_err(|_| SealedError::Seal)?;
            expanded.fill(&mut *derived).map_err(|_| SealedError::Seal)?;
            Ok(derived)
        };
        Ok(Self { wrapping: derive(b"wrap")?, nobody: derive(b"nobody in particular")? })
    }

    /// Encrypts and keeps one detail, within the transaction that is open. Of a patient who was erased nothing is kept.
    pub(crate) fn keep(
        &self,
        connection: &Connection,
        detail: &Committed,
        seq: Seq,
        at: Timestamp,
    ) -> Result<(), KeepError> {
        let seal = |key: &[u8; 32]| sealed::seal(key, &place(detail.sort, detail.commitment), &detail.salted.0);
        let sealed = match detail.about {
            None => seal(&self.nobody)?,
            Some(patient) => match self.key_of(connection, patient)? {
                Some(key) => seal(&key)?,
                None => Vec::new(),
            },
        };
        let patient = detail.about.map(PatientPseudonym::to_bytes);
        let values = [seq.into(), patient.into(), detail.sort.as_str().into(), at.into(), sealed.into()];
        connection.execute(statements::DETAIL_KEEP, &values)?;
        Ok(())
    }

    /// The patient's key, made if need be; none when it was destroyed.
    fn key_of(
        &self,
        connection: &Connection,
        patient: PatientPseudonym,
    ) -> Result<Option<Zeroizing<[u8; 32]>>, KeepError> {
        let reader = Reader { connection };
        match found_key(&reader, patient)? {
            Subject::Erased(_) => Ok(None),
            Subject::Key(wrapped) => Ok(Some(self.unwrap(patient, &wrapped)?)),
            Subject::Unknown => {
                let mut key = Zeroizing::new([0; 32]);
                rand::fill(&mut *key).map_err(|_| SealedError::Seal)?;
                let wrapped = sealed::seal(&self.wrapping, &patient.to_bytes(), &*key)?;
                let added = reader.find(statements::DETAIL_KEY_ADD, &[wrapped.into()], |row| row.int(0));
                let key_id = added.map_err(ReadError::into_storage)?;
                connection.execute(statements::DETAIL_SUBJECT_ADD, &[patient.to_bytes().into(), key_id.into()])?;
                Ok(Some(key))
            }
        }
    }

    fn unwrap(&self, patient: PatientPseudonym, wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, SealedError> {
        let opened = sealed::open(&self.wrapping, &patient.to_bytes(), wrapped)?;
        let bytes: &[u8; 32] = opened.as_slice().try_into().map_err(|_| SealedError::Open)?;
        Ok(Zeroizing::new(*bytes))
    }

    fn open(
        &self,
        patient: Option<(PatientPseudonym, Vec<u8>)>,
        place: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealedError> {
        let own = patient.map(|(patient, wrapped)| self.unwrap(patient, &wrapped)).transpose()?;
        sealed::open(own.as_ref().unwrap_or(&self.nobody), place, sealed)
    }
}

/// Destroys a patient's key and everything under it, within the transaction that is open, and remembers which entry did.
pub(crate) fn erase(connection: &Connection, patient: PatientPseudonym, by: Seq) -> Result<(), StorageError> {
    let bytes = || Value::from(patient.to_bytes());
    // The rows stay, empty: they say whose detail it was that is gone.
    connection.execute(statements::DETAIL_FORGET, &[bytes(), Vec::new().into()])?;
    connection.execute(statements::DETAIL_KEY_DESTROY, &[bytes(), vec![0; WRAPPED_BYTES].into()])?;
    connection.execute(statements::DETAIL_SUBJECT_ERASE, &[bytes(), by.into()])?;
    Ok(())
}

/// Why detail is not kept.
pub(crate) enum KeepError {
    Sealed(SealedError),
    Storage(StorageError),
}

impl From<SealedError> for KeepError {
    fn from(error: SealedError) -> Self {
        Self::Sealed(error)
    }
}

impl From<StorageError> for KeepError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

/// What is known of a patient's key.
enum Subject {
    Unknown,
    Key(Vec<u8>),
    Erased(Seq),
}

fn found_key(reader: &Reader<'_>, patient: PatientPseudonym) -> Result<Subject, StorageError> {
    let found = reader.find(statements::DETAIL_SUBJECT_FIND, &[patient.to_bytes().into()], |row| {
        Ok(match row.int_or_null(0)? {
            Some(by) => Subject::Erased(Seq(u64::try_from(by).unwrap_or(0))),
            None => Subject::Key(row.bytes(1)?),
        })
    });
    found.map(|found| found.unwrap_or(Subject::Unknown)).map_err(ReadError::into_storage)
}

/// The entry by which a patient was erased, if they were.
pub(crate) fn erased_by(reader: &Reader<'_>, patient: PatientPseudonym) -> Result<Option<Seq>, StorageError> {
    Ok(match found_key(reader, patient)? {
        Subject::Erased(by) => Some(by),
        Subject::Unknown | Subject::Key(_) => None,
    })
}

/// What a ciphertext is bound to: the entry's commitment has random bytes in it, so it is one entry's alone.
fn place(sort: DetailSort, commitment: DetailCommitment) -> Vec<u8> {
    [&commitment.0[..], sort.as_str().as_bytes()].concat()
}

impl Store {
    /// The detail an entry committed to.
    ///
    /// # Errors
    /// When it is gone or altered without anything that says so, or the database fails.
    pub fn detail(&self, seq: Seq) -> Result<Kept, DetailError> {
        self.read(|reader| read(reader, self.vault(), seq))
    }

    /// The newest detail of a sort about a patient, newest first, at most `most`. What is damaged is counted and left out: it must not stand in the
    /// way of whoever needs the rest, least of whoever has it erased.
    ///
    /// # Errors
    /// When the database fails.
    pub fn details_of(&self, patient: PatientPseudonym, sort: DetailSort, most: u32) -> Result<Details, ReadError> {
        self.read(|reader| {
            let values = [patient.to_bytes().into(), sort.as_str().into(), most.into()];
            let entries = reader.query(statements::DETAIL_OF_PATIENT, &values, |row| row.int(0))?;
            let mut found = Details::default();
            for entry in entries {
                let seq = Seq(u64::try_from(entry).unwrap_or(0));
                match read(reader, self.vault(), seq) {
                    Ok(Kept::Here(detail)) => found.here.push((seq, detail)),
                    Ok(_) => {}
                    Err(DetailError::Read(error @ ReadError::Storage(_))) => return Err(error),
                    Err(_) => found.unreadable += 1,
                }
            }
            Ok(found)
        })
    }

    /// The entry by which a patient was erased, if they were.
    ///
    /// # Errors
    /// When the database fails.
    pub fn erased(&self, patient: PatientPseudonym) -> Result<Option<Seq>, ReadError> {
        self.read(|reader| Ok(erased_by(reader, patient)?))
    }
}

fn read(reader: &Reader<'_>, vault: &Vault, seq: Seq) -> Result<Kept, DetailError> {
    let leaf = reader.leaf(seq)?.ok_or(DetailError::NoEntry(seq))?;
    let Some(commitment) = leaf.draft.detail else { return Ok(Kept::Nothing) };
    let row = reader.find(statements::DETAIL_FIND, &[seq.into()], |row| {
        let patient = if row.int(0)? == 0 { None } else { Some(row.array::<16>(1)?) };
        Ok((patient.map(PatientPseudonym::from_bytes), row.text(2)?, row.bytes(3)?))
    })?;
    let Some((patient, sort, sealed)) = row else {
        let until = reader.find(statements::DETAIL_EXPIRY_FIND, &[], |row| row.time(0))?;
        let expired = until.is_some_and(|until| leaf.recorded_at <= until);
        return if expired { Ok(Kept::Expired) } else { Err(DetailError::Missing(seq)) };
    };
    let altered = || DetailError::Altered(seq);
    let sort = DetailSort::read(&sort).ok_or_else(altered)?;
    let key = match patient {
        None => None,
        Some(patient) => match found_key(reader, patient).map_err(ReadError::from)? {
            Subject::Key(wrapped) => Some((patient, wrapped)),
            Subject::Erased(by) => return Ok(Kept::Erased { by }),
            Subject::Unknown => return Err(altered()),
        },
    };
    let salted = vault.open(key, &place(sort, commitment), &sealed).map_err(|_| altered())?;
    if commit(&salted) != commitment {
        return Err(altered());
    }
    let text = salted.get(SALT_BYTES..).and_then(|text| std::str::from_utf8(text).ok()).ok_or_else(altered)?;
    Ok(Kept::Here(Detail { about: patient, sort, text: Zeroizing::new(text.to_owned()) }))
}
