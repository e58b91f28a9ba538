//! What is looked for in a question such as 'is 8c1f02e in production?': the term, and the environment
//! asked about.
//!
//! A text without words of a question is none and is searched as it stands. Nothing is guessed: what is
//! not a word of questions and names no environment belongs to the term.

/// How an environment is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Called<'a> {
    /// Its name in addresses.
    pub name: &'a str,
    /// Its name for people; several words where it has them.
    pub title: &'a str,
}

/// What a question asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What is to be found: never empty, words apart by one space.
    pub term: String,
    /// The environment asked about, as its place in the list given.
    pub environment: Option<usize>,
}

/// Words of questions that are never looked for beside something else.
const WORDS: &str = "a already are at been can commit deployed did do does environment has have i in into is it its \
                     live now on reach reached released run running runs see service the to version was went where \
                     which yet";

/// Words after which a place follows, so that its begin is enough: 'in prod'.
const BEFORE_PLACES: [&str; 8] = ["in", "into", "on", "reach", "reached", "the", "to", "at"];

/// From this many letters on, the begin of an environment's name is taken for it.
const FEWEST_LETTERS: usize = 3;

/// Reads a question; `None` when the text is searched as it stands.
#[must_use]
pub fn read(text: &str, environments: &[Called<'_>]) -> Option<Question> {
    let words: Vec<String> = text.split_whitespace().map(bare).filter(|word| !word.is_empty()).collect();
    let place = whole_place(&words, environments).or_else(|| begun_place(&words, environments));
    let rest: Vec<&str> = words
        .iter()
        .enumerate()
        .filter(|(at, word)| {
            let is_place = place.as_ref().is_some_and(|place| (place.from..place.to).contains(at));
            !is_place && !is_of_questions(word)
        })
        .map(|(_, word)| word.as_str())
        .collect();
    let term = rest.join(" ");
    let is_question = rest.len() < words.len() || text.trim().ends_with('?');
    (is_question && !term.is_empty()).then_some(Question { term, environment: place.map(|place| place.environment) })
}

fn is_of_questions(word: &str) -> bool {
    let word = word.to_lowercase();
    WORDS.split(' ').any(|known| known == word)
}

/// Words that name an environment.
struct Place {
    environment: usize,
    from: usize,
    to: usize,
}

/// The environment named last, by its whole name or title; the longer name where two begin alike.
fn whole_place(words: &[String], environments: &[Called<'_>]) -> Option<Place> {
    let mut found: Option<Place> = None;
    for (environment, called) in environments.iter().enumerate() {
        for name in [called.name, called.title] {
            let name: Vec<String> = name.split_whitespace().map(|word| bare(word).to_lowercase()).collect();
            if name.is_empty() {
                continue;
            }
            let at = words
                .windows(name.len())
                .rposition(|window| window.iter().zip(&name).all(|(word, part)| word.to_lowercase() == *part));
            let Some(from) = at else { continue };
            let place = Place { environment, from, to: from + name.len() };
            if found.as_ref().is_none_or(|found| (found.to, place.from) < (place.to, found.from)) {
                found = Some(place);
            }
        }
    }
    found
}

/// The environment whose name or title begins with the word after 'in', when only one does.
fn begun_place(words: &[String], environments: &[Called<'_>]) -> Option<Place> {
    let pairs = words.iter().zip(words.iter().skip(1)).enumerate();
    pairs.rev().find_map(|(at, (before, word))| {
        let begin = word.to_lowercase();
        let is_place = BEFORE_PLACES.contains(&before.to_lowercase().as_str());
        if !is_place || begin.chars().count() < FEWEST_LETTERS {
            return None;
        }
        let mut called = environments.iter().enumerate().filter(|(_, called)| {
            called.name.to_lowercase().starts_with(&begin) || called.title.to_lowercase().starts_with(&begin)
        });
        let (environment, _) = called.next()?;
        called.next().is_none().then_some(Place { environment, from: at + 1, to: at + 2 })
    })
}

/// A word without the punctuation around it; within it, as in `2.30.4`, all of it counts.
fn bare(word: &str) -> String {
    word.trim_matches(|c: char| "?!.,;:'\"`\u{2018}\u{2019}\u{201c}\u{201d}()".contains(c)).to_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const ENVIRONMENTS: [Called<'static>; 5] = [
        Called { name: "dev", title: "Development" },
        Called { name: "staging", title: "Staging" },
        Called { name: "pre-production", title: "Pre-production" },
        Called { name: "eu", title: "EU production" },
        Called { name: "production", title: "Production" },
    ];

    fn asked(text: &str) -> Option<(String, Option<&'static str>)> {
        read(text, &ENVIRONMENTS).map(|q| (q.term, q.environment.map(|at| ENVIRONMENTS[at].name)))
    }

    #[test]
    fn questions_come_down_to_what_is_looked_for_and_where() {
        for (text, term, environment) in [
            ("is 8c1f02e in production?", "8c1f02e", Some("production")),
            ("Is 8C1F02E in Production ?", "8C1F02E", Some("production")),
            ("is 8c1f02e in prod?", "8c1f02e", Some("production")),
            ("did 8c1f02e reach the staging environment yet", "8c1f02e", Some("staging")),
            ("is commit '8c1f02e' in pre-production?", "8c1f02e", Some("pre-production")),
            ("is cart 2.30.4 live on EU production?", "cart 2.30.4", Some("eu")),
            ("where does cart run?", "cart", None),
            ("where is version 2.30.4", "2.30.4", None),
            ("cart production", "cart", Some("production")),
            ("production: cart", "cart", Some("production")),
            ("was cart deployed to dev", "cart", Some("dev")),
            ("8c1f02e?", "8c1f02e", None),
            ("is staging in production?", "staging", Some("production")),
            ("promote cart to production", "promote cart", Some("production")),
        ] {
            assert_eq!(asked(text), Some((term.to_owned(), environment)), "{text}");
        }
    }

    #[test]
    fn what_is_no_question_is_searched_as_it_stands() {
        for text in
            ["", "  ", "?", "cart", "cart 2.30", "8c1f02e", "live", "is in the", "production", "prod", "roll back cart"]
        {
            assert_eq!(asked(text), None, "{text}");
        }
    }

    #[test]
    fn a_begin_that_two_environments_share_names_neither() {
        let alike = [Called { name: "stage", title: "Stage" }, Called { name: "staging", title: "Staging" }];
        let environment = |text| read(text, &alike).unwrap().environment;
        assert_eq!(environment("is cart in sta?"), None);
        assert_eq!(environment("is cart in stag?"), None);
        assert_eq!(environment("is cart in stagi?"), Some(1));
        assert_eq!(environment("is cart in stage?"), Some(0), "the whole name of one");
    }

    #[test]
    fn without_environments_the_words_still_go() {
        let question = read("is 8c1f02e in production?", &[]);
        assert_eq!(question, Some(Question { term: "8c1f02e production".to_owned(), environment: None }));
    }
}
