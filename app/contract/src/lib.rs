//! What the pages and the API ask of the engine and get back: requests, views, [`ApiError`] and the
//! trait [`Backend`], one file per entity. Changes with every page, so that `domain` need not.

mod backend;
mod error;
mod paging;

pub mod alerts;
pub mod analysis;
pub mod approvals;
pub mod audit;
pub mod board;
pub mod clusters;
pub mod compare;
pub mod deployers;
pub mod deployments;
pub mod environments;
pub mod frame;
pub mod git;
pub mod helm;
pub mod incidents;
pub mod insights;
pub mod judging;
pub mod people;
pub mod promotions;
pub mod search;
pub mod services;
pub mod slack;
pub mod tokens;
pub mod versions;

pub use backend::Backend;
pub use error::{ApiError, ErrorKind};
pub use paging::{Page, PageRequest};

/// The result of every use case.
pub type Answer<T> = Result<T, ApiError>;
