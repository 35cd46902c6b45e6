//! Forms: fields with labels, hints and errors that say what to do, and buttons that say what they do.

use maud::{Markup, html};

/// The name of the hidden field that proves that a form came from one of our pages.
pub const TOKEN_FIELD: &str = "form_token";

/// How much a button weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// The one thing to do here.
    Main,
    /// One of several.
    Usual,
    /// Cannot be taken back.
    Grave,
    /// Hardly there.
    Plain,
}

impl Weight {
    const fn class(self) -> &'static str {
        match self {
            Self::Main => "button main",
            Self::Usual => "button",
            Self::Grave => "button grave",
            Self::Plain => "button plain",
        }
    }
}

/// A form that changes something: it posts, and carries the token that proves it came from one of our pages.
#[must_use]
pub fn post(action: &str, token: &str, body: &Markup) -> Markup {
    html! {
        form method="post" action=(action) {
            input type="hidden" name=(TOKEN_FIELD) value=(token);
            (body)
        }
    }
}

/// A form that only asks for another view of the same page.
#[must_use]
pub fn filters(action: &str, body: &Markup) -> Markup {
    html! { form.filters method="get" action=(action) { (body) } }
}

/// A button that sends its form.
#[must_use]
pub fn button(weight: Weight, label: &str) -> Markup {
    html! { button class=(weight.class()) type="submit" { (label) } }
}

/// A button as wide as its form, for pages with one thing to do.
#[must_use]
pub fn wide_button(label: &str) -> Markup {
    html! { button class="button main wide" type="submit" { (label) } }
}

/// A link that looks like a button.
#[must_use]
pub fn link(weight: Weight, href: &str, label: &str) -> Markup {
    html! { a class=(weight.class()) href=(href) { (label) } }
}

/// A field of one line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Field<'a> {
    /// Its name in the form, also its id.
    pub name: &'a str,
    /// What it is called.
    pub label: &'a str,
    /// What is in it.
    pub value: &'a str,
    /// What belongs into it.
    pub hint: Option<&'a str>,
    /// What is wrong with what is in it, and what would be right.
    pub wrong: Option<&'a str>,
    /// Whether it may be left out.
    pub optional: bool,
}

impl Field<'_> {
    /// The field with its label.
    #[must_use]
    pub fn text(&self) -> Markup {
        self.around(&html! {
            input type="text" id=(self.name) name=(self.name) value=(self.value) required[!self.optional] autocomplete="off"
                aria-invalid=[self.wrong.map(|_| "true")] aria-describedby=[self.described_by()];
        })
    }

    /// The field for a day, `2026-11-22`.
    #[must_use]
    pub fn date(&self) -> Markup {
        self.around(&html! {
            input type="date" id=(self.name) name=(self.name) value=(self.value) required[!self.optional]
                aria-invalid=[self.wrong.map(|_| "true")] aria-describedby=[self.described_by()];
        })
    }

    /// The field as a choice among values and their labels.
    #[must_use]
    pub fn select<V: AsRef<str>, L: AsRef<str>>(&self, options: impl IntoIterator<Item = (V, L)>) -> Markup {
        self.around(&html! {
            select id=(self.name) name=(self.name) aria-invalid=[self.wrong.map(|_| "true")] aria-describedby=[self.described_by()] {
                @for (value, label) in options {
                    option value=(value.as_ref()) selected[value.as_ref() == self.value] { (label.as_ref()) }
                }
            }
        })
    }

    fn described_by(&self) -> Option<String> {
        (self.hint.is_some() || self.wrong.is_some()).then(|| format!("{}-about", self.name))
    }

    fn around(&self, control: &Markup) -> Markup {
        html! {
            div.field {
                label for=(self.name) { (self.label) }
                (control)
                @if let Some(about) = self.described_by() {
                    div id=(about) {
                        @if let Some(wrong) = self.wrong { p.wrong { (wrong) } }
                        @if let Some(hint) = self.hint { p.small.quiet { (hint) } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_tied_to_its_label_and_to_what_is_wrong_with_it() {
        let field = Field { name: "unit", label: "Unit", value: "ED", wrong: Some("no such unit"), ..Field::default() };
        let html = field.text().0;
        for part in
            ["for=\"unit\"", "id=\"unit\"", "aria-invalid=\"true\"", "aria-describedby=\"unit-about\"", "no such unit"]
        {
            assert!(html.contains(part), "{part} is missing from {html}");
        }
    }

    #[test]
    fn a_form_that_changes_something_carries_its_token() {
        let html = post("/x", "t0ken", &button(Weight::Main, "Go")).0;
        assert!(html.contains("method=\"post\"") && html.contains("name=\"form_token\" value=\"t0ken\""), "{html}");
    }

    #[test]
    fn a_choice_marks_what_is_chosen() {
        let html = Field { name: "e", label: "Effect", value: "deny", ..Field::default() }
            .select([("", "All"), ("deny", "Denied")])
            .0;
        assert!(html.contains("<option value=\"deny\" selected>"), "{html}");
    }
}
