//! The pages: each loads its data and arranges components.

mod analysis;
pub mod approvals;
pub mod audit;
pub mod board;
pub mod compare;
pub mod deployer;
pub mod deployments;
pub mod failing;
pub mod incidents;
pub mod insights;
mod outside;
pub mod parts;
pub mod promote;
pub mod promotion;
pub mod promotions;
pub mod roll_back;
pub mod search;
pub mod service;
pub mod service_form;
pub mod services;
pub mod settings;
pub mod sign_in;
pub mod steering;
pub mod strategy;
pub mod target;
pub mod version;
mod workloads;
