//! Everything that the four pages of the pictures do not show.

use super::*;

fn fields() -> AnyView {
    let choice = |value: &str, label: &str, hint: &str| Choice { hint: hint.to_owned(), ..Choice::new(value, label) };
    view! {
        <Card title="Fields">
            <form class="form">
                <TextField id="service" name="service" label="Service" kind=InputKind::Code value="cart" required=true hint="As it is called in its repository".to_owned() />
                <TextField id="wrong" name="wrong" label="Namespace" value="Shop!" required=true error="Small letters, digits and dashes: shop".to_owned() />
                <Select id="environment" name="environment" label="Environment" choices=vec![Choice::plain("staging"), Choice::plain("production")] selected="production" />
                <RadioChoices
                    id="strategy"
                    name="strategy"
                    label="Strategy"
                    choices=vec![choice("canary", "Canary", "10, 25, 50, 100 % with checks between"), choice("rolling", "Rolling", "Pods are replaced one after another")]
                    selected="canary"
                />
                <CheckBox id="notify" name="notify" label="Tell the channel" hint="#releases in Slack" checked=true />
                <TextArea id="reason" name="reason" label="Reason" placeholder="What it is for" />
                <div class="form-acts">
                    <Button kind=Kind::Primary>"Promote cart 2.30.4 to production"</Button>
                    <Button disabled=true>"Cannot be pressed"</Button>
                    <Button busy=true>"Saving"</Button>
                    <Button kind=Kind::Quiet>"Cancel"</Button>
                </div>
            </form>
        </Card>
    }
    .into_any()
}

fn words() -> AnyView {
    view! {
        <Card title="Words that want to be read">
            <div class="stack">
                <Notice state=State::Waiting title="A freeze is on">"Nothing starts before Monday 08:00. An override needs a reason and the privilege."</Notice>
                <Notice state=State::Done>"Saved."</Notice>
                <Outcome said=Signal::stored(Some(Said {
                    state: State::Done,
                    title: "Approved: cart 2.30.4 to production.".to_owned(),
                    words: "It starts by itself.".to_owned(),
                    link: Some(("promotion 1051".to_owned(), "#".to_owned())),
                })) />
                <Notice>"The cluster answers slowly; what is shown is 40 s old."</Notice>
                <Problem title="Not promoted" words="Somebody else started 2.30.5 a moment ago. Look at it and ask again." reference="01J9Z8" />
                <Skeleton lines=3 />
                <div class="row">
                    <StateInline state=State::Done word="verified 26 h" />
                    <StateInline state=State::Moving word="rolling 3 of 5" />
                    <StateInline state=State::Waiting word="window opens 14:00" />
                    <StateInline state=State::Failed word="taken back" />
                    <StateInline state=State::Nothing word="never deployed" />
                </div>
                <div class="row">
                    <Menu label="More acts" glyph_only=false kind=Kind::Secondary start=true>
                        <MenuItem href="#" glyph=Glyph::Undo danger=true>
                            "Roll back"
                        </MenuItem>
                        <MenuItem href="#" glyph=Glyph::Lock>
                            "Hold"
                        </MenuItem>
                    </Menu>
                    <Button does=Does::Press attr:popovertarget="keys">
                        "Keys"
                    </Button>
                    <Avatar name="ci robot" kind=AvatarKind::Machine />
                    <Avatar name="Ines Okafor" size=AvatarSize::Large />
                    <LiveMark liveness=Liveness::Lost { as_of: "13:02".to_owned() } />
                </div>
                <More label="How this is computed">"The median of all changes that reached production in this time."</More>
            </div>
        </Card>
    }
    .into_any()
}

