//! An approval, as on a phone.

use super::*;

pub fn page() -> AnyView {
    let content = view! {
        <main class="content content-narrow" id="content" tabindex="-1">
            <div class="stack-cards">
                <Card>
                    <ApprovalHead
                        needs="needs you, 1 of 2"
                        title="payments to production"
                        href="#"
                        from="5.7.9".to_owned()
                        to="5.8.1"
                        distance="2 versions, 17 commits"
                        reason="Stops double refunds. Two customers a day are hit.".to_owned()
                        asked=|| view! { "Theo Lind, " <Time at=at(12, 40, 0) show=Show::Clock /> }
                        due=|| view! { "by " <Time at=at(14, 15, 0) show=Show::Clock /> ", " <Time at=at(14, 15, 0) show=Show::Ago /> }
                    />
                </Card>
                <Card title="Is it safe?">
                    <Checks>
                        <CheckRow state=State::Done title="Healthy in staging for 3 days" note="asked: 24 h" />
                        <CheckRow state=State::Done title="412 tests, image scan, signature" note="no critical finding" />
                        <CheckRow state=State::Waiting title="Has a database migration" note="88: adds a column; the old version runs with it" />
                        <CheckRow state=State::Done title="Back-out: previous version" note="about 40 s, traffic first" />
                        <CheckRow state=State::Done title="Goes 10 → 25 → 50 → 100 %" note="taken back by itself above 5 % errors" />
                    </Checks>
                </Card>
                <Card title="What changes" aside=|| view! { <a href="#">"all 17"</a> }>
                    <Commits>
                        <CommitRow author="Theo Lind" subject="Refund once per payment id" hash="8c1f02e0c3b2a1908f7e6d5c4b3a29180716253a" href="#".to_owned() />
                        <CommitRow author="Theo Lind" subject="Test for two webhooks at once" hash="2aa91d00c3b2a1908f7e6d5c4b3a29180716253a" href="#".to_owned() />
                        <CommitRow author="Mara Bell" subject="Log the provider’s reference, and a line that is too long for a phone" hash="f77b3100c3b2a1908f7e6d5c4b3a29180716253a" />
                    </Commits>
                </Card>
                <form method="post">
                    <ActionBar
                        fixed=true
                        acts=|| {
                            view! {
                                <Button kind=Kind::Danger name="verdict" value="reject">
                                    "Reject"
                                </Button>
                                <Button kind=Kind::Primary name="verdict" value="approve">
                                    "Approve 5.8.1"
                                </Button>
                            }
                        }
                    >
                        <TextArea id="comment" name="comment" label="Comment" placeholder="Comment (needed to reject)" rows=1 />
                    </ActionBar>
                </form>
            </div>
        </main>
    };
    frame("Approvals", ("Ines Okafor", "product owner"), content)
}
