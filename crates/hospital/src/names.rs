//! Invented names: every given name with every family name, in an order of their own.

use crate::Random;

const GIVEN: [&str; 48] = [
    "Ada", "Amara", "Anouk", "Bashir", "Beatriz", "Calum", "Chidi", "Clara", "Dmitri", "Edda", "Efua", "Elif", "Emeka",
    "Farah", "Fionn", "Greta", "Hanan", "Hugo", "Ines", "Ivo", "Jonas", "Kaito", "Keziah", "Lena", "Leoni", "Linnea",
    "Mara", "Marek", "Mina", "Nadia", "Nia", "Noor", "Odile", "Oskar", "Pilar", "Priya", "Quentin", "Rafael", "Rosa",
    "Saoirse", "Selma", "Tariq", "Tomás", "Uma", "Vera", "Wanda", "Yusuf", "Zoë",
];

const FAMILY: [&str; 60] = [
    "Abara",
    "Aldermoor",
    "Ashgrove",
    "Bellweather",
    "Birkholt",
    "Brannoch",
    "Castelvane",
    "Corrigane",
    "Dahlquist",
    "Delacourt",
    "Dunmarrow",
    "Eastwick",
    "Ekberg",
    "Fairbarn",
    "Fenwright",
    "Ferreday",
    "Galbraeth",
    "Greystane",
    "Halloway",
    "Harrowgate",
    "Hollin",
    "Iversen",
    "Jarrow",
    "Jónsson",
    "Kestrel",
    "Kirkbride",
    "Lanthorne",
    "Larkspur",
    "Lindqvist",
    "Maddern",
    "Marchetto",
    "Merriweather",
    "Moorcroft",
    "Müller",
    "Nakagome",
    "Northcote",
    "O'Dunne",
    "Okonjo",
    "Oyelaren",
    "Pellworth",
    "Penhallow",
    "Quillfeather",
    "Ravensby",
    "Redfern",
    "Rosenvall",
    "Sandoval",
    "Selwick",
    "Silverlock",
    "Stonebridge",
    "Tamsin",
    "Tarrant",
    "Thistlewood",
    "Umbertide",
    "Vandermeer",
    "Varga",
    "Wetherby",
    "Whitlock",
    "Winterbourne",
    "Yarrow",
    "Zielinska",
];

const STREETS: [&str; 16] = [
    "Quay Street",
    "Lantern Row",
    "Mill Lane",
    "Harbour Rise",
    "Orchard Walk",
    "Chandler's Yard",
    "Beacon Hill",
    "Weaver Street",
    "Saltmarsh Road",
    "Lock Side",
    "Foundry Court",
    "Cooper's Hill",
    "Larch Avenue",
    "Priory Gardens",
    "Kiln Close",
    "Tide Terrace",
];

/// A given and a family name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) given: &'static str,
    pub(crate) family: &'static str,
}

/// Name number `at` of a shuffled list in which all combinations come before any comes twice.
pub(crate) fn name(offset: u64, at: usize) -> Name {
    let count = GIVEN.len() * FAMILY.len();
    // A step without a common factor walks through every combination.
    let place = (usize::try_from(offset % 2879).unwrap_or(0) + at * 1_117) % count;
    Name {
        given: GIVEN.get(place % GIVEN.len()).copied().unwrap_or_default(),
        family: FAMILY.get(place / GIVEN.len()).copied().unwrap_or_default(),
    }
}

/// A house in a street that is not there.
pub(crate) fn street(random: &mut Random) -> String {
    let house = 1 + random.below(140);
    format!("{house} {}", random.pick(&STREETS).copied().unwrap_or_default())
}

/// Letters only, lower case, for an id.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .filter_map(|letter| match letter.to_lowercase().next() {
            Some('ó') => Some('o'),
            Some('á') => Some('a'),
            Some('ü') => Some('u'),
            Some('ë') => Some('e'),
            Some(letter) if letter.is_ascii_lowercase() => Some(letter),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_name_comes_twice_before_all_have_come() {
        let all: BTreeSet<_> = (0..2_880)
            .map(|at| {
                let Name { given, family } = name(5, at);
                (given, family)
            })
            .collect();
        assert_eq!(all.len(), 2_880);
    }
}
