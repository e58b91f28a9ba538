//! Connecting a cluster: by address and token, by kubeconfig, or from inside. Secrets are never shown
//! again, so their fields begin empty even when one is set.

use contract::ApiError;
use leptos::prelude::*;

use crate::{
    components::{Button, InputKind, Kind, More, TextArea, TextField},
    form::{FormProblem, Sending, about, besides},
    server_fns::clusters::SaveCluster,
};

/// How a cluster can be reached.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Token,
    Kubeconfig,
    InCluster,
}

impl Method {
    const ALL: [Self; 3] = [Self::Token, Self::Kubeconfig, Self::InCluster];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Kubeconfig => "kubeconfig",
            Self::InCluster => "in_cluster",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Token => "By address and a service account's token",
            Self::Kubeconfig => "By a kubeconfig",
            Self::InCluster => "From inside: the cluster that Slipway runs in",
        }
    }
}

/// One form for each way. `name` is the cluster that is changed; `None` connects a new one.
pub(super) fn cluster_form(name: Option<String>, form: Sending<SaveCluster>) -> AnyView {
    let sent = form.typed("method", "token");
    Method::ALL
        .into_iter()
        .map(|method| {
            let inside = one_form(method, name.clone(), form, sent == method.as_str());
            view! { <More label=method.words() open=sent == method.as_str()>{inside}</More> }
        })
        .collect_view()
        .into_any()
}

fn one_form(method: Method, name: Option<String>, form: Sending<SaveCluster>, was_sent: bool) -> AnyView {
    let is_new = name.is_none();
    let word = method.as_str();
    let error = form.errors();
    let typed = move |field: &str| if was_sent { form.typed(field, "") } else { String::new() };
    let name_field = match name {
        Some(name) => view! { <input type="hidden" name="name" value=name /> }.into_any(),
        None => field(word, "name", "Name", typed("name"), "How people call it: eu-1.", error),
    };
    let own = match method {
        Method::Token => view! {
            {field(word, "server", "API server", typed("server"), "https://host:6443", error)}
            <TextArea
                id="token-ca"
                name="certificate_authority"
                label="Certificate authority (PEM)"
                hint="Of the API server; leave it empty when a public authority signed it.".to_owned()
                rows=3
                code=true
            />
            <TextField
                id="token-token"
                name="token"
                label="Token"
                kind=InputKind::Password
                autocomplete="off"
                hint="Kept encrypted and never shown again. Empty keeps the present one.".to_owned()
                required=is_new
            />
        }
        .into_any(),
        Method::Kubeconfig => view! {
            <TextArea
                id="kubeconfig-text"
                name="kubeconfig"
                label="Kubeconfig"
                hint="Only address, authority and token are taken from it. One that runs a program (exec) is refused, and you get the commands that make a token instead."
                    .to_owned()
                rows=6
                code=true
                required=true
            />
            {field(word, "context", "Context", typed("context"), "The current one when empty.", error)}
        }
        .into_any(),
        Method::InCluster => view! {
            <p class="note">"Slipway uses its own pod's service account. It needs the role that the README shows."</p>
        }
        .into_any(),
    };
    let other = besides(&["name", "server", "context", "namespaces"], error);
    view! {
        <ActionForm action=form.action attr:class="form">
            {is_new.then(|| view! { <input type="hidden" name="is_new" value="true" /> })}
            <input type="hidden" name="method" value=word />
            {name_field}
            {own}
            {field(
                word,
                "namespaces",
                "Namespaces",
                typed("namespaces"),
                "Separated by commas; all when empty. Name them when the role is bound to single namespaces.",
                error,
            )}
            <FormProblem error=other title="Not connected" />
            <div class="form-acts">
                <Button kind=Kind::Primary busy=form.busy()>
                    {if is_new { "Connect the cluster" } else { "Save" }}
                </Button>
            </div>
        </ActionForm>
    }
    .into_any()
}

/// A field whose id names its form, since three forms stand on one page.
fn field(
    form: &'static str,
    name: &'static str,
    label: &'static str,
    value: String,
    hint: &'static str,
    error: Signal<Option<ApiError>>,
) -> AnyView {
    let (id, wrong) = (format!("{form}-{name}"), about(name, error));
    view! { <TextField id name=name label=label value kind=InputKind::Code hint=hint.to_owned() error=wrong /> }
        .into_any()
}
