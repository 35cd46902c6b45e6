//! Tables whose rows become cards on small screens, and stay tables for screen readers.

use maud::{Markup, Render, html};

/// A column: its heading and how its cells sit.
#[derive(Clone, Debug)]
pub struct Column {
    label: &'static str,
    class: &'static str,
    heads_row: bool,
}

impl Column {
    /// Text, as wide as it likes.
    #[must_use]
    pub const fn text(label: &'static str) -> Self {
        Self { label, class: "", heads_row: false }
    }

    /// Text that is never broken: a time, a badge.
    #[must_use]
    pub const fn tight(label: &'static str) -> Self {
        Self { label, class: "tight", heads_row: false }
    }

    /// A number, aligned at its end.
    #[must_use]
    pub const fn number(label: &'static str) -> Self {
        Self { label, class: "num", heads_row: false }
    }

    /// This column names the row.
    #[must_use]
    pub const fn heading_rows(mut self) -> Self {
        self.heads_row = true;
        self
    }
}

/// A table. A cell may hold `a.cover`, a link that makes the whole row clickable.
#[derive(Clone, Debug)]
pub struct Table {
    caption: String,
    columns: Vec<Column>,
    rows: Vec<Vec<Markup>>,
}

impl Table {
    /// An empty table. The caption is read out and not shown.
    #[must_use]
    pub fn new(caption: impl Into<String>, columns: impl IntoIterator<Item = Column>) -> Self {
        Self { caption: caption.into(), columns: columns.into_iter().collect(), rows: Vec::new() }
    }

    /// Adds a row, one cell for each column.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Markup>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Whether it has no rows: show [`crate::empty`] instead.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl Render for Table {
    fn render(&self) -> Markup {
        // The roles repeat what the elements say, because a table shown as blocks would lose it.
        html! {
            table.table role="table" {
                caption { span.unseen { (self.caption) } }
                thead role="rowgroup" {
                    tr role="row" {
                        @for column in &self.columns { th class=(column.class) role="columnheader" scope="col" { (column.label) } }
                    }
                }
                tbody role="rowgroup" {
                    @for row in &self.rows {
                        tr role="row" {
                            @for (column, cell) in self.columns.iter().zip(row) {
                                @if column.heads_row {
                                    th class=(column.class) role="rowheader" scope="row" { (cell) }
                                } @else {
                                    td class=(column.class) role="cell" data-label=(column.label) { div { (cell) } }
                                }
                            }
                        }
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
    fn a_table_stays_a_table_when_it_is_shown_as_cards() {
        let mut table = Table::new("Feeds", [Column::text("Feed").heading_rows(), Column::number("Messages")]);
        assert!(table.is_empty());
        table.row([html! { "adt" }, html! { "7" }]);
        let html = table.render().0;
        assert!(!table.is_empty());
        assert!(html.contains(r#"<th class="" role="rowheader" scope="row">adt</th>"#), "{html}");
        assert!(html.contains(r#"data-label="Messages"><div>7</div></td>"#), "{html}");
    }
}
