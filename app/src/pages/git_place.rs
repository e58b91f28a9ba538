//! Where the version of a target lives when that is a Git repository: saying it, trying it, taking it away.
//! Secrets are never shown again, so their fields begin empty even when one is set.

use std::convert::identity;

use contract::git::GitView;
use leptos::prelude::*;

use crate::{
    components::{Button, Card, Chip, InputKind, Kind, More, Notice, State, TextArea, TextField},
    form::{FormProblem, Sending, about, besides},
    page::sentence,
    question::{Question, question},
    server_fns::git::{ClearGitPlace, SetGitPlace, TestGitPlace},
};

/// What no place can be without; the rest depends on how the repository is reached.
const NEEDED: [&str; 4] = ["repository", "branch", "file", "fields"];

const FIELDS: [&str; 8] = ["repository", "branch", "file", "fields", "user", "token", "deploy_key", "known_hosts"];

/// The forms of a Git place.
#[derive(Clone, Copy)]
pub struct GitForms {
    set: Sending<SetGitPlace>,
    test: Sending<TestGitPlace>,
    clear: Sending<ClearGitPlace>,
}

impl GitForms {
    /// Made with the page, which says in `saved` what was saved.
    #[must_use]
    pub fn begin(saved: RwSignal<Option<String>>) -> Self {
        Self {
            set: Sending::new().emptied().tells(saved, identity),
            test: Sending::new(),
            clear: Sending::new().tells(saved, identity),
        }
    }

    /// Rises when what is set may have changed.
    pub fn version(self) -> usize {
        self.set.version() + self.clear.version()
    }
}

/// The card.
pub fn git_card(service: &str, environment: &str, present: Option<GitView>, forms: GitForms) -> AnyView {
    let lead = "When another tool brings to the cluster what a repository says, Slipway commits the version there. A \
                rollback is a commit too.";
    let acts = present.is_some().then(|| acts(service, environment, forms));
    let answered = move || {
        forms.test.answer().map(|test| {
            let (state, title) =
                if test.is_good { (State::Done, "It can be read") } else { (State::Failed, "It cannot be read") };
            view! { <Notice state title>{sentence(&test.words)}</Notice> }
        })
    };
    let is_set = present.is_some();
    let practice = present.as_ref().is_some_and(|present| present.is_practice);
    let form = set_form(service, environment, present, forms.set);
    // Most targets have none: what is not needed is not in the way.
    let open = is_set || forms.set.came_back();
    view! {
        <Card
            title="In a Git repository"
            lead
            aside=move || practice.then(|| view! { <Chip outline=true>"practice"</Chip> })
        >
            <div class="stack">
                {acts} {answered} <More label="Commit the version to a repository" open>
                    {form}
                </More>
            </div>
        </Card>
    }
    .into_any()
}

/// Trying what is set, and taking it away.
fn acts(service: &str, environment: &str, forms: GitForms) -> AnyView {
    let hidden = || {
        let (service, environment) = (service.to_owned(), environment.to_owned());
        view! {
            <input type="hidden" name="service" value=service />
            <input type="hidden" name="environment" value=environment />
        }
        .into_any()
    };
    let to_test = hidden();
    let asked = Question {
        failed: "Not changed",
        ..Question::removal(
            "Set it in the cluster again",
            "Commit nothing any more?",
            "Slipway forgets the repository and its secret. The next promotion sets the version in the cluster, or is \
             refused where another tool would undo that. A promotion under way can commit nothing more.",
            "Set it in the cluster again",
        )
    };
    let removal = question(asked, forms.clear, hidden());
    view! {
        <FormProblem error=forms.test.errors() title="Not read" />
        <div class="row">
            <ActionForm action=forms.test.action>
                {to_test} <Button busy=forms.test.busy()>"Read the fields now"</Button>
            </ActionForm>
            {removal}
        </div>
    }
    .into_any()
}

fn set_form(service: &str, environment: &str, present: Option<GitView>, form: Sending<SetGitPlace>) -> AnyView {
    let error = form.errors();
    let other = besides(&FIELDS, error);
    let is_set = present.is_some();
    let is_by_key = present.as_ref().is_some_and(|present| present.is_by_key);
    let value = |name: &str, usual: fn(&GitView) -> &String, fallback: &str| {
        form.typed(&format!("input[{name}]"), present.as_ref().map_or(fallback, |present| usual(present)))
    };
    let text = |name: &'static str, label: &'static str, kind: InputKind, hint: &'static str, value: String| {
        view! {
            <TextField
                id=format!("git-{name}")
                name=format!("input[{name}]")
                label
                kind
                hint=hint.to_owned()
                autocomplete="off"
                required=NEEDED.contains(&name)
                value
                error=about(name, error)
            />
        }
        .into_any()
    };
    let area = |name: &'static str, label: &'static str, rows: u32, hint: &'static str, value: String| {
        view! {
            <TextArea
                id=format!("git-{name}")
                name=format!("input[{name}]")
                label
                rows
                code=true
                hint=hint.to_owned()
                required=NEEDED.contains(&name)
                value
                error=about(name, error)
            />
        }
        .into_any()
    };
    let kept = |is_this: bool| {
        if is_set && is_this {
            "One is set and never shown again. Empty keeps it, for this repository."
        } else {
            "Kept encrypted, never shown again."
        }
    };
    let code = InputKind::Code;
    let repository = text(
        "repository",
        "Repository",
        code,
        "https://git.example/shop/deploy.git with a token, or git@git.example:shop/deploy.git with a deploy key. One in a private network must be named in the setting outgoing_allow.",
        value("repository", |view| &view.repository, ""),
    );
    let branch =
        text("branch", "Branch", code, "The one that the tool reads.", value("branch", |view| &view.branch, "main"));
    let file =
        text("file", "File", code, "From the top: apps/cart/kustomization.yaml", value("file", |view| &view.file, ""));
    let fields = area(
        "fields",
        "Fields that say the version",
        2,
        "One on each line: images[name=cart].newTag, or spec.values.image.tag. A field gets the tag; write ' = image', ' = digest' or ' = version' behind it for something else, and ' of web' for one of several images.",
        value("fields", |view| &view.fields, ""),
    );
    let user = text("user", "User of the token", code, "Mostly any will do.", value("user", |view| &view.user, ""));
    let token = text("token", "Token", InputKind::Password, kept(!is_by_key), String::new());
    let key = area("deploy_key", "Deploy key", 3, kept(is_by_key), String::new());
    let known_hosts = area(
        "known_hosts",
        "Keys of the host",
        2,
        "What ssh-keyscan prints of it; compare it with what the host publishes. No other host is believed.",
        value("known_hosts", |view| &view.known_hosts, ""),
    );
    let (service, environment) = (service.to_owned(), environment.to_owned());
    view! {
        <ActionForm action=form.action>
            <input type="hidden" name="service" value=service />
            <input type="hidden" name="environment" value=environment />
            <div class="stack">
                {repository} <div class="form-row">{branch} {file}</div> {fields}
                <div class="form-row">{user} {token}</div> {key} {known_hosts} <FormProblem error=other title="Not saved" />
                <div class="form-acts">
                    <Button kind=Kind::Primary busy=form.busy()>
                        "Save where the version lives"
                    </Button>
                </div>
            </div>
        </ActionForm>
    }
    .into_any()
}
