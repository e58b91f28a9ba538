//! Signing in, and one-time links. Plain forms to the server's own routes: they set the session's cookie.

use contract::{ApiError, people::LinkPurpose};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::{
    components::{BrandMark, Button, Card, InputKind, Kind, Problem, TextField},
    context::Link,
    page::sentence,
    returned::{Returned, use_returned},
    routes,
};

/// Signing in with e-mail address and password.
#[component]
pub fn SignInPage() -> impl IntoView {
    let query = use_query_map();
    let next = query.with_untracked(|query| routes::text(query, "next")).unwrap_or_else(|| routes::HOME.to_owned());
    let returned = use_returned(routes::SIGN_IN);
    let email = typed(returned.as_ref(), "email");
    view! {
        <Title text="Sign in" />
        {sheet(
            "Sign in",
            view! {
                <form class="form" method="post" action=routes::SIGN_IN>
                    <input type="hidden" name="next" value=next />
                    {problem(returned, "Not signed in")}
                    <TextField
                        id="email"
                        name="email"
                        label="E-mail address"
                        kind=InputKind::Email
                        value=email
                        autocomplete="username"
                        required=true
                    />
                    <TextField
                        id="password"
                        name="password"
                        label="Password"
                        kind=InputKind::Password
                        autocomplete="current-password"
                        required=true
                    />
                    <div class="form-acts">
                        <Button kind=Kind::Primary>"Sign in"</Button>
                    </div>
                    <p class="note">
                        "No password yet, or forgotten? An admin makes you a one-time link under Settings, People."
                    </p>
                </form>
            }
                .into_any(),
        )}
    }
    .into_any()
}

/// What a one-time link is for.
#[component]
pub fn LinkPage() -> impl IntoView {
    let params = use_params_map();
    let token = params.with_untracked(|params| params.get("token").unwrap_or_default());
    let purpose = SharedValue::new(|| use_context::<Link>().and_then(|link| link.0)).into_inner();
    let action = routes::link(&token);
    let returned = use_returned("/link");
    view! {
        <Title text="One-time link" />
        {match purpose {
            None => expired(),
            Some(LinkPurpose::SignIn { name }) => sign_in_as(action, name),
            Some(LinkPurpose::SetPassword { name, email }) => set_password(action, name, email, returned),
            Some(LinkPurpose::FirstAdministrator) => first_administrator(action, returned),
        }}
    }
    .into_any()
}

/// A page without the frame: nobody is signed in.
fn sheet(title: &'static str, inside: AnyView) -> AnyView {
    view! {
        <main class="content content-narrow sign-in">
            <div class="stack">
                <p class="brand">
                    <BrandMark />
                    "Slipway"
                </p>
                <Card>
                    <div class="stack">
                        <h1>{title}</h1>
                        {inside}
                    </div>
                </Card>
            </div>
        </main>
    }
    .into_any()
}

fn expired() -> AnyView {
    crate::context::set_status(404);
    sheet(
        "This link is of no use any more",
        view! {
            <p>"A one-time link works once and not for long. Ask an admin for a new one (Settings, People)."</p>
            <p>
                <a class="link" href=routes::SIGN_IN>
                    "Sign in with a password"
                </a>
            </p>
        }
        .into_any(),
    )
}

fn sign_in_as(action: String, name: String) -> AnyView {
    sheet(
        "Sign in",
        view! {
            <form class="form" method="post" action=action>
                <p>{format!("This link signs in {name}.")}</p>
                <div class="form-acts">
                    <Button kind=Kind::Primary>{format!("Sign in as {name}")}</Button>
                </div>
            </form>
        }
        .into_any(),
    )
}

fn set_password(action: String, name: String, email: String, returned: Option<Returned>) -> AnyView {
    let wrong = wrong_field(returned.as_ref(), "password");
    sheet(
        "Choose a password",
        view! {
            <form class="form" method="post" action=action>
                <p>{format!("{name}, from now on you sign in as {email} with this password.")}</p>
                {problem(returned.filter(|_| wrong.is_none()), "Not set")}
                <input type="hidden" name="email" value=email autocomplete="username" />
                {password_field(wrong)}
                <div class="form-acts">
                    <Button kind=Kind::Primary>"Set it and sign in"</Button>
                </div>
            </form>
        }
        .into_any(),
    )
}

fn first_administrator(action: String, returned: Option<Returned>) -> AnyView {
    let (name, email) = (typed(returned.as_ref(), "name"), typed(returned.as_ref(), "email"));
    let wrong = |field: &str| wrong_field(returned.as_ref(), field);
    let (wrong_name, wrong_email, wrong_password) = (wrong("name"), wrong("email"), wrong("password"));
    let is_about_field = wrong_name.is_some() || wrong_email.is_some() || wrong_password.is_some();
    sheet(
        "The first administrator",
        view! {
            <form class="form" method="post" action=action>
                <p>"Slipway is new here. You become its administrator, and can invite others."</p>
                {problem(returned.filter(|_| !is_about_field), "Not done")}
                <TextField
                    id="name"
                    name="name"
                    label="Your name"
                    value=name
                    error=wrong_name
                    autocomplete="name"
                    required=true
                />
                <TextField
                    id="email"
                    name="email"
                    label="E-mail address"
                    kind=InputKind::Email
                    value=email
                    error=wrong_email
                    autocomplete="username"
                    hint="You sign in with it.".to_owned()
                    required=true
                />
                {password_field(wrong_password)}
                <div class="form-acts">
                    <Button kind=Kind::Primary>"Begin"</Button>
                </div>
            </form>
        }
        .into_any(),
    )
}

fn password_field(error: Option<String>) -> AnyView {
    view! {
        <TextField
            id="password"
            name="password"
            label="Password"
            kind=InputKind::Password
            autocomplete="new-password"
            hint="At least 12 characters. A sentence is easier to remember than signs.".to_owned()
            error=error
            required=true
        />
    }
    .into_any()
}

fn typed(returned: Option<&Returned>, field: &str) -> String {
    returned.and_then(|returned| returned.field(field)).unwrap_or_default().to_owned()
}

fn wrong_field(returned: Option<&Returned>, field: &str) -> Option<String> {
    let error: &ApiError = returned?.error.as_ref()?;
    (error.field() == Some(field)).then(|| error.message.clone())
}

fn problem(returned: Option<Returned>, title: &'static str) -> AnyView {
    returned
        .and_then(|returned| returned.error)
        .map(|error| view! { <Problem title words=sentence(&error.message) /> })
        .into_any()
}