fn things() -> AnyView {
    let change = |before: &str, after: &str| Change::Changed { before: before.to_owned(), after: after.to_owned() };
    view! {
        <Card
            title="A thing"
            foot=|| view! { <a href="#">"All of it"</a> }
        >
            <DefinitionList>
                <Definition term="Owner">"Checkout"</Definition>
                <Definition term="Image">
                    <Hash value="registry.example/shop/cart@sha256:8be1aaaaaaaaaaaaaaaaaaaaaaaaaaaaac07a" what="the image" />
                </Definition>
                <Definition term="Runs since">
                    <Time at=at(13, 2, 40) show=Show::Age />
                </Definition>
            </DefinitionList>
        </Card>
        <Card title="Configuration" flush=true>
            <div class="diff">
                <DiffRow name="env REFUND_LIMIT" change=change("3", "1") />
                <DiffRow name="env TRACE" change=Change::Added { value: "on".to_owned() } />
                <DiffRow name="secret legacy-key" change=Change::Removed { value: "(hidden)".to_owned() } />
            </div>
        </Card>
        <Card title="Timeline">
            <Timeline>
                <TimelineItem at=at(13, 5, 0) title="Detected" state=State::Failed who="Prometheus">
                    "errors 7.1 % over 5 %"
                </TimelineItem>
                <TimelineItem at=at(13, 7, 0) title="Taken back" state=State::Moving who="rule error-rate" />
                <TimelineItem at=at(13, 9, 0) title="Resolved" state=State::Done who="Rosa Mint" />
            </Timeline>
        </Card>
    }
    .into_any()
}

fn table() -> AnyView {
    let rows = [("cart", "2.30.4", "Rosa Mint", "12 min"), ("payments", "5.8.1", "Jun Park", "9 h 20 min")];
    view! {
        <Card title="Deployments" flush=true foot=|| view! { <Pager words="1 to 50 of 214 deployments" previous=None next="#".to_owned() /> }>
            <table class="table table-stacks">
                <thead>
                    <tr>
                        <th scope="col">"Service"</th>
                        <th scope="col">"Version"</th>
                        <th scope="col" aria-sort="descending">
                            <a href="#">"By"</a>
                        </th>
                        <th scope="col" class="number">
                            "Lead time"
                        </th>
                    </tr>
                </thead>
                <tbody>
                    {rows
                        .map(|(service, version, who, lead)| {
                            view! {
                                <tr>
                                    <th scope="row">{service}</th>
                                    <td data-label="Version">
                                        <VersionLabel label=version href="#" />
                                    </td>
                                    <td data-label="By">{who}</td>
                                    <td data-label="Lead time" class="number">
                                        {lead}
                                    </td>
                                </tr>
                            }
                        })}
                </tbody>
            </table>
        </Card>
    }
    .into_any()
}

pub fn page() -> AnyView {
    let pods = vec![PodState::Ready, PodState::Ready, PodState::Starting, PodState::Failing, PodState::Leaving];
    let content = view! {
        <main class="content" id="content" tabindex="-1">
            <PageHead title=|| "Parts" />
            <Tabs label="Parts of it">
                <Tab href="#" current=true>
                    "Overview"
                </Tab>
                <Tab href="#">"Versions"</Tab>
                <Tab href="#">"Deployments"</Tab>
            </Tabs>
            <div class="columns columns-halves">
                <div class="stack-cards">{fields()} {table()}</div>
                <div class="stack-cards">
                    {words()} {things()}
                    <Card title="Nothing yet">
                        <EmptyState
                            glyph=Glyph::Cube
                            title="No version has been reported yet"
                            words="Report the first one from your pipeline; it appears here at once."
                            command="curl -X POST https://slipway.example/api/v1/versions \\\n  -H 'Authorization: Bearer …' \\\n  -d '{\"service\":\"cart\",\"label\":\"2.30.4\"}'"
                            acts=|| view! { <ButtonLink href="#">"Make a token"</ButtonLink> }
                        />
                    </Card>
                    <Card title="Narrow traffic">
                        <TrafficBar
                            parts=vec![
                                TrafficPart { series: Series::Stable, version: "2.30.3".to_owned(), share: 0.95 },
                                TrafficPart { series: Series::Canary, version: "2.30.4".to_owned(), share: 0.05 },
                            ]
                            wanted=0.1
                        />
                        <Pods groups=vec![PodGroup { series: Series::Canary, version: "2.30.4".to_owned(), pods }] />
                    </Card>
                </div>
            </div>
            <KeyHelp
                id="keys"
                groups=vec![
                    KeyGroup { title: "Go".to_owned(), keys: vec![("Board".to_owned(), vec!["g".to_owned(), "b".to_owned()])] },
                    KeyGroup { title: "Lists".to_owned(), keys: vec![("Down".to_owned(), vec!["j".to_owned()])] },
                ]
            />
        </main>
    };
    frame("Services", ("Rosa Mint", "release manager"), content)
}
