//! The board.

use super::*;

const COLUMNS: [&str; 4] = ["Development", "Staging", "Pre-production", "Production"];

type Cell = (State, &'static str, &'static str, Option<&'static str>, Option<f64>);

fn row(name: &'static str, tier: &'static str, cells: [Cell; 4]) -> AnyView {
    let cells = cells.into_iter().zip(COLUMNS).map(move |((state, version, reason, ahead, share), column)| {
        let menu = move || {
            view! {
                <Menu label=format!("Acts on {name} in {column}")>
                    <MenuItem href="#" glyph=Glyph::ArrowRight>
                        "Promote"
                    </MenuItem>
                    <MenuItem href="#" glyph=Glyph::Undo>
                        "Roll back"
                    </MenuItem>
                    <MenuItem href="#" glyph=Glyph::Lock>
                        "Hold"
                    </MenuItem>
                    <MenuNote label="Open" because="nothing runs" />
                </Menu>
            }
        };
        let ahead = ahead.map(|words| Ahead { words: words.to_owned(), href: "#".to_owned() });
        view! {
            <BoardCell
                column=column
                state
                version=version.to_owned()
                href="#".to_owned()
                reason=move || reason
                ahead
                share
                menu
            />
        }
    });
    view! {
        <BoardRow name=name href="#" note=tier>
            {cells.collect_view()}
        </BoardRow>
    }
    .into_any()
}

fn done(version: &'static str, age: &'static str) -> Cell {
    (State::Done, version, age, None, None)
}

fn ahead(version: &'static str, age: &'static str, words: &'static str) -> Cell {
    (State::Done, version, age, Some(words), None)
}

fn rows() -> AnyView {
    let moving = |version, words, share| (State::Moving, version, words, None, Some(share));
    let waiting = |version, words| (State::Waiting, version, words, None, None);
    view! {
        <BoardGroup name="Checkout" span=5>
            {row("cart", "tier 1", [done("2.31.0", "12 min"), ahead("2.30.4", "soaked 26 h", "1 ahead · 9 commits"), done("2.30.4", "2 days"), moving("2.30.3", "canary 25 % of 2.30.4 · next 50 % in 3 min", 0.25)])}
            {row("payments", "tier 1", [done("5.8.2", "1 h"), ahead("5.8.1", "soaked 3 d", "1 ahead · 4 commits"), waiting("5.8.1", "waits for you and 1 more of Product owners"), ahead("5.7.9", "4 pods · 6 days", "2 ahead · 17 commits")])}
            {row("invoices", "tier 2", [(State::Failed, "1.14.0", "tests failed on 3f9c2ad", None, None), done("1.13.2", "5 h"), done("1.13.2", "5 h"), done("1.13.2", "2 pods · 3 h")])}
        </BoardGroup>
        <BoardGroup name="Catalogue" span=5>
            {row("search", "tier 1", [done("9.2.0", "40 min"), moving("9.1.7", "rolling 3 of 5 pods", 0.6), done("9.1.6", "1 day"), ahead("9.1.6", "12 pods · 1 day", "1 ahead · 6 commits")])}
            {row("images", "tier 3", [done("0.44.1", "3 days"), done("0.44.1", "3 days"), waiting("0.44.0", "freeze lifts Mon 08:00"), ahead("0.43.8", "3 pods · 9 days", "2 ahead · 11 commits")])}
            {row("pricing", "tier 1", [done("3.3.0", "22 min"), done("3.2.9", "soak ends 14:10"), done("3.2.8", "8 h"), (State::Failed, "3.2.8", "taken back: errors 7.1 % over 5 % · 18 min ago", Some("1 ahead · 3 commits"), None)])}
        </BoardGroup>
        <BoardGroup name="Accounts" span=5>
            {row("identity", "tier 1", [done("4.0.1", "5 days"), done("4.0.1", "5 days"), done("4.0.1", "5 days"), done("4.0.1", "6 pods · 4 days")])}
            {row("mailer", "tier 2", [done("2.2.0", "2 h"), done("2.2.0", "1 h"), ahead("2.1.9", "12 days", "1 ahead · 2 commits"), done("2.1.9", "2 pods · 12 days")])}
            {row("profile", "tier 2", [done("7.19.3", "9 h"), done("7.19.3", "8 h"), (State::Nothing, "7.19.1", "not by Slipway: kubectl, 2 h ago", None, None), ahead("7.19.1", "4 pods · 2 days", "1 ahead · 8 commits")])}
        </BoardGroup>
    }
    .into_any()
}

pub fn page() -> AnyView {
    let columns = COLUMNS.map(|name| BoardColumn { name: name.to_owned(), ..BoardColumn::default() }).to_vec();
    let content = view! {
        <Banner state=State::Waiting link=("Calendar".to_owned(), "#".to_owned())>
            "Year-end freeze for tier 1 starts Friday 18:00 and lifts Monday 08:00 · 2 promotions would be caught"
        </Banner>
        <main class="content content-wide" id="content" tabindex="-1">
            <PageHead title=|| "Board" lead=|| "9 of 214 services · sorted by what needs a person">
                <ButtonLink href="#">"Export"</ButtonLink>
                <ButtonLink href="#" kind=Kind::Primary>
                    "Promote a version"
                </ButtonLink>
            </PageHead>
            <Filters label="Filter services">
                <FilterCount state=State::Moving count=2 word="moving" href="#" />
                <FilterCount state=State::Waiting count=2 word="waiting" href="#" />
                <FilterCount state=State::Failed count=2 word="failed" href="#" />
                <FilterCount state=State::Nothing count=1 word="changed by others" href="#" />
                <FilterBreak />
                <FilterChip href="#" on=true>
                    "Teams: Checkout, Catalogue, Accounts"
                </FilterChip>
                <FilterChip href="#">"Tier: any"</FilterChip>
                <FilterChip href="#">"Only differences"</FilterChip>
                <FilterChip href="#">"+ Filter"</FilterChip>
            </Filters>
            <Board caption="Versions of each service in each environment" columns>
                {rows()}
            </Board>
        </main>
    };
    frame("Board", ("Rosa Mint", "release manager"), content)
}
