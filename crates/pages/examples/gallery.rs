//! Writes pages with every part of the kit on them, to look at: `cargo run -p pages --example gallery -- OUT_DIR`.

use events::Timestamp;
use events::decision::Effect;
use maud::{Markup, html};
use pages::form::{self, Field, Weight};
use pages::{
    Account, Bedside, CeremonyForm, Column, Environment, Icon, Moment, Page, Paging, Present, Shell, ShellLink, Table,
    Tile, Tone, Watch, chart,
};
use std::path::PathBuf;
use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = std::env::args_os().nth(1).map(PathBuf::from).ok_or("say where to write: gallery OUT_DIR")?;
    std::fs::create_dir_all(out.join("assets"))?;
    let assets =
        [(pages::styles_path(), pages::styles().to_owned()), (pages::script_path(), pages::script().to_owned())];
    for (path, text) in assets {
        std::fs::write(out.join(path.trim_start_matches('/')), text)?;
    }
    let now: Timestamp = "2026-11-22T07:30:12Z".parse()?;
    let shell = shell();
    let alone = Shell { account: None, ..shell.clone() };
    let missing = html! { (form::link(Weight::Main, "/decisions", "All decisions")) (form::link(Weight::Usual, "/", "What needs you now")) };
    let documents = [
        ("index.html", shell.page(parts(&Watch::utc(now)))),
        ("bedside.html", alone.bedside(&at_the_bedside())),
        ("bedside-sign-in.html", alone.bedside(&bedside_sign_in())),
        ("bedside-theatre.html", alone.bedside(&theatre())),
        ("sign-in.html", alone.alone("Sign in to Handrail", &sign_in())),
        (
            "trouble.html",
            shell.trouble(
                axum::http::StatusCode::NOT_FOUND,
                "There is no entry 99",
                "The log has 31 entries, from 0 to 30.",
                &missing,
            ),
        ),
    ];
    for (name, document) in documents {
        std::fs::write(out.join(name), document.into_html().replace("\"/assets/", "\"assets/"))?;
    }
    Ok(())
}

fn shell() -> Shell {
    let link = |href, label, icon, waiting| ShellLink { href, label, icon, waiting };
    Shell {
        hospital: "Sankt Gallus Hospital".into(),
        environment: Environment::Development,
        links: vec![
            ("", vec![link("/", "Now", Icon::Now, 3), link("/decisions", "Decisions", Icon::Scales, 0)]),
            ("Evidence", vec![link("/feeds", "Feeds", Icon::Feed, 1), link("/ledger", "Ledger", Icon::Ledger, 0)]),
        ],
        account: Some(Account {
            name: "m.keller".into(),
            sign_out: form::post("/sign-out", "t", &form::button(Weight::Plain, "Sign out")),
        }),
        foot: "Handrail 0.1.0 · charter 4f2a91c07be3".into(),
    }
}

fn amara() -> Present<'static> {
    Present { name: "Amara Okafor", role: "Nurse", lock_action: "/bedside/lock", form_token: "t" }
}

fn at_the_bedside() -> Bedside<'static> {
    let step_up = CeremonyForm { name: "step-up", ..CeremonyForm::default() };
    Bedside {
        title: "My patients",
        lead: Some(html! { "Those you look after on this shift." }),
        workstation: Some("ED, workstation 3"),
        person: Some(amara()),
        notice: "You will be asked to touch your key again in 2 minutes.",
        body: html! {
            (pages::sheet("ED", &html! { "3 patients" }, &pages::note_list([
                (Tone::Plain, html! { "Bay 1" }, html! { a href="#" { "Grace Lindqvist, 1948" } }),
                (Tone::Plain, html! { "Bay 4" }, html! { a href="#" { "Tomas Aguilar, 2003" } }),
            ])))
            (pages::sheet("Give morphine", &html! { "needs one more touch" }, &html! {
                div.pad { (step_up.render(&html! { button.button.main type="submit" { "Touch your key and go on" } })) }
            }))
            div.row { (form::link(Weight::Usual, "#", "Hand over")) (form::link(Weight::Usual, "#", "My sessions")) }
        },
        ..Bedside::default()
    }
}

