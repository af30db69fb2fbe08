//! Empty: the tests of this package are the integration test `end-to-end`, in `main.rs`.
