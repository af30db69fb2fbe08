//! Finds the system's libsrt.

fn main() {
    // 1.5.0 is the first with the counts of unique packets at the end of its statistics.
    let found = pkg_config::Config::new().range_version("1.5.0".."1.7.0").probe("srt");
    if let Err(error) = found {
        println!("cargo::error=libsrt 1.5 or 1.6 is needed (Debian: libsrt-gnutls-dev): {error}");
    }
}
