//! What every module may use: values with a form of their own, files, and what a process has
//! from outside. Nothing here knows a stage.

pub(crate) mod atomic_file;
pub mod digest;
pub mod endpoint;
pub mod environment;
pub mod failpoint;
pub(crate) mod few;
pub(crate) mod file_lock;
pub mod files;
pub mod host_address;
pub(crate) mod interrupt;
pub mod limits;
pub mod path_error;
pub mod read_at;
pub mod repository;
pub mod sanitize;
pub mod secret;
pub mod stamp;
pub(crate) mod text_index;
pub(crate) mod suggest;
pub(crate) mod sync;
pub mod uid;
pub mod user_command;
