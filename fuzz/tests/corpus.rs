//! Every input kept for a target still goes through it.

use std::path::Path;

#[test]
fn every_kept_input_goes_through_its_target() {
    for (name, target) in fuzz::TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        let mut inputs: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        inputs.sort();
        assert!(!inputs.is_empty(), "{name} has no corpus");
        for input in inputs {
            // Seen when one breaks: which.
            println!("{}", input.display());
            target(&std::fs::read(&input).unwrap());
        }
    }
}

#[test]
fn every_target_takes_nothing_and_noise() {
    for (_, target) in fuzz::TARGETS {
        target(b"");
        target(&[0xff; 300]);
        target(b"\x00\x0b{\"\x1c\r\n\xe2\x80\x94 ");
    }
}
