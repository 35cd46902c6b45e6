//! The starter charter, carried in the binary so that `handrail dev` works wherever it is started.

use crate::command::failure::Failure;
use charter::Charter;
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../charter"]
#[include = "*.toml"]
#[include = "*.cedar"]
#[include = "*.cedarschema"]
struct Files;

/// Loads it.
pub(crate) fn charter() -> Result<Charter, Failure> {
    let texts = Files::iter().filter_map(|path| {
        let file = Files::get(&path)?;
        Some((path.into_owned(), String::from_utf8_lossy(&file.data).into_owned()))
    });
    Charter::from_files(texts)
        .map_err(|found| Failure::local(format!("the starter charter in this build has {} problems", found.len())))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_starter_charter_in_the_binary_loads() {
        let charter = super::charter().unwrap();
        assert!(charter.policies().len() >= 30, "{}", charter.policies().len());
    }
}
