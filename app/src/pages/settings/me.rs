//! Me: who I am here, the theme, signing out.

use contract::frame::Frame;
use leptos::prelude::*;

use super::settings_page;
use crate::{
    components::{Avatar, AvatarSize, Button, Card, Choice, Definition, DefinitionList, Glyph, RadioChoices},
    form::{FormProblem, Sending},
    frame::use_frame,
    page::page_below,
    routes::{self, Settings},
    server_fns::SetTheme,
    theme::{self, Theme},
};

/// The reader.
#[component]
pub fn MePage() -> impl IntoView {
    let form = Sending::<SetTheme>::new();
    // What the document says is what was chosen; the server tells the browser with the page.
    let chosen = SharedValue::new(theme::chosen).into_inner();
    apply(form);
    let inside = match use_frame() {
        Some(frame) => page_below(frame, move |frame, _| me_view(&frame, form, chosen)),
        None => ().into_any(),
    };
    settings_page(Settings::Me, "", inside)
}

/// Puts the choice into the document as soon as the browser has its cookie, so that the next page agrees.
fn apply(form: Sending<SetTheme>) {
    let (asked, answered) = (form.action.input(), form.action.value());
    let last = StoredValue::new(None);
    Effect::new(move |_| {
        if let Some(asked) = asked.get() {
            last.set_value(Some(asked.theme));
        }
    });
    Effect::new(move |_| {
        if let (Some(Ok(())), Some(theme)) = (answered.get(), last.get_value()) {
            set_attribute(theme);
        }
    });
}

fn set_attribute(theme: Theme) {
    #[cfg(feature = "hydrate")]
    if let Some(root) = document().document_element() {
        // The name is a valid one; nothing else makes it fail.
        let _ = match theme.attribute() {
            Some(word) => root.set_attribute("data-theme", word),
            None => root.remove_attribute("data-theme"),
        };
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = theme;
}

fn me_view(frame: &Frame, form: Sending<SetTheme>, chosen: Theme) -> AnyView {
    let me = &frame.me;
    let (name, role) = (me.name.clone(), me.role.words());
    let may = me.may.iter().map(|act| act.words()).collect::<Vec<_>>().join(", ");
    let choices = vec![
        Choice::new(Theme::System.as_str(), "As the system says"),
        Choice::new(Theme::Light.as_str(), "Light"),
        Choice::new(Theme::Dark.as_str(), "Dark"),
    ];
    let shown = name.clone();
    let signs_out = crate::frame::use_signing_out();
    view! {
        <div class="stack-cards">
            <Card>
                <div class="stack">
                    <p class="row">
                        <Avatar name size=AvatarSize::Large />
                        <strong>{shown}</strong>
                    </p>
                    <DefinitionList>
                        <Definition term="Role">{role}</Definition>
                        <Definition term="May">{may}</Definition>
                    </DefinitionList>
                    <form method="post" action=routes::SIGN_OUT on:submit=move |_| signs_out()>
                        <Button glyph=Glyph::Leave>"Sign out"</Button>
                    </form>
                </div>
            </Card>
            <Card title="Look">
                <ActionForm action=form.action attr:class="form">
                    <RadioChoices id="theme" name="theme" label="Theme" choices selected=chosen.as_str() />
                    <FormProblem error=form.errors() title="Not remembered" />
                    <div class="form-acts">
                        <Button busy=form.busy()>"Use it"</Button>
                    </div>
                </ActionForm>
            </Card>
        </div>
    }
    .into_any()
}
