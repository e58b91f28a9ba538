//! People: who may do what.

use contract::people::PersonView;
use domain::actor::Role;
use leptos::prelude::*;

use super::{settings_page, shown_once, whole_address};
use crate::{
    components::{Avatar, Button, Card, Chip, Choice, Glyph, InputKind, Kind, Select, Show, Size, Time},
    form::{FormProblem, Sending, Sendings, besides},
    live,
    page::page_below,
    pages::service_form::text_field,
    routes::Settings,
    server_fns,
    server_fns::people::{Invite, ResetPassword, SetActive, SetRole},
};

#[derive(Clone, Copy)]
struct Forms {
    invite: Sending<Invite>,
    role: Sendings<SetRole>,
    active: Sendings<SetActive>,
    reset: Sending<ResetPassword>,
}

/// All people.
#[component]
pub fn PeoplePage() -> impl IntoView {
    let forms = Forms {
        invite: Sending::new().emptied(),
        role: Sendings::new(),
        active: Sendings::new(),
        reset: Sending::new(),
    };
    let changes = live::use_changes(|change| change.entity == "person");
    let data = Resource::new(
        move || (changes.get(), forms.invite.version(), forms.role.version(), forms.active.version()),
        |_| server_fns::people::people(),
    );
    settings_page(
        Settings::People,
        "roles count from the next request on",
        page_below(data, move |people, _| people_view(people, forms)),
    )
}

/// The roles as choices, each with what it may do.
fn roles() -> Vec<Choice> {
    choices(&Role::ALL)
}

/// Some roles as choices.
pub(super) fn choices(roles: &[Role]) -> Vec<Choice> {
    roles
        .iter()
        .map(|role| Choice {
            hint: match role {
                Role::Viewer => "reads everything but settings and secrets",
                Role::Monitor => "for Alertmanager's token: reads, and tells of alerts",
                Role::Developer => "reports versions, asks for promotions",
                Role::Approver => "approves and rejects",
                Role::ReleaseManager => "approves, aborts, rolls back, sets up services",
                Role::Admin => "everything",
                Role::Deployer => "reports how its own deployments get on, and nothing else",
            }
            .to_owned(),
            ..Choice::new(role.as_str(), role.words())
        })
        .collect()
}

fn people_view(people: Vec<PersonView>, forms: Forms) -> AnyView {
    let rows = people.into_iter().map(|person| row(person, forms)).collect_view();
    let link = whole_address(Signal::derive(move || forms.invite.answer().or_else(|| forms.reset.answer())));
    let invite = invite(forms.invite);
    view! {
        <div class="stack-cards">
            {shown_once(
                "One-time link",
                "Give it to the person. It works once, and not for long; on it they choose a password.",
                link,
            )}
            <FormProblem error=forms.reset.errors() title="No link was made" />
            <Card flush=true>
                <div class="table-scroll">
                    <table class="table table-stacks">
                        <thead>
                            <tr>
                                <th scope="col" aria-sort="ascending">
                                    "Name"
                                </th>
                                <th scope="col">"Role"</th>
                                <th scope="col">"Last seen"</th>
                                <th scope="col">
                                    <span class="hidden-visually">"Acts"</span>
                                </th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            </Card>
            <Card title="Invite somebody">{invite}</Card>
        </div>
    }
    .into_any()
}

fn row(person: PersonView, forms: Forms) -> AnyView {
    let id = person.id.to_string();
    let seen = match person.last_seen_at {
        Some(at) => view! { <Time at show=Show::Ago /> }.into_any(),
        None => view! { <span class="quiet">"never"</span> }.into_any(),
    };
    let chips = view! {
        {(!person.is_active).then(|| view! { " " <Chip outline=true glyph=Glyph::Lock>"kept out"</Chip> })}
        {(!person.has_password).then(|| view! { " " <Chip outline=true>"no password yet"</Chip> })}
    };
    let role = role_form(&id, &person, forms.role.of("person", &id));
    let active = forms.active.of("person", &id);
    let (value, words) = if person.is_active { ("false", "Keep out") } else { ("true", "Let in") };
    let (for_active, for_reset) = (id.clone(), id);
    view! {
        <tr>
            <td data-label="Name">
                <span class="row">
                    <Avatar name=person.name.clone() />
                    <span>
                        {person.name.clone()}
                        {chips}
                        <span class="note">{person.email}</span>
                    </span>
                </span>
            </td>
            <td data-label="Role">{role}</td>
            <td data-label="Last seen">{seen}</td>
            <td>
                <div class="row">
                    <ActionForm action=forms.reset.action>
                        <input type="hidden" name="person" value=for_reset />
                        <Button size=Size::Small glyph=Glyph::Key busy=forms.reset.busy()>
                            "One-time link"
                        </Button>
                    </ActionForm>
                    <ActionForm action=active.action>
                        <input type="hidden" name="person" value=for_active />
                        <input type="hidden" name="is_active" value=value />
                        <FormProblem error=active.errors() title="Not changed" />
                        <Button size=Size::Small busy=active.busy()>
                            {words}
                        </Button>
                    </ActionForm>
                </div>
            </td>
        </tr>
    }
    .into_any()
}

fn role_form(id: &str, person: &PersonView, form: Sending<SetRole>) -> AnyView {
    let label = format!("Role of {}", person.name);
    let (id, field, selected) = (id.to_owned(), format!("role-{id}"), person.role.as_str());
    view! {
        <ActionForm action=form.action attr:class="row">
            <input type="hidden" name="person" value=id />
            <Select id=field name="role" label choices=roles() selected in_row=true />
            <Button size=Size::Small busy=form.busy()>
                "Set"
            </Button>
            <FormProblem error=form.errors() title="Not changed" />
        </ActionForm>
    }
    .into_any()
}

fn invite(form: Sending<Invite>) -> AnyView {
    let error = form.errors();
    let other = besides(&["name", "email"], error);
    let (name, email, role) = (form.typed("name", ""), form.typed("email", ""), form.typed("role", "developer"));
    view! {
        <ActionForm action=form.action attr:class="form">
            {text_field("name", "Name", name, "As it stands beside what they do.", InputKind::Text, true, error)}
            {text_field("email", "E-mail address", email, "They sign in with it.", InputKind::Email, true, error)}
            <Select id="role" name="role" label="Role" choices=roles() selected=role required=true />
            <FormProblem error=other title="Not invited" />
            <div class="form-acts">
                <Button kind=Kind::Primary busy=form.busy()>
                    "Invite, and make a one-time link"
                </Button>
            </div>
        </ActionForm>
    }
    .into_any()
}
