//! Checks a charter directory and says what is wrong with it.
#![expect(clippy::print_stdout, reason = "it is a command")]

fn main() {
    let dir = std::env::args().nth(1).unwrap_or_else(|| "charter".to_owned());
    match charter::Charter::load(std::path::Path::new(&dir)) {
        Ok(charter) => {
            for warning in charter.warnings() {
                println!("{}", warning.plain());
            }
            println!("{charter:?}: {} policies, {} workflows", charter.policies().len(), charter.workflows().len());
        }
        Err(all) => {
            for diagnostic in &all {
                println!("{}", diagnostic.plain());
            }
            println!("{} problems", all.len());
        }
    }
}
