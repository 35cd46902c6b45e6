//! Input made to break parsers: refused, never a panic, never more work than the input is long.

use crate::sample::{key, plain};
use ledger::bundle::{self, BundleError};
use ledger::note::{self, NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX, NoteError};
use ledger::paths::TilePath;
use ledger::{Checkpoint, Hash, Origin, VerifyingKey};
use proptest::prelude::*;

fn edited(text: &str, edits: &[(prop::sample::Index, u8, u8)]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (at, kind, value) in edits {
        if bytes.is_empty() {
            break;
        }
        let at = at.index(bytes.len());
        match kind % 4 {
            0 => bytes[at] = *value,
            1 => bytes.insert(at, *value),
            2 => drop(bytes.remove(at)),
            _ => bytes.truncate(at),
        }
    }
    bytes
}

fn edits() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, u8)>> {
    prop::collection::vec(any::<(prop::sample::Index, u8, u8)>(), 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_edited_note_opens_only_if_nothing_signed_changed(edits in edits()) {
        let log = plain(3);
        let note = edited(&log.note, &edits);
        if let Ok(checkpoint) = note::open(&note, key(7).verifying_key()) {
            prop_assert_eq!(checkpoint, log.checkpoint());
            prop_assert!(signed_note::Note::from_bytes(&note).is_ok(), "what we take, others take");
        }
    }

    #[test]
    fn arbitrary_bytes_are_no_note(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(note::open(&bytes, key(7).verifying_key()).is_err());
        if let Ok(claimed) = note::claimed(&bytes) {
            prop_assert!(bytes.starts_with(claimed.to_string().as_bytes()));
        }
    }

    #[test]
    fn arbitrary_text_is_no_note_either(text in "\\PC{0,60}(\n\\PC{0,40}){0,4}\n\n(— \\PC{0,80}\n){0,3}") {
        prop_assert!(note::open(text.as_bytes(), key(7).verifying_key()).is_err());
    }

    #[test]
    fn an_edited_key_is_refused_or_the_same(edits in edits()) {
        let vkey = key(7).verifying_key().to_string();
        let bytes = edited(&vkey, &edits);
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(parsed) = VerifyingKey::parse(&text) {
            prop_assert_eq!(parsed.to_string(), vkey, "a key has one spelling and its id binds it");
        }
    }

    #[test]
    fn arbitrary_text_is_no_key(text in "\\PC{0,80}(\\+\\PC{0,20}){0,3}") {
        prop_assert!(VerifyingKey::parse(&text).is_err());
    }

    #[test]
    fn a_checkpoint_has_one_spelling(text in "[a-c.+ \u{a0}]{0,4}\n[+0-9 ]{0,22}\n[A-Za-z0-9+/=]{40,46}\n{0,2}") {
        if let Ok(checkpoint) = Checkpoint::parse(&text) {
            prop_assert_eq!(checkpoint.to_string(), text);
        }
    }

    #[test]
    fn arbitrary_bytes_make_at_most_one_error_and_the_entries_asked_for(bytes in prop::collection::vec(any::<u8>(), 0..2_000), width: u16) {
        let read: Vec<_> = bundle::entries(&bytes, width).collect();
        prop_assert!(read.len() <= usize::from(width) + 1);
        let errors = read.iter().filter(|entry| entry.is_err()).count();
        prop_assert!(errors == 0 || (errors == 1 && read.last().unwrap().is_err()));
        for entry in read.into_iter().flatten() {
            prop_assert_eq!(&bytes[entry.range], entry.bytes);
        }
    }

    #[test]
    fn a_bundle_gives_back_its_entries_and_only_for_its_own_width(entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..30), 0..=256), other: u16) {
        let width = u16::try_from(entries.len()).unwrap();
        let bytes = bundle::encode(&entries).unwrap();
        let back: Vec<&[u8]> = bundle::decode(&bytes, width).unwrap().iter().map(|entry| entry.bytes).collect();
        prop_assert_eq!(back, entries.iter().map(Vec::as_slice).collect::<Vec<_>>());
        prop_assert_eq!(bundle::decode(&bytes, other).is_ok(), other == width);
    }

    #[test]
    fn a_path_has_one_spelling(text in "tile/([0-9]{1,3}|entries|data|x)(/x?[0-9]{1,4}){1,4}(\\.p/[0-9+-]{1,4})?/?") {
        if let Ok(path) = text.parse::<TilePath>() {
            prop_assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn every_path_written_is_read_back(level in 0u8..=7, index: u64, shift in 0u32..64, width in 1u16..=256) {
        let index = index >> shift;
        for path in [TilePath::Tile { level, index, width }, TilePath::Entries { index, width }] {
            prop_assert_eq!(path.to_string().parse(), Ok(path));
        }
    }
}

#[test]
fn paths_that_are_almost_right_are_refused() {
    for path in [
        "",
        "tile",
        "tile/0/",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x001",
        "tile/0/x000/067",
        "tile/0/001/067",
        "tile/00/000",
        "tile/8/000",
        "tile/+1/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/05",
        "tile/0/000.p/",
        "tile/0/000.p/1/",
        "tile/0/000.p/1.p/1",
        "tile/entries/../../checkpoint",
        "/tile/0/000",
        "tile/0/00\u{661}",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/x001/x001/x001/x001/x001/x001/x001/x001/x001/x001/x001/x001/x001/000",
    ] {
        assert!(path.parse::<TilePath>().is_err(), "{path}");
    }
}

#[test]
fn an_origin_is_a_name_of_bounded_length_without_spaces() {
    for bad in ["", " ", "a b", "a\u{a0}b", "a+b", "a\nb", "a\u{7f}b", "\u{2028}"] {
        assert!(Origin::parse(bad).is_err(), "{bad:?}");
    }
    assert!(Origin::parse(&"a".repeat(255)).is_ok());
    assert!(Origin::parse(&"a".repeat(256)).is_err());
}

#[test]
fn a_key_of_another_kind_or_length_is_refused() {
    let vkey = key(7).verifying_key().to_string();
    for bad in [
        format!("{vkey}\n"),
        format!(" {vkey}"),
        vkey.replacen("AQ", "Ag", 0) + "AAAA",
        format!("{}+{}", vkey, vkey),
        "a".repeat(1 << 20),
        "log+00000000+".to_owned(),
        "log+00000000+AQ==".to_owned(),
        "log+00000000+BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
    ] {
        assert!(VerifyingKey::parse(&bad).is_err(), "{:.80}", bad);
    }
}

#[test]
fn long_notes_and_many_signatures_are_refused() {
    let log = plain(1);
    let long = format!("{}{}", log.note, "x".repeat(NOTE_BYTES_MAX));
    assert_eq!(note::open(long.as_bytes(), key(7).verifying_key()), Err(NoteError::TooLong));
    let line = log.note.lines().last().unwrap().to_owned() + "\n";
    let at_bound = log.note.clone() + &line.repeat(NOTE_SIGNATURES_MAX - 1);
    assert!(note::open(at_bound.as_bytes(), key(7).verifying_key()).is_ok());
    let over = at_bound + &line;
    assert_eq!(note::open(over.as_bytes(), key(7).verifying_key()), Err(NoteError::TooManySignatures));
}

#[test]
fn one_bad_signature_by_the_key_spoils_the_note() {
    let log = plain(1);
    let other = note::sign(2, log.root, &key(7)).unwrap();
    let line = other.lines().last().unwrap();
    let note = format!("{}{line}\n", log.note);
    assert_eq!(note::open(note.as_bytes(), key(7).verifying_key()), Err(NoteError::BadSignature));
}

#[test]
fn extension_lines_are_refused() {
    let text = plain(1).checkpoint().to_string();
    assert!(Checkpoint::parse(&text).is_ok());
    assert!(Checkpoint::parse(&format!("{text}extension\n")).is_err());
    assert!(Checkpoint::parse(text.trim_end()).is_err());
}

#[test]
fn entries_and_bundles_have_their_bounds() {
    assert!(bundle::encode([vec![0; 65_535]]).is_ok());
    assert_eq!(bundle::encode([vec![0; 65_536]]), Err(BundleError::EntryTooLong { entry: 0, bytes: 65_536 }));
    assert_eq!(bundle::encode(vec![b""; 257]), Err(BundleError::TooMany));
    assert_eq!(bundle::decode(&[0, 2, 1], 1), Err(BundleError::Truncated { entry: 0, end: 3 }));
    assert_eq!(bundle::decode(&[0, 1, 1, 9], 1), Err(BundleError::Trailing { entries: 1, start: 3, end: 4 }));
}

#[test]
fn a_signing_key_never_shows_its_seed() {
    let shown = format!("{:?}", key(0xA5));
    assert!(shown.starts_with("SigningKey(ledger.st-elsewhere.example/2026+"));
    assert!(!shown.contains("a5a5") && !shown.contains("165, 165") && !shown.contains("paWl"));
}

#[test]
fn hashes_are_read_only_from_their_own_form() {
    let text = Hash::EMPTY.to_string();
    assert_eq!(text.parse(), Ok(Hash::EMPTY));
    for bad in [&text[..43], &format!("{text}\n"), &text.replace('=', ""), "", &text.replace('U', "-")] {
        assert!(bad.parse::<Hash>().is_err(), "{bad:?}");
    }
}