fn bedside_sign_in() -> Bedside<'static> {
    let badge = Field {
        name: "badge",
        label: "Badge",
        hint: Some("Scan it, or type its number and press Enter."),
        ..Field::default()
    };
    let form = CeremonyForm { name: "sign-in", ..CeremonyForm::default() };
    Bedside {
        title: "Sign in",
        workstation: Some("ED, workstation 3"),
        body: html! {
            (form.render(&html! { (badge.text()) button.button.main.wide type="submit" { "Touch your key" } }))
            (form::link(Weight::Plain, "#", "My key does not work"))
        },
        ..Bedside::default()
    }
}

fn theatre() -> Bedside<'static> {
    Bedside {
        title: "Theatre 2",
        large: true,
        workstation: Some("Theatre 2, wall"),
        person: Some(amara()),
        body: html! {
            (pages::sheet("Grace Lindqvist, 1948", &html! { "hip, left" }, &html! {
                div.pad { (pages::definitions([("Allergies", html! { "Penicillin" }), ("Consent", html! { "Signed 21 November" })])) }
            }))
        },
        ..Bedside::default()
    }
}

fn sign_in() -> Markup {
    html! {
        p.lead { "This link signs " strong { "m.keller" } " in on this device, once. It is good for another 54 min." }
        (form::post("/sign-in", "t", &form::wide_button("Sign in")))
        p.small.quiet { "Your session ends after 8 h, or 30 min without use." }
    }
}

fn parts(watch: &Watch) -> Page<'static> {
    Page {
        title: "Every part of the kit",
        place: "/",
        trail: &[("/", "Now"), ("/decisions", "Decisions")],
        lead: Some(html! { "What pages are made of, with text as long and as short as it gets in a hospital." }),
        controls: Some(
            html! { (form::link(Weight::Usual, "#", "Show live")) (form::link(Weight::Main, "#", "Main thing to do")) },
        ),
        body: html! {
            (figures())
            div.stack {
                (pages::banner(Tone::Bad, "The ADT feed has been silent for 14 min", &html! { "Places of patients may be out of date. " a href="#" { "Look at the feed" } }))
                (pages::banner(Tone::Warn, "The clock jumped by 3 min", &html! {}))
                (pages::banner(Tone::Good, "Everything is sealed", &html! { "31 entries, sealed 1 s ago." }))
                (pages::banner(Tone::Note, "This page does not refresh itself", &html! {}))
            }
            (decisions(watch))
            (pages::verdict(
                Tone::Bad,
                "Denied",
                "Nurse Amira Haddad may not read this patient’s chart: she is not on shift where the patient is.",
                &html! { "A colleague in the unit could vouch for her, or she could break the glass." },
                &[watch.exact(watch.now()), html! { "entry " code { "21" } }, html! { "ED chart review" }],
            ))
            div.beside {
                div { (history(watch)) (forms()) }
                div { (facts()) (nothing()) }
            }
        },
        ..Page::default()
    }
}

fn figures() -> Markup {
    let line: Vec<u64> = (0..60).map(|minute| 20 + (minute * 7919) % 23 + minute / 3).collect();
    pages::tiles([
        Tile {
            label: "Answers in the last hour",
            figure: html! { (pages::number(18_342)) },
            tone: Tone::Plain,
            state: html! { "4.1 % denied" },
            href: Some("#"),
            chart: chart::sparkline(&line, "answers a minute"),
        },
        Tile {
            label: "Feeds",
            figure: html! { "4 " small { "of 5 heard" } },
            tone: Tone::Bad,
            state: html! { "ADT is silent" },
            href: Some("#"),
            chart: html! {},
        },
        Tile {
            label: "Ledger",
            figure: html! { "1 s " small { "behind" } },
            tone: Tone::Good,
            state: html! { "sealed and signed" },
            href: None,
            chart: html! {},
        },
        Tile {
            label: "Rejected messages",
            figure: html! { "12" },
            tone: Tone::Warn,
            state: html! { "since midnight" },
            href: None,
            chart: html! {},
        },
    ])
}

