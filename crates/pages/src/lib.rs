//! What does Handrail look like? The page kit: one stylesheet, one shell, and the few parts every page is made of.
//!
//! Everything but asking a key works without a script, in light and dark, on a phone and on a ward's wide screen, and with a keyboard. Nothing here knows
//! what a decision or a feed is beyond its name: pages belong to the slice that tells their story, in its `page.rs`.
//!
//! - [`Shell`] is what surrounds every page; [`Shell::page`] gives a [`Document`], which answers with all security headers.
//! - [`Shell::alone`] is for pages with one thing to do, such as signing in; [`Shell::trouble`] for errors.
//! - [`Shell::bedside`] is the frame of the large pages at the bedside, the only ones with a script; [`CeremonyForm`] asks a key there.
//! - [`asset_routes`] serves the stylesheet, the script and the icon under names that change with their content.
//! - Parts are functions or small builders that render with maud: [`badge`], [`banner`], [`verdict`], [`Table`], [`definitions`],
//!   [`tiles`], [`timeline`], [`empty`], [`code`], [`form`], [`chart`], [`paging`].
//! - Times are shown by [`Watch`], which is given the time and the hospital's zone; nothing here reads a clock.
//!
//! `cargo run -p pages --example gallery -- OUT_DIR` writes a page with every part on it.

mod assets;
mod bedside;
mod document;
mod icon;
mod parts;
mod shell;
mod table;
mod watch;

pub mod chart;
pub mod form;

pub use assets::{
    SCRIPT_BYTES_MAX, STYLES_BYTES_MAX, asset_routes, icon_path, script, script_path, styles, styles_path,
};
pub use bedside::{Bedside, CeremonyForm, Present, Script, kept_form, kept_true, resume_form, workstation_form};
pub use document::{BEDSIDE_SECURITY_POLICY, CONTENT_SECURITY_POLICY, Document};
pub use icon::{Icon, icon};
pub use parts::{
    Moment, Paging, Tile, Tone, badge, banner, choices, code, definitions, effect, empty, note_list, paging, sheet,
    tag, tiles, timeline, verdict,
};
pub use shell::{Account, Environment, Page, Shell, ShellLink};
pub use table::{Column, Table};
pub use watch::{Watch, ZoneError, counted, duration_words, number, plural};
