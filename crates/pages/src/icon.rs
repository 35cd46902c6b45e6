//! Line icons, drawn in the colour of the text beside them. They repeat what the text says and are hidden from screen readers.

use maud::{Markup, html};

/// The icons there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// Permitted, healthy, done.
    Check,
    /// Denied, failed.
    Bar,
    /// Needs attention.
    Warning,
    /// Worth knowing.
    Info,
    /// Time.
    Clock,
    /// What needs you now.
    Now,
    /// Decisions.
    Scales,
    /// Feeds.
    Feed,
    /// The ledger.
    Ledger,
    /// A person.
    Person,
    /// Sign-in, keys.
    Key,
    /// Locks the screen.
    Lock,
    /// Onwards.
    Right,
    /// Nothing here.
    Quiet,
}

impl Icon {
    const fn path(self) -> &'static str {
        match self {
            Self::Check => "M4 10.5l4 4 8-9",
            Self::Bar => "M10 3a7 7 0 100 14 7 7 0 000-14zM5.2 5.2l9.6 9.6",
            Self::Warning => "M10 3.2L18 16.8H2zM10 8.2v4M10 14.5v.1",
            Self::Info => "M10 3a7 7 0 100 14 7 7 0 000-14zM10 9.3v4.2M10 6.6v.1",
            Self::Clock => "M10 3a7 7 0 100 14 7 7 0 000-14zM10 6v4.2l2.8 1.8",
            Self::Now => "M10 2.8v2M10 15.2v2M2.8 10h2M15.2 10h2M10 7a3 3 0 100 6 3 3 0 000-6z",
            Self::Scales => "M10 3v14M6.5 17h7M3.5 5.5h13M5.5 5.5L3 11.5h5zM14.5 5.5L12 11.5h5z",
            Self::Feed => "M2.5 10h3l2.2-5.5 4.2 11L14.3 10h3.2",
            Self::Ledger => "M5 3h10.5v14H5a1.5 1.5 0 010-3h10.5M5 3a1.5 1.5 0 00-1.5 1.5V15.5M7.5 6.5h5M7.5 9.5h3",
            Self::Person => {
                "M10 3.5a3.2 3.2 0 100 6.4 3.2 3.2 0 000-6.4zM3.8 16.8c.6-3.2 3.1-4.6 6.2-4.6s5.6 1.4 6.2 4.6"
            }
            Self::Key => "M6.5 7.5a3.5 3.5 0 100 7 3.5 3.5 0 000-7zM9 8.6l7-5.1M13.5 5.3l2 2.7",
            Self::Lock => "M4.5 9h11v8h-11zM6.5 9V6.5a3.5 3.5 0 017 0V9",
            Self::Right => "M7.5 4.5l5.5 5.5-5.5 5.5",
            Self::Quiet => "M3 12.5h4l1.2 2h3.6l1.2-2h4M3 12.5L5.5 5h9L17 12.5V16H3z",
        }
    }
}

/// Draws an icon at the size of the text.
#[must_use]
pub fn icon(which: Icon) -> Markup {
    html! { svg class="icon" viewBox="0 0 20 20" aria-hidden="true" { path d=(which.path()) {} } }
}
