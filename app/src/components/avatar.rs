//! A person, or a machine, by initials.

use leptos::prelude::*;

/// Whose initials they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AvatarKind {
    /// A round mark.
    #[default]
    Person,
    /// A square mark: a pipeline, a rule.
    Machine,
}

/// How large.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AvatarSize {
    /// 22 px, in lists.
    Small,
    /// 24 px.
    #[default]
    Regular,
    /// 32 px, at the head of a page.
    Large,
}

/// The first letters of the first and the last word of a name: 'Theo van Lind' is 'TL'.
pub fn initials(name: &str) -> String {
    let mut words = name
        .split(|c: char| c.is_whitespace() || c == '-' || c == '.' || c == '_')
        .filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let first = words.next();
    let last = words.next_back();
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}

/// The mark of a person. It is hidden from screen readers: the name stands beside it or in `title`.
#[component]
pub fn Avatar(
    /// The whole name.
    #[prop(into)]
    name: String,
    /// Person or machine.
    #[prop(optional)]
    kind: AvatarKind,
    /// How large.
    #[prop(optional)]
    size: AvatarSize,
) -> impl IntoView {
    let class = super::classes(&[
        "avatar",
        match size {
            AvatarSize::Small => "avatar-small",
            AvatarSize::Regular => "",
            AvatarSize::Large => "avatar-large",
        },
        match kind {
            AvatarKind::Person => "",
            AvatarKind::Machine => "avatar-machine",
        },
    ]);
    let letters = initials(&name);
    view! {
        <span class=class title=name aria-hidden="true">
            {letters}
        </span>
    }
}

#[cfg(test)]
mod tests {
    use super::initials;

    #[test]
    fn initials_are_the_first_letters_of_the_first_and_last_word() {
        for (name, wanted) in [
            ("Theo Lind", "TL"),
            ("Theo van der Lind", "TL"),
            ("ines", "I"),
            ("ci-robot", "CR"),
            ("  Élodie  Ångström ", "ÉÅ"),
            ("", ""),
        ] {
            assert_eq!(initials(name), wanted, "{name}");
        }
    }
}
