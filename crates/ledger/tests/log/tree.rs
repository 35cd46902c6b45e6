//! The incremental tree and the proofs against the naive tree.

use crate::naive;
use crate::sample::Newest;
use ledger::proof::{consistency, inclusion, root, verify_consistency, verify_inclusion};
use ledger::{Hash, Tree, leaf_hash, node_hash};
use proptest::prelude::*;

fn leaves(size: u64) -> Vec<Hash> {
    (0..size).map(|index| leaf_hash(&index.to_be_bytes())).collect()
}

fn grown(leaves: &[Hash]) -> (Tree, Newest) {
    let (mut tree, mut tiles) = (Tree::new(), Newest::default());
    for leaf in leaves {
        tree.append(*leaf);
    }
    tiles.keep(&mut tree);
    (tree, tiles)
}

fn hash_of_hex(text: &str) -> Hash {
    let byte = |at: usize| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap();
    Hash(std::array::from_fn(byte))
}

#[test]
fn roots_are_those_certificate_transparency_publishes() {
    let entries: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let published = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut tree = Tree::new();
    assert_eq!(tree.root(), hash_of_hex(published[0]));
    for (entry, published) in entries.iter().zip(&published[1..]) {
        tree.append(leaf_hash(entry));
        assert_eq!(tree.root(), hash_of_hex(published));
    }
}

#[test]
fn a_leaf_hash_is_the_same_however_long_the_entry() {
    for length in [0, 1, 255, 1022, 1023, 1024, 1025, 16_384, 65_535] {
        let entry = vec![0x5a; length];
        assert_eq!(leaf_hash(&entry), naive::leaf(&entry), "{length} bytes");
    }
}

#[test]
fn an_entry_cannot_pass_for_a_node() {
    let (left, right) = (leaf_hash(b"left"), leaf_hash(b"right"));
    assert_ne!(leaf_hash(&[left.0, right.0].concat()), node_hash(&left, &right));
}

#[test]
fn the_tree_is_right_across_three_levels_of_tiles() {
    let leaves = leaves(65_536 + 256 + 3);
    let (tree, tiles) = grown(&leaves);
    assert_eq!(tree.root(), naive::mth(&leaves));
    for index in [0, 255, 256, 65_535, 65_536, 65_791, 65_792, 65_794] {
        let proof = inclusion(&tiles, index, tree.size()).unwrap();
        verify_inclusion(index, tree.size(), &leaves[usize::try_from(index).unwrap()], &proof, &tree.root()).unwrap();
    }
    for old in [1, 256, 65_535, 65_536, 65_537, 65_792, 65_795] {
        let proof = consistency(&tiles, old, tree.size()).unwrap();
        let old_root = naive::mth(&leaves[..usize::try_from(old).unwrap()]);
        verify_consistency(old, tree.size(), &old_root, &tree.root(), &proof).unwrap();
        assert_eq!(root(&tiles, old, tree.size()).unwrap(), old_root);
    }
    let again = Tree::restore(tree.size(), &tiles).unwrap();
    assert_eq!(again.root(), tree.root());
}

#[test]
fn every_small_proof_is_the_naive_one_and_shows_only_what_it_should() {
    let all = leaves(35);
    for size in 1..=all.len() {
        let (tree, tiles) = grown(&all[..size]);
        let (size_entries, new_root) = (tree.size(), tree.root());
        for (index, leaf) in (0u64..).zip(&all[..size]) {
            let proof = inclusion(&tiles, index, size_entries).unwrap();
            assert_eq!(proof, naive::path(usize::try_from(index).unwrap(), &all[..size]));
            for claimed in 0..size_entries + 2 {
                let shown = verify_inclusion(claimed, size_entries, leaf, &proof, &new_root).is_ok();
                assert_eq!(shown, claimed == index, "entry {index} of {size} as {claimed}");
            }
        }
        for old in 0..=size {
            let old_size = u64::try_from(old).unwrap();
            let proof = consistency(&tiles, old_size, size_entries).unwrap();
            let old_root = naive::mth(&all[..old]);
            if old > 0 {
                assert_eq!(proof, naive::proof(old, &all[..size]));
            }
            for claimed in 0..size_entries + 2 {
                let shown = verify_consistency(claimed, size_entries, &old_root, &new_root, &proof).is_ok();
                assert_eq!(shown, claimed == old_size, "{old} of {size} as {claimed}");
            }
        }
    }
}

