//! The desktop app.

fn main() -> std::process::ExitCode {
    rostrum_desktop::run()
}
