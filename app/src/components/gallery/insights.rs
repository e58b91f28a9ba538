//! Insights.

use super::*;

fn tiles() -> AnyView {
    let mut numbers = Numbers(7);
    let mut course = || (0..26).map(|_| Some(numbers.next())).collect::<Vec<_>>();
    let change = |state, words: &str| Some(TileChange { state, words: words.to_owned() });
    view! {
        <div class="tiles">
            <Tile label="Deployments" value="6.4".to_owned() unit="per day" href="#" course=course()
                change=change(State::Done, "+12 % on the 26 weeks before") badge=|| view! { <Chip tone=State::Done>"elite"</Chip> } />
            <Tile label="Change lead time" value="9 h 20 min".to_owned() unit="median" href="#" course=course()
                change=change(State::Done, "\u{2212}2 h 05 min, faster") badge=|| view! { <Chip tone=State::Moving>"high"</Chip> } />
            <Tile label="Change fail rate" value="4.1 %".to_owned() unit="of 576" href="#" course=course()
                change=change(State::Done, "\u{2212}0.9 points, fewer") badge=|| view! { <Chip tone=State::Done>"elite"</Chip> } />
            <Tile label="Recovery time" value="31 min".to_owned() unit="median of 22" href="#" course=course()
                change=change(State::Failed, "+6 min, slower") badge=|| view! { <Chip tone=State::Done>"elite"</Chip> } />
            <Tile label="Rework rate" value=None href="#" absent="Link deployments to incidents and a figure appears here" badge=|| view! { <Chip>"2025 set"</Chip> } />
        </div>
    }
    .into_any()
}

fn bars() -> Vec<Bar> {
    let mut numbers = Numbers(3);
    let names = [
        "26 May", "2 Jun", "9 Jun", "16 Jun", "23 Jun", "30 Jun", "7 Jul", "14 Jul", "21 Jul", "28 Jul", "4 Aug",
        "11 Aug", "18 Aug", "25 Aug", "1 Sep", "8 Sep", "15 Sep", "22 Sep", "29 Sep", "6 Oct", "13 Oct", "20 Oct",
        "27 Oct", "3 Nov", "10 Nov", "17 Nov",
    ];
    names
        .into_iter()
        .enumerate()
        .map(|(index, label)| {
            let partial = index == names.len() - 1;
            Bar {
                label: label.to_owned(),
                value: if partial { 19.0 } else { (28.0 + numbers.next() * 30.0).floor() },
                failed: (numbers.next() * 3.6).floor(),
                partial,
                href: Some("#".to_owned()),
            }
        })
        .collect()
}

fn dots() -> Vec<Dot> {
    let mut numbers = Numbers(12);
    (0..22)
        .map(|index| Dot {
            x: f64::from(index),
            seconds: 600.0 * (numbers.next() * 4.0).exp(),
            shape: [DotShape::Diamond, DotShape::Triangle, DotShape::Circle][index as usize % 3],
            words: format!("INC-{}, severity {}", 30 + index, index % 3 + 1),
            href: Some("#".to_owned()),
        })
        .collect()
}

fn rows() -> Vec<HeatRow> {
    let mut numbers = Numbers(5);
    ["cart", "payments", "search", "pricing", "identity", "images", "mailer", "profile"]
        .map(|name| {
            let cells = (0..52).map(|week| {
                let value = (numbers.next() * 6.0).floor();
                let failed = value > 0.0 && numbers.next() > 0.95;
                HeatCell {
                    value,
                    failed,
                    words: format!("week {week}: {value} deployments"),
                    href: Some("#".to_owned()),
                }
            });
            HeatRow {
                name: name.to_owned(),
                href: Some("#".to_owned()),
                cells: cells.collect(),
                words: "44 deployments · 6 failed".to_owned(),
            }
        })
        .to_vec()
}

pub fn page() -> AnyView {
    let kinds = |shape, words: &str| (shape, words.to_owned());
    let content = view! {
        <main class="content" id="content" tabindex="-1">
            <PageHead title=|| "Insights" lead=|| "production · all teams · 26 weeks to 21 Nov">
                <FilterChip href="#">"90 days"</FilterChip>
                <FilterChip href="#" on=true>
                    "26 weeks"
                </FilterChip>
                <FilterChip href="#">"2 years"</FilterChip>
                <ButtonLink href="#">"Share"</ButtonLink>
                <ButtonLink href="#">"CSV"</ButtonLink>
            </PageHead>
            {tiles()}
            <div class="stack-cards">
                <div class="columns columns-charts">
                    <Card
                        title="Deployments per week"
                        lead="failed in red, this week so far is pale"
                        aside=|| view! { <a class="link" href="#">"how is this computed"</a> }
                    >
                        <BarChart label="Deployments per week" unit="deployments" bars=bars() />
                    </Card>
                    <Card title="Time to recover" lead="by severity; goal 15 min">
                        <DotPlot
                            label="Time to recover"
                            dots=dots()
                            range=(-1.0, 22.0)
                            marks=vec![(0.0, "26 May".to_owned()), (11.0, "18 Aug".to_owned()), (21.0, "17 Nov".to_owned())]
                            goal=Some(900.0)
                            legend=vec![kinds(DotShape::Diamond, "severity 1"), kinds(DotShape::Triangle, "severity 2"), kinds(DotShape::Circle, "severity 3")]
                        />
                    </Card>
                </div>
                <Card title="By service" lead="one cell a week; red with a cross: a failed change">
                    <HeatStrip label="Deployments of each service by week" rows=rows() />
                </Card>
            </div>
        </main>
    };
    frame("Insights", ("Tara Lund", "team lead"), content)
}
