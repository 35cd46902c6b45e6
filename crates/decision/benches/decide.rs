//! How long does a decision take?
fn main() {
    divan::main();
}
