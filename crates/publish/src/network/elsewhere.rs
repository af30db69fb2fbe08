//! Systems whose reports are not read yet: destinations are tried again when their back-off says so.

use std::io;

use super::Reporting;

/// No reports.
pub(super) struct Reports(());

impl Reports {
    pub(super) fn open() -> io::Result<Reports> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this system's reports are not read"))
    }
}

impl Reporting for Reports {
    async fn next(&mut self) -> io::Result<()> {
        std::future::pending().await
    }
}
