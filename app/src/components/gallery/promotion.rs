//! A promotion.

use super::*;

fn steps() -> Vec<Step> {
    [
        (State::Done, "Approved", "12:58 · 2 of 2", None),
        (State::Done, "10 %", "13:06 · checks passed", None),
        (State::Moving, "25 %", "since 13:16 · 7 of 10 min", Some(0.7)),
        (State::Nothing, "50 %", "then 10 min", None),
        (State::Nothing, "Confirm", "release manager", None),
        (State::Nothing, "100 %", "then watch 30 min", None),
    ]
    .into_iter()
    .map(|(state, title, note, share)| Step {
        state,
        title: title.to_owned(),
        note: note.to_owned(),
        share,
        current: state == State::Moving,
    })
    .collect()
}

fn lines() -> Vec<Line> {
    let mut numbers = Numbers(41);
    let mut course = |from: u32, level: f64, width: f64| {
        let mut value = level;
        (from..=54)
            .map(|half| {
                value += (level - value) * 0.3 + (numbers.next() - 0.5) * width;
                (f64::from(half) / 2.0, Some(value.max(0.3)))
            })
            .collect()
    };
    let stable = course(0, 1.2, 0.7);
    let canary = course(8, 1.2, 1.1);
    vec![
        Line { series: Series::Stable, name: "stable 2.30.3".to_owned(), points: stable },
        Line { series: Series::Canary, name: "canary 2.30.4".to_owned(), points: canary },
    ]
}

fn charts() -> AnyView {
    let band = |from, to, title: &str| Band { from, to, title: title.to_owned() };
    view! {
        <Card
            title="Error rate"
            beside=|| {
                view! {
                    <FilterChip href="#">"p95"</FilterChip>
                    <FilterChip href="#">"Requests"</FilterChip>
                }
            }
            aside=|| "1 min windows · Prometheus"
        >
            <LineChart
                label="Error rate"
                unit=" %"
                lines=lines()
                range=(0.0, 43.0)
                marks=vec![(0.0, "13:02".to_owned()), (4.0, "13:06".to_owned()), (14.0, "13:16".to_owned()), (27.0, "13:29".to_owned()), (37.0, "13:39".to_owned())]
                limit=Some(Limit { value: 5.0, words: "limit 5 %".to_owned() })
                bands=vec![band(0.0, 4.0, "0 %"), band(4.0, 14.0, "10 %"), band(14.0, 27.0, "25 %"), band(27.0, 37.0, "50 %"), band(37.0, 43.0, "100 %")]
            />
        </Card>
    }
    .into_any()
}

fn journal() -> AnyView {
    let rows = [
        (at(13, 16, 4), "Weight 10 → 25 %", "step passed: errors 1.1 %, p95 212 ms, 5,204 requests", "rule"),
        (at(13, 6, 11), "Weight 0 → 10 %", "2 canary pods available, route accepted (generation 41)", "rule"),
        (at(13, 2, 40), "Started", "Rosa Mint pressed Start · window open until 17:00", "Rosa Mint"),
        (
            at(12, 58, 19),
            "Approved, 2 of 2",
            "“Hotfix for double refunds, back-out is the previous version.”",
            "Ines Okafor",
        ),
        (at(12, 51, 2), "Approved, 1 of 2", "from Slack", "Jun Park"),
        (at(12, 40, 55), "Asked", "2.30.4 to production, canary, policy 14", "Theo Lind"),
    ];
    view! {
        <Card title="Journal" flush=true>
            <Journal>
                {rows
                    .map(|(at, what, words, who)| {
                        view! {
                            <JournalRow at what who>
                                {words}
                            </JournalRow>
                        }
                    })}
            </Journal>
        </Card>
    }
    .into_any()
}

