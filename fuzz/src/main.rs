//! libFuzzer's side: `FUZZ_TARGET` names the target, libFuzzer brings the bytes. `cargo xtask soak` builds and runs it.
#![no_main]

use std::sync::LazyLock;

static TARGET: LazyLock<fuzz::Target> = LazyLock::new(|| {
    #[expect(clippy::disallowed_methods, reason = "libFuzzer has the command line")]
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let found = fuzz::TARGETS.iter().find(|(target, _)| *target == name);
    #[expect(clippy::panic, reason = "nothing to fuzz")]
    found.map_or_else(|| panic!("FUZZ_TARGET names none of the targets: `{name}`"), |(_, target)| *target)
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| TARGET(data));
