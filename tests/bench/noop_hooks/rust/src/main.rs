//! A hook that does nothing.
use penstock::action::Type;
use penstock::hook_service_server::{HookService, HookServiceServer};
use penstock::{Action, ActionEntry, InvokeRequest, InvokeResponse};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

mod penstock {
    tonic::include_proto!("penstock.v1");
}

struct Hook;

#[tonic::async_trait]
impl HookService for Hook {
    async fn invoke(&self, _: Request<InvokeRequest>) -> Result<Response<InvokeResponse>, Status> {
        let action = Some(Action { r#type: Type::Drop as i32, parameters: None });
        let entry = ActionEntry { action, recipients: vec![], all_recipients: true };
        Ok(Response::new(InvokeResponse { actions: vec![entry], ..Default::default() }))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listen = std::env::args().skip_while(|word| word != "--listen").nth(1).ok_or("--listen is missing")?;
    let listener = tokio::net::TcpListener::bind(listen).await?;
    println!("listening on {}", listener.local_addr()?);
    let server = tonic::transport::Server::builder().add_service(HookServiceServer::new(Hook));
    server.serve_with_incoming(TcpListenerStream::new(listener)).await?;
    Ok(())
}
