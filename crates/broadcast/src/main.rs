//! `rostrum-cast`: one broadcast from the command line.

mod cast;

fn main() -> std::process::ExitCode {
    broadcast::encoder_trial();
    cast::main()
}
