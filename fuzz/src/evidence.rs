//! What an auditor's program reads from somebody it does not trust: bundles, checkpoints, keys, proofs, leaves.

use events::{Bearing, Leaf};
use ledger::proof::{verify_consistency, verify_inclusion};
use ledger::{Checkpoint, Hash, VerifyingKey, bundle as entries, note as notes};

/// Entry bundles: what is read of one is written back as the same bytes.
pub(crate) fn bundle(data: &[u8]) {
    let Some((&width, bundle)) = data.split_first() else { return };
    let width = u16::from(width) + 1;
    if let Ok(read) = entries::decode(bundle, width) {
        let written =
            entries::encode(read.iter().map(|entry| entry.bytes)).expect("entries that were read fit a bundle");
        assert_eq!(written, bundle, "a bundle has one form");
    }
}

/// Signed notes, checkpoints and keys.
pub(crate) fn note(data: &[u8]) {
    let read = notes::claimed(data);
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(checkpoint) = Checkpoint::parse(text) {
            assert_eq!(checkpoint.to_string(), text, "a checkpoint has one form");
        }
        let (key, rest) = text.split_once('\n').unwrap_or((text, ""));
        if let Ok(key) = VerifyingKey::parse(key) {
            assert_eq!(
                VerifyingKey::parse(&key.to_string()).map(|again| again.to_string()).ok(),
                Some(key.to_string())
            );
            let opened = notes::open(rest.as_bytes(), &key);
            assert!(opened.is_err() || notes::claimed(rest.as_bytes()).is_ok(), "what opens is a note");
        }
    }
    drop(read);
}

/// Proofs: made-up hashes prove nothing.
pub(crate) fn proof(data: &[u8]) {
    let Some((numbers, hashes)) = data.split_at_checked(24) else { return };
    let number = |place: usize| -> u64 {
        let bytes = numbers.get(place..place + 8).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
        u64::from_be_bytes(bytes)
    };
    let hashes: Vec<Hash> = hashes.chunks_exact(32).filter_map(|hash| Some(Hash(hash.try_into().ok()?))).collect();
    let (Some((leaf, rest)), (index, size)) = (hashes.split_first(), (number(0), number(8))) else { return };
    let Some((root, path)) = rest.split_first() else { return };
    let proven = verify_inclusion(index, size, leaf, path, root).is_ok();
    // A tree of one leaf is its leaf; nothing longer can be made up.
    assert!(!proven || (size == 1 && leaf == root), "a root was made up");
    let consistent = verify_consistency(number(8), number(16), leaf, root, path).is_ok();
    assert!(!consistent || leaf == root || number(8) == 0, "two roots were made up");
}

/// Leaves: what is read and written anew reads the same, and a fact stays one.
pub(crate) fn leaf(data: &[u8]) {
    let _ = Leaf::may_bear_facts(data);
    let Ok(leaf) = Leaf::parse(data) else { return };
    // Longer than a leaf may be: it is read, but would not be written.
    let Ok(tail) = leaf.draft.tail() else { return };
    let written = Leaf::bytes(leaf.seq, leaf.recorded_at, &tail);
    assert_eq!(Leaf::parse(&written).ok().as_ref(), Some(&leaf), "a leaf keeps its meaning");
    assert!(
        Leaf::may_bear_facts(&written) || leaf.draft.event.kind().bearing == Bearing::Record,
        "a fact was taken for a record"
    );
}
