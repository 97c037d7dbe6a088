//! Makes the contract's code of proto/, with the protoc on PATH.
fn main() -> std::io::Result<()> {
    tonic_build::configure().build_client(false).compile(&["../../proto/penstock/v1/hook.proto"], &["../../proto"])
}
