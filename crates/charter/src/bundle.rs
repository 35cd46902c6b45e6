//! A charter as one canonical run of bytes: the same files always make the same bytes, and the bytes make the same files.
//!
//! `handrail-charter-1` and a newline; then for every file, in the order of the paths' bytes: the length of the path as two bytes, the
//! path, the length of the text as four bytes, the text (all lengths big-endian). Comments and spacing are kept: they were reviewed too.

use crate::files::{BUNDLE_BYTES_MAX, FILE_BYTES_MAX, FILES_MAX, Files, is_known_path};
use aws_lc_rs::digest;
use events::CharterDigest;

const MAGIC: &[u8] = b"handrail-charter-1\n";

/// Why bytes are not a bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// It does not begin like one.
    #[error("these bytes are not a charter bundle")]
    NotABundle,
    /// More than [`BUNDLE_BYTES_MAX`] bytes.
    #[error("a bundle has at most {BUNDLE_BYTES_MAX} bytes")]
    TooLarge,
    /// More than [`FILES_MAX`] files.
    #[error("a bundle has at most {FILES_MAX} files")]
    TooManyFiles,
    /// It ends in the middle of a file.
    #[error("the bundle ends at byte {at} in the middle of a file")]
    Truncated {
        /// Where.
        at: usize,
    },
    /// A path that no charter has.
    #[error("a charter has no file `{path}`")]
    Path {
        /// The path, at most 128 characters of it.
        path: String,
    },
    /// A file that is not in its place: twice, or out of order.
    #[error("`{path}` is not in its place: paths are sorted and come once")]
    Order {
        /// The path.
        path: String,
    },
    /// A file that is too large.
    #[error("`{path}` has more than {FILE_BYTES_MAX} bytes")]
    FileTooLarge {
        /// The path.
        path: String,
    },
    /// A file that is not UTF-8.
    #[error("`{path}` is not UTF-8")]
    NotUtf8 {
        /// The path.
        path: String,
    },
}

/// The canonical bytes.
pub(crate) fn write(files: &Files) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for (path, text) in files {
        // INVARIANT: paths have at most 110 bytes and files at most FILE_BYTES_MAX, so neither length is ever cut.
        bytes.extend_from_slice(&u16::try_from(path.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend_from_slice(path.as_bytes());
        bytes.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

/// The files in canonical bytes.
pub(crate) fn read(bytes: &[u8]) -> Result<Files, BundleError> {
    if bytes.len() > BUNDLE_BYTES_MAX {
        return Err(BundleError::TooLarge);
    }
    let mut rest = bytes.strip_prefix(MAGIC).ok_or(BundleError::NotABundle)?;
    let mut files = Files::new();
    while !rest.is_empty() {
        let at = bytes.len() - rest.len();
        let truncated = || BundleError::Truncated { at };
        let (length, after) = rest.split_first_chunk::<2>().ok_or_else(truncated)?;
        let (path, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or_else(truncated)?;
        let path = std::str::from_utf8(path)
            .ok()
            .filter(|path| is_known_path(path))
            .ok_or_else(|| BundleError::Path { path: String::from_utf8_lossy(path).chars().take(128).collect() })?;
        let (length, after) = after.split_first_chunk::<4>().ok_or_else(truncated)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if length > FILE_BYTES_MAX {
            return Err(BundleError::FileTooLarge { path: path.to_owned() });
        }
        let (text, after) = after.split_at_checked(length).ok_or_else(truncated)?;
        let text = std::str::from_utf8(text).map_err(|_| BundleError::NotUtf8 { path: path.to_owned() })?;
        if files.last_key_value().is_some_and(|(last, _)| last.as_str() >= path) {
            return Err(BundleError::Order { path: path.to_owned() });
        }
        if files.len() == FILES_MAX {
            return Err(BundleError::TooManyFiles);
        }
        files.insert(path.to_owned(), text.into());
        rest = after;
    }
    Ok(files)
}

/// The charter's name for all time.
pub(crate) fn digest(bytes: &[u8]) -> CharterDigest {
    let mut name = [0; 32];
    for (to, from) in name.iter_mut().zip(digest::digest(&digest::SHA256, bytes).as_ref()) {
        *to = *from;
    }
    CharterDigest(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn files(list: &[(&str, &str)]) -> Files {
        list.iter().map(|(path, text)| ((*path).to_owned(), (*text).into())).collect()
    }

    #[test]
    fn reads_what_it_writes_and_nothing_else() {
        let some = files(&[("hospital.toml", "# ü\n"), ("policies/a.cedar", ""), ("policies/b.cedar", "x")]);
        let bytes = write(&some);
        assert_eq!(read(&bytes), Ok(some));
        for end in 0..bytes.len() {
            let cut = bytes.get(..end).unwrap_or_default();
            let whole = read(cut).map(|files| write(&files) == cut);
            assert!(matches!(whole, Err(_) | Ok(true)), "{end}");
        }
    }

    #[test]
    fn refuses_paths_that_leave_the_charter_and_files_out_of_order() {
        for path in ["../hospital.toml", "/etc/passwd", "policies/../../x.cedar", "hospital.toml\0", "sites/a/b/x.toml"]
        {
            assert!(matches!(read(&write(&files(&[(path, "")]))), Err(BundleError::Path { .. })), "{path}");
        }
        let mut twice = write(&files(&[("hospital.toml", "a")]));
        twice.extend_from_slice(write(&files(&[("hospital.toml", "b")])).get(MAGIC.len()..).unwrap_or_default());
        assert_eq!(read(&twice), Err(BundleError::Order { path: "hospital.toml".to_owned() }));
        let mut huge = MAGIC.to_vec();
        huge.extend_from_slice(b"\0\x0dhospital.toml\xff\xff\xff\xff");
        assert_eq!(read(&huge), Err(BundleError::FileTooLarge { path: "hospital.toml".to_owned() }));
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_canonical(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = MAGIC.to_vec();
            bytes.extend_from_slice(&tail);
            if let Ok(files) = read(&bytes) {
                prop_assert_eq!(write(&files), bytes);
            }
        }
    }
}
