//! API tokens: machine identities for pipelines.

use contract::tokens::TokenView;
use domain::actor::Role;
use leptos::prelude::*;

use super::{people::choices, settings_page, shown_once};
use crate::{
    commands,
    components::{
        Button, Card, Code, EmptyState, Glyph, InputKind, Kind, Select, Show, Size, State, StateInline, TextField, Time,
    },
    form::{FormProblem, Sending, Sendings, besides},
    live,
    page::page_below,
    pages::service_form::text_field,
    routes::Settings,
    server_fns,
    server_fns::tokens::{MakeToken, RevokeToken},
};

#[derive(Clone, Copy)]
struct Forms {
    make: Sending<MakeToken>,
    revoke: Sendings<RevokeToken>,
}

/// All tokens.
#[component]
pub fn TokensPage() -> impl IntoView {
    let forms = Forms { make: Sending::new().emptied(), revoke: Sendings::new() };
    let changes = live::use_changes(|change| change.entity == "settings");
    let data = Resource::new(
        move || (changes.get(), forms.make.version(), forms.revoke.version()),
        |_| server_fns::tokens::tokens(),
    );
    settings_page(
        Settings::Tokens,
        "machine identities for pipelines; they report and ask, and never approve",
        page_below(data, move |tokens, _| tokens_view(tokens, forms)),
    )
}

fn tokens_view(tokens: Vec<TokenView>, forms: Forms) -> AnyView {
    let list = if tokens.is_empty() {
        view! {
            <EmptyState
                glyph=Glyph::Key
                title="No token yet"
                words="Make one for each pipeline, with the role developer. With it a pipeline reports versions:"
                command=commands::register_version("cart")
            />
        }
        .into_any()
    } else {
        let rows = tokens.into_iter().map(|token| row(token, forms)).collect_view();
        table(rows.into_any())
    };
    let make = make(forms.make);
    view! {
        <div class="stack-cards">
            {shown_once(
                "The token's secret",
                "It is shown this once. Put it into the pipeline's secrets as SLIPWAY_TOKEN.",
                Signal::derive(move || forms.make.answer()),
            )}
            <Card flush=true>{list}</Card>
            <Card title="Make a token">{make}</Card>
            <Card title="What a pipeline sends">
                <Code text=commands::register_version("cart") label="Register a version" />
            </Card>
        </div>
    }
    .into_any()
}

fn table(rows: AnyView) -> AnyView {
    view! {
        <div class="table-scroll">
            <table class="table table-stacks">
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"Role"</th>
                        <th scope="col">"State"</th>
                        <th scope="col" aria-sort="descending">
                            "Made"
                        </th>
                        <th scope="col">"Last used"</th>
                        <th scope="col">
                            <span class="hidden-visually">"Acts"</span>
                        </th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(token: TokenView, forms: Forms) -> AnyView {
    let state = match (token.is_revoked, token.expires_at) {
        (true, _) => view! { <StateInline state=State::Nothing word="revoked" /> }.into_any(),
        (false, Some(at)) => {
            view! { <StateInline state=State::Done word="works until" /> " " <Time at show=Show::Day /> }.into_any()
        }
        (false, None) => view! { <StateInline state=State::Done word="works" /> }.into_any(),
    };
    let used = match token.last_used_at {
        Some(at) => view! { <Time at show=Show::Ago /> }.into_any(),
        None => view! { <span class="quiet">"never"</span> }.into_any(),
    };
    let id = token.id.to_string();
    let revoke = (!token.is_revoked).then(|| {
        let form = forms.revoke.of("id", &id);
        view! {
            <ActionForm action=form.action>
                <input type="hidden" name="id" value=id.clone() />
                <FormProblem error=form.errors() title="Not revoked" />
                <Button kind=Kind::Danger size=Size::Small busy=form.busy()>
                    "Revoke"
                </Button>
            </ActionForm>
        }
    });
    view! {
        <tr>
            <td data-label="Name">
                {token.name}
                <span class="note">{format!("made by {}", token.owner)}</span>
            </td>
            <td data-label="Role">{token.role.words()}</td>
            <td data-label="State">{state}</td>
            <td data-label="Made">
                <Time at=token.created_at show=Show::Ago />
            </td>
            <td data-label="Last used">{used}</td>
            <td>{revoke}</td>
        </tr>
    }
    .into_any()
}

fn make(form: Sending<MakeToken>) -> AnyView {
    let error = form.errors();
    let other = besides(&["name"], error);
    let (name, role, days) = (form.typed("name", ""), form.typed("role", "developer"), form.typed("days", "365"));
    view! {
        <ActionForm action=form.action attr:class="form">
            {text_field("name", "Name", name, "Which pipeline it is for: cart-ci.", InputKind::Text, true, error)}
            <div class="form-row">
                <Select id="role" name="role" label="Role" choices=choices(&Role::OF_TOKENS) selected=role required=true />
                <TextField
                    id="days"
                    name="days"
                    label="Works for (days)"
                    kind=InputKind::Number
                    value=days
                    hint="1 to 730.".to_owned()
                    required=true
                />
            </div>
            <FormProblem error=other title="Not made" />
            <div class="form-acts">
                <Button kind=Kind::Primary glyph=Glyph::Key busy=form.busy()>
                    "Make the token"
                </Button>
            </div>
        </ActionForm>
    }
    .into_any()
}
