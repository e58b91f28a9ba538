//! How a promotion looks in Slack: a few blocks of its Block Kit, cut to Slack's limits, with every
//! text from outside escaped so that it can neither mention anyone nor forge a link.

use domain::{
    moment_words::{Piece, pieces},
    state::Mark,
};
use ports::PromotionMessage;
use serde_json::{Value, json};

/// Characters in a section's text (Slack's limit is 3,000).
const SECTION_LIMIT: usize = 3_000;

/// Characters in one line of ours; the whole message should fit on a phone.
const LINE_LIMIT: usize = 300;

/// Characters in the text for notifications (Slack cuts at 4,000).
const FALLBACK_LIMIT: usize = 500;

/// Lines of details; one section holds them all.
const DETAILS_LIMIT: usize = 20;

/// Characters in an address; a longer one is left out rather than cut.
const LINK_LIMIT: usize = 1_000;

/// The blocks: title with link, state, details.
pub(super) fn blocks(message: &PromotionMessage) -> Value {
    let state = dated(&escaped(&message.state, LINE_LIMIT));
    let head = format!("*{}*\n{} {state}", linked_title(message), icon(message.mark));
    let mut blocks = vec![section(&head)];
    let lines: Vec<String> =
        message.details.iter().take(DETAILS_LIMIT).map(|line| dated(&escaped(line, LINE_LIMIT))).collect();
    let mut details = String::new();
    for line in lines.iter().filter(|line| !line.is_empty()) {
        if details.chars().count() + line.chars().count() + 1 > SECTION_LIMIT {
            break;
        }
        if !details.is_empty() {
            details.push('\n');
        }
        details.push_str(line);
    }
    if !details.is_empty() {
        blocks.push(section(&details));
    }
    Value::Array(blocks)
}

/// The text for notifications and for readers without blocks.
pub(super) fn fallback(message: &PromotionMessage) -> String {
    escaped(&format!("{}: {}", message.title, message.state), FALLBACK_LIMIT)
}

fn section(text: &str) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text, "verbatim": true } })
}

fn linked_title(message: &PromotionMessage) -> String {
    let title = escaped(&message.title, LINE_LIMIT);
    let is_link = message.link.starts_with("https://") || message.link.starts_with("http://");
    // A pipe or a bracket would end the address early.
    let is_plain = !message.link.chars().any(|c| c.is_whitespace() || c.is_control() || "<>|".contains(c));
    if is_link && is_plain && message.link.len() <= LINK_LIMIT {
        format!("<{}|{title}>", message.link.replace('&', "&amp;"))
    } else {
        title
    }
}

const fn icon(mark: Mark) -> &'static str {
    match mark {
        Mark::Done => ":white_check_mark:",
        Mark::Moving => ":arrows_counterclockwise:",
        Mark::Waiting => ":hourglass_flowing_sand:",
        Mark::Failed => ":x:",
        Mark::Nothing => ":heavy_minus_sign:",
    }
}

/// `text` on one line, escaped as Slack asks (`&`, `<`, `>`), of at most `limit` characters; an escape
/// is never cut in two.
fn escaped(text: &str, limit: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    let one_line = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let one_line = one_line.collect::<Vec<_>>().join(" ");
    for c in one_line.chars() {
        let mut buffer = [0; 4];
        let piece: &str = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            other => other.encode_utf8(&mut buffer),
        };
        let size = piece.chars().count();
        if length + size > limit - 1 {
            out.push('…');
            break;
        }
        out.push_str(piece);
        length += size;
    }
    out
}

/// Text that is escaped, its moments as Slack shows them: in the zone of who reads, and in UTC by readers that know
/// no dates.
fn dated(escaped: &str) -> String {
    let shown = |piece: &Piece<'_>| match piece {
        Piece::Text(text) => (*text).to_owned(),
        Piece::Moment { at, to_the_second, written } => {
            let clock = if *to_the_second { "{time_secs}" } else { "{time}" };
            format!("<!date^{}^{{date_short_pretty}} {clock}|{written}>", at.timestamp())
        }
    };
    pieces(escaped).iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn message(title: &str, state: &str, details: Vec<String>, link: &str) -> PromotionMessage {
        let mark = Mark::Moving;
        PromotionMessage { title: title.into(), state: state.into(), mark, details, link: link.into(), revision: 1 }
    }

    #[test]
    fn moments_are_in_the_zone_of_who_reads() {
        let state = "watched until 2026-11-22 13:02 UTC; <!channel>";
        let made = blocks(&message("cart", state, Vec::new(), ""));
        let head = made[0]["text"]["text"].as_str().unwrap();
        let date = "<!date^1795352520^{date_short_pretty} {time}|2026-11-22 13:02 UTC>";
        assert_eq!(head, format!("*cart*\n:arrows_counterclockwise: watched until {date}; &lt;!channel&gt;"));
    }

    #[test]
    fn a_message_names_title_state_and_details() {
        let made =
            blocks(&message("cart 2.0 to production", "2 of 3 pods", vec!["Ada asked".into()], "https://s.test/p/1"));
        let head = made[0]["text"]["text"].as_str().unwrap();
        assert_eq!(head, "*<https://s.test/p/1|cart 2.0 to production>*\n:arrows_counterclockwise: 2 of 3 pods");
        assert_eq!(made[1]["text"]["text"], "Ada asked");
    }

    #[test]
    fn attack_39_hostile_text_neither_mentions_nor_links() {
        let hostile = "<!channel> <@U1> <https://evil.test|click> a&b\n*x*\u{0}";
        let made = blocks(&message(hostile, hostile, vec![hostile.into()], "https://s.test/p?a=1&b=2"));
        let all = made.to_string();
        assert!(!all.contains("<!channel>") && !all.contains("<@U1>") && !all.contains("<https://evil"), "{all}");
        assert!(all.contains("&lt;!channel&gt; &lt;@U1&gt;"), "{all}");
        assert!(all.contains("<https://s.test/p?a=1&amp;b=2|"), "{all}");
    }

    #[test]
    fn an_address_that_could_break_out_is_left_out() {
        for link in ["javascript:alert(1)", "https://s.test/|x>", "https://s.test/ <!here>", ""] {
            let made = blocks(&message("title", "state", vec![], link)).to_string();
            assert!(made.contains("*title*"), "{made}");
        }
    }

    #[test]
    fn texts_are_cut_to_slacks_limits_and_never_inside_an_escape() {
        let long = "&".repeat(10_000);
        let made = blocks(&message(&long, &long, vec![long.clone(); 200], "https://s.test/p/1"));
        for block in made.as_array().unwrap() {
            let text = block["text"]["text"].as_str().unwrap();
            assert!(text.chars().count() <= SECTION_LIMIT, "{}", text.chars().count());
            assert_eq!(text.matches('&').count(), text.matches("&amp;").count());
        }
        assert!(fallback(&message(&long, &long, vec![], "")).chars().count() <= FALLBACK_LIMIT);
    }
}