#[test]
fn what_is_beyond_the_log_has_no_proof() {
    let (tree, tiles) = grown(&leaves(5));
    assert!(inclusion(&tiles, 5, tree.size()).is_err());
    assert!(consistency(&tiles, 6, tree.size()).is_err());
    assert!(root(&tiles, 6, tree.size()).is_err());
    assert!(inclusion(&tiles, 0, 6).is_err(), "a tile too narrow for the size is noticed");
    assert!(Tree::restore(6, &tiles).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_tree_grown_in_any_steps_is_the_naive_tree(steps in prop::collection::vec(0usize..400, 1..6)) {
        let leaves = leaves(steps.iter().sum::<usize>().try_into().unwrap());
        let (mut tree, mut tiles) = (Tree::new(), Newest::default());
        let mut at = 0;
        for step in steps {
            for leaf in &leaves[at..at + step] {
                tree.append(*leaf);
            }
            at += step;
            tiles.keep(&mut tree);
            prop_assert!(tree.take_changed_tiles().is_empty());
            prop_assert_eq!(tree.root(), naive::mth(&leaves[..at]));
            prop_assert_eq!(root(&tiles, tree.size(), tree.size()).unwrap(), tree.root());
            // A restart between any two steps changes nothing.
            let restored = Tree::restore(tree.size(), &tiles).unwrap();
            prop_assert_eq!(restored.root(), tree.root());
            prop_assert_eq!(restored.size(), tree.size());
            tree = restored;
        }
        let (_, at_once) = grown(&leaves);
        prop_assert_eq!(at_once.0, tiles.0);
    }

    #[test]
    fn proofs_from_tiles_are_the_naive_proofs(size in 1usize..1200, at in any::<prop::sample::Index>(), old in any::<prop::sample::Index>()) {
        let leaves = leaves(size.try_into().unwrap());
        let (tree, tiles) = grown(&leaves);
        let (index, old) = (at.index(size), old.index(size) + 1);
        let (index_entry, old_size) = (u64::try_from(index).unwrap(), u64::try_from(old).unwrap());
        let path = inclusion(&tiles, index_entry, tree.size()).unwrap();
        prop_assert_eq!(&path, &naive::path(index, &leaves));
        prop_assert!(verify_inclusion(index_entry, tree.size(), &leaves[index], &path, &tree.root()).is_ok());
        let proof = consistency(&tiles, old_size, tree.size()).unwrap();
        prop_assert_eq!(&proof, &naive::proof(old, &leaves));
        let old_root = naive::mth(&leaves[..old]);
        prop_assert!(verify_consistency(old_size, tree.size(), &old_root, &tree.root(), &proof).is_ok());
        prop_assert_eq!(root(&tiles, old_size, tree.size()).unwrap(), old_root);
    }

    #[test]
    fn a_proof_with_any_byte_altered_shows_nothing(size in 2usize..600, at in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), byte in 0usize..32, flip in 1u8..) {
        let leaves = leaves(size.try_into().unwrap());
        let (tree, tiles) = grown(&leaves);
        let index = at.index(size);
        let (index_entry, old_size) = (u64::try_from(index).unwrap(), u64::try_from(index.max(1)).unwrap());
        let mut path = inclusion(&tiles, index_entry, tree.size()).unwrap();
        let altered = place.index(path.len());
        path[altered].0[byte] ^= flip;
        prop_assert!(verify_inclusion(index_entry, tree.size(), &leaves[index], &path, &tree.root()).is_err());
        let mut proof = consistency(&tiles, old_size, tree.size()).unwrap();
        let altered = place.index(proof.len());
        proof[altered].0[byte] ^= flip;
        let old_root = naive::mth(&leaves[..index.max(1)]);
        prop_assert!(verify_consistency(old_size, tree.size(), &old_root, &tree.root(), &proof).is_err());
    }

    #[test]
    fn no_claim_makes_a_proof_check_panic(index: u64, old: u64, size: u64, hashes in prop::collection::vec(any::<[u8; 32]>(), 0..70)) {
        let proof: Vec<Hash> = hashes.into_iter().map(Hash).collect();
        let hash = leaf_hash(b"claimed");
        prop_assert!(verify_inclusion(index, size, &hash, &proof, &Hash::EMPTY).is_err());
        prop_assert!(verify_consistency(old, size, &hash, &leaf_hash(b"other"), &proof).is_err());
    }
}
