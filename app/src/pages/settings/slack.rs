//! Slack: one message for each promotion, which changes as it moves.

use contract::slack::SlackView;
use leptos::prelude::*;

use super::settings_page;
use crate::{
    components::{Button, Card, Glyph, InputKind, Kind, State, StateInline, TextField},
    form::{FormProblem, Sending, besides},
    live,
    page::page_below,
    pages::service_form::text_field,
    routes::Settings,
    server_fns,
    server_fns::slack::SetSlack,
};

/// The Slack connection.
#[component]
pub fn SlackPage() -> impl IntoView {
    let form = Sending::<SetSlack>::new();
    let changes = live::use_changes(|change| change.entity == "settings" || change.entity == "promotion");
    let data = Resource::new(move || (changes.get(), form.version()), |_| server_fns::slack::slack());
    settings_page(
        Settings::Slack,
        "one message for each promotion; the same message changes as it moves",
        page_below(data, move |slack, _| slack_view(slack, form)),
    )
}

fn slack_view(slack: SlackView, form: Sending<SetSlack>) -> AnyView {
    let error = form.errors();
    let other = besides(&["channel"], error);
    let channel = form.typed("channel", &slack.channel);
    let hint = if slack.has_token {
        "One is set and never shown again. Empty keeps it."
    } else {
        "A bot token (xoxb-…) with chat:write and channels:history. Kept encrypted, never shown again."
    };
    let (state, words) = (State::from(slack.mark), slack.words);
    view! {
        <div class="stack-cards">
            <Card title="State">
                <StateInline state word=words />
            </Card>
            <Card title="Connection">
                <ActionForm action=form.action attr:class="form">
                    <TextField
                        id="token"
                        name="token"
                        label="Bot token"
                        kind=InputKind::Password
                        autocomplete="off"
                        hint=hint.to_owned()
                    />
                    {text_field(
                        "channel",
                        "Channel",
                        channel,
                        "Its id (C0123456789) or name. Empty switches messages off. Invite the bot to it.",
                        InputKind::Code,
                        false,
                        error,
                    )}
                    <FormProblem error=other title="Not saved" />
                    <div class="form-acts">
                        <Button kind=Kind::Primary glyph=Glyph::Tick busy=form.busy()>
                            "Save"
                        </Button>
                    </div>
                </ActionForm>
            </Card>
        </div>
    }
    .into_any()
}