fn side() -> AnyView {
    view! {
        <div class="stack-cards">
            <Card title="What changes" aside=|| view! { <a href="#">"9 commits"</a> }>
                <div class="stack-tight">
                    <div class="row row-apart">
                        <FromTo from="2.30.3".to_owned() to="2.30.4" />
                        <Chip tone=State::Waiting>"hotfix"</Chip>
                    </div>
                    <Hash value="sha256:8be1aaaaaaaaaaaaaaaaaaaaaaaaaaaaac07a" what="the digest" />
                    <Checks>
                        <CheckRow state=State::Done title="Tests, image scan, signature" note="412 passed · 0 critical · signed by ci" href="#" />
                        <CheckRow state=State::Done title="Staging healthy for 26 h" note="asked: 24 h" />
                        <CheckRow state=State::Nothing title="Back-out" note="previous version; migration 88 is compatible" />
                    </Checks>
                </div>
            </Card>
            <Card title="During" aside=|| "2 of 3">
                <Checks>
                    <CheckRow state=State::Done title="Dashboards watched" note="Rosa Mint 13:04" />
                    <CheckRow state=State::Done title="Support told" note="Rosa Mint 13:05" />
                    <CheckRow
                        state=State::Waiting
                        title="Refund path tried by hand"
                        note="at 50 %"
                        aside=|| view! { <Button size=Size::Small>"Tick"</Button> }
                    />
                </Checks>
            </Card>
            <Card title="Judged now">
                <Checks>
                    <CheckRow state=State::Done title="Errors 1.3 % of canary" note="limit 5 % for 5 min · stable 1.2 %" />
                    <CheckRow state=State::Done title="p95 218 ms" note="limit 2,000 ms for 5 min" />
                    <CheckRow state=State::Done title="Health 2 of 2 pods" note="0 restarts" />
                </Checks>
            </Card>
        </div>
    }
    .into_any()
}

fn traffic() -> AnyView {
    let part = |series, version: &str, share| TrafficPart { series, version: version.to_owned(), share };
    let group = |series, version: &str, count| PodGroup {
        series,
        version: version.to_owned(),
        pods: vec![PodState::Ready; count],
    };
    view! {
        <Card title="Traffic">
            <TrafficBar parts=vec![part(Series::Stable, "2.30.3", 0.75), part(Series::Canary, "2.30.4", 0.25)] />
            <div class="traffic-foot">
                <span>"wanted 25 %, seen 25.3 % of 18,240 requests, last minute · HTTPRoute " <code>"shop/cart"</code></span>
                <Pods groups=vec![group(Series::Stable, "2.30.3", 6), group(Series::Canary, "2.30.4", 2)] words="8 pods ready" />
            </div>
        </Card>
    }
    .into_any()
}

pub fn page() -> AnyView {
    let crumb = |label: &str, href: Option<&str>| Crumb { label: label.to_owned(), href: href.map(str::to_owned) };
    let content = view! {
        <main class="content" id="content" tabindex="-1">
            <Crumbs crumbs=vec![crumb("Checkout", Some("#")), crumb("cart", Some("#")), crumb("promotion 1042", None)] />
            <PageHead
                title=|| view! { "cart " <VersionLabel label="2.30.4" /> " to production" }
                state=|| view! { <StatePill state=State::Moving word="25 %, 3 min to 50 %" /> }
                lead=|| "asked by Theo Lind · 12:40 · canary over Gateway API"
            >
                <Button>"Pause"</Button>
                <Button>"Go on now"</Button>
                <ReasonDialog
                    label="Abort, traffic back first"
                    kind=Kind::Danger
                    title="Abort cart 2.30.4?"
                    says="All traffic goes back to 2.30.3 at once, then the canary pods go. This promotion ends."
                    warns=vec!["Migration 88 stays; it is compatible with 2.30.3.".to_owned()]
                >
                    <form class="form" method="post">
                        <TextArea id="abort-reason" name="reason" label="Why" required=true hint="It stands in the journal and the audit".to_owned() />
                        <div class="form-acts">
                            <Button kind=Kind::Danger>"Abort and take 2.30.4 back"</Button>
                        </div>
                    </form>
                </ReasonDialog>
            </PageHead>
            <div class="stack-cards">
                <Card>
                    <Steps steps=steps() />
                </Card>
                <div class="columns">
                    <div class="stack-cards">{traffic()} {charts()} {journal()}</div>
                    {side()}
                </div>
            </div>
        </main>
    };
    frame("Services", ("Rosa Mint", "release manager"), content)
}
