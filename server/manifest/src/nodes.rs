//! The nodes of a text in YAML or JSON, with their places in it.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle};

use crate::EditError;

/// How deep a text may be nested: deeper than any manifest.
const DEPTH: usize = 64;

/// A node of a file, with its place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Scalar { value: String, style: Style, at: Range<usize> },
    Mapping(Vec<(Node, Node)>),
    Sequence(Vec<Node>),
    Alias,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Single,
    Double,
    Block,
}

/// The documents of a file.
pub(crate) fn documents(text: &str) -> Result<Vec<Node>, EditError> {
    let mut reader = Reader { parser: Parser::new_from_str(text) };
    let mut found = Vec::new();
    loop {
        match reader.next()? {
            (Event::DocumentStart(..), _) => {
                let event = reader.next()?;
                found.push(reader.node(event, DEPTH)?);
            }
            (Event::StreamEnd, _) => return Ok(found),
            _ => {}
        }
    }
}

struct Reader<'input> {
    parser: Parser<'input, granit_parser::StrInput<'input>>,
}

impl<'input> Reader<'input> {
    /// The next event that is no comment.
    fn next(&mut self) -> Result<(Event<'input>, Range<usize>), EditError> {
        loop {
            let Some(next) = self.parser.next_event() else {
                return Err(EditError::Unreadable("it ends too early".to_owned()));
            };
            let (event, span) =
                next.map_err(|error| EditError::Unreadable(error.to_string().chars().take(200).collect()))?;
            if !matches!(event, Event::Comment(..)) {
                return Ok((event, span.byte_range().unwrap_or(0..0)));
            }
        }
    }

    fn node(&mut self, (event, at): (Event<'input>, Range<usize>), depth: usize) -> Result<Node, EditError> {
        if depth == 0 {
            return Err(EditError::Unreadable(format!("it is nested more than {DEPTH} deep")));
        }
        match event {
            Event::Scalar(value, style, ..) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted => Style::Single,
                    ScalarStyle::DoubleQuoted => Style::Double,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                };
                Ok(Node::Scalar { value: value.into_owned(), style, at })
            }
            Event::MappingStart(..) => {
                let mut pairs = Vec::new();
                loop {
                    let next = self.next()?;
                    if matches!(next.0, Event::MappingEnd) {
                        return Ok(Node::Mapping(pairs));
                    }
                    let key = self.node(next, depth - 1)?;
                    let next = self.next()?;
                    pairs.push((key, self.node(next, depth - 1)?));
                }
            }
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    let next = self.next()?;
                    if matches!(next.0, Event::SequenceEnd) {
                        return Ok(Node::Sequence(items));
                    }
                    items.push(self.node(next, depth - 1)?);
                }
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => Ok(Node::Alias),
            _ => Err(EditError::Unreadable("it is not as YAML is".to_owned())),
        }
    }
}