fn decisions(watch: &Watch) -> Markup {
    let columns = [
        Column::tight("When"),
        Column::tight("Answer"),
        Column::text("Who and what"),
        Column::text("Workflow"),
        Column::number("Entry"),
    ];
    let mut table = Table::new("Decisions, newest first", columns);
    let rows = [
        (Effect::Deny, "haddad.a", "read_chart", "ED chart review", 21_u64),
        (Effect::Permit, "okafor.j", "administer_medication", "Bedside medication administration", 20),
        (Effect::Permit, "svc-lab-interface-production-zone-b", "write_result", "Laboratory interface", 9_812_345),
    ];
    for (effect, who, what, workflow, seq) in rows {
        table.row([
            watch.short(watch.now() - Duration::from_secs(seq % 90_000)),
            pages::effect(effect),
            html! { a.cover href="#" { (who) } div.small.quiet { (what) " · pat_5f1d…9c02" } },
            html! { (workflow) },
            html! { (pages::number(seq)) },
        ]);
    }
    let paging = Paging { shown: "Entries 20 to 9 812 345".into(), newer: None, older: Some("#".into()) };
    let choices =
        pages::choices("Which answers", [("#", "All", true), ("#", "Permitted", false), ("#", "Denied", false)]);
    html! {
        (choices)
        (pages::sheet("Recent decisions", &html! { "newest first" }, &html! { (table) (pages::paging(&paging)) }))
    }
}

fn history(watch: &Watch) -> Markup {
    let moment = |tone, title: &str, body: &str| Moment {
        tone,
        at: watch.exact(watch.now()),
        title: html! { (title) },
        body: html! { (body) },
    };
    pages::sheet(
        "What happened",
        &html! {},
        &html! {
            div.pad {
                (pages::timeline([
                    moment(Tone::Good, "Permitted", "On shift in the unit where the patient is."),
                    moment(Tone::Plain, "The patient was moved", "From ED to ICU."),
                    moment(Tone::Bad, "Ended", "The fact it rested on changed."),
                ]))
                (pages::code("Proof", "checkpoint\nhandrail.example/sankt-gallus\n31\nqhE0mFhA1bEUyDlvDGGmPZ2pP6wXv9GNzQ8m4dZqL2M=", true, false))
                details { summary { "The entry as it was written" } (pages::code("Leaf", "{\"v\":1,\"seq\":21,\"recorded_at\":\"2026-11-22T07:30:12.000Z\",\"kind\":\"decision.made\"}", false, true)) }
                h3 { "Answers by workflow" }
                (chart::bars(&[("ED chart review", 9120), ("Bedside medication", 4410), ("Theatre", 322)]))
                (chart::columns(&(0..60).map(|n| (30 + n * 37 % 17, n * 13 % 7)).collect::<Vec<_>>(), "answers a minute"))
                div.axis { span { "06:30" } span { "07:30" } }
                div.key { span { i.good {} "permitted" } span { i.bad {} "denied" } }
            }
        },
    )
}

fn forms() -> Markup {
    let field = Field {
        name: "unit",
        label: "Unit",
        value: "EDD",
        hint: Some("As in the charter, such as ED."),
        wrong: Some("There is no unit EDD; did you mean ED?"),
        optional: true,
    };
    let choice = Field { name: "effect", label: "Answer", value: "deny", ..Field::default() };
    pages::sheet(
        "A form",
        &html! {},
        &html! {
            div.pad {
                (form::post("/x", "token", &html! { div.stack { (field.text()) (choice.select([("", "All"), ("deny", "Denied")])) div.row { (form::button(Weight::Main, "Save")) (form::button(Weight::Grave, "Revoke")) (form::link(Weight::Plain, "#", "Cancel")) } } }))
            }
        },
    )
}

fn facts() -> Markup {
    pages::sheet(
        "Facts",
        &html! { "as they were" },
        &html! {
            div.pad.narrow {
                (pages::definitions([
                    ("On shift", html! { (pages::badge(Tone::Good, "Yes")) " in " (pages::tag("Surgery")) }),
                    ("Patient’s place", html! { "Not where she works" }),
                    ("Device", html! { code { "ws-ed-014" } " shared workstation, healthy" }),
                ]))
            }
        },
    )
}

fn nothing() -> Markup {
    html! {
        (pages::sheet("Denied today", &html! {}, &pages::empty(Icon::Quiet, "Nobody was stopped", "When somebody is, you will see here who, where, and what would have helped.")))
        (pages::sheet("Accountable", &html! { "who answers for this" }, &pages::note_list([
            (Tone::Note, html! { "Policy owner" }, html! { p { "Dr. Ines Brandt, Chief Medical Information Officer" } p { a href="mailto:x@example.org" { "ines.brandt@example.org" } } }),
            (Tone::Warn, html! { "Help desk" }, html! { p { "Ext. 4400, day and night" } }),
        ])))
    }
}
