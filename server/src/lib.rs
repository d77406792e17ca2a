//! Wires Watchbill's parts together: configuration, web server, command line.

pub mod auth;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod database;
pub mod demonstration;
pub mod dump;
pub mod first_start;
pub mod health;
pub mod listen;
pub mod metrics;
pub mod pages;
pub mod plans_folder;
pub mod rest;
pub mod router;
pub mod serve;
pub mod shutdown;
pub mod site;
pub mod slack;
pub mod state;
pub mod system_user;
pub mod telemetry;
