//! A hook that keeps a small house's mail policy: ../README.md has its rules, README.md how to run it.
use std::{collections::HashMap, env, fs, time::Duration};

use penstock::action::Type;
use penstock::event::FlowDirection;
use penstock::hook_service_server::{HookService, HookServiceServer};
use penstock::{Action, ActionEntry, Event, InvokeRequest, InvokeResponse, Parameters};
use tokio::signal::unix::{signal, SignalKind};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

mod penstock {
    tonic::include_proto!("penstock.v1");
}

type Failure = Box<dyn std::error::Error>;

/// Says so if it goes before it was told to be quiet: the call has ended before its answer.
struct GaveUp(Option<String>);

impl Drop for GaveUp {
    fn drop(&mut self) {
        if let Some(id) = &self.0 {
            println!("gave up {id}");
        }
    }
}

struct Hook {
    delay: Duration,
}

#[tonic::async_trait]
impl HookService for Hook {
    /// At the deadline, or when nobody waits any more, tonic drops what this returns.
    async fn invoke(&self, request: Request<InvokeRequest>) -> Result<Response<InvokeResponse>, Status> {
        let request = request.into_inner();
        let event = request.event.ok_or_else(|| Status::invalid_argument("event: missing"))?;
        println!("{} attempt {}", event.invocation_id, request.attempt);
        let mut guard = GaveUp(Some(event.invocation_id.clone()));
        tokio::time::sleep(self.delay).await;
        guard.0 = None;
        Ok(Response::new(decide(&event)))
    }
}

fn decide(event: &Event) -> InvokeResponse {
    let inbound = event.flow_direction() == FlowDirection::Inbound;
    let envelope = event.envelope.clone().unwrap_or_default();
    let (_, sender_domain) = split(&envelope.mail_from.unwrap_or_default().address);
    let mut everyone = match event.subject() {
        subject if inbound && subject.starts_with("[SPAM]") => entry(Type::MoveToJunk, "", vec![]),
        _ if inbound && sender_domain == "partner.example" => entry(Type::BypassSpamCheck, "", vec![]),
        subject if !inbound && subject.starts_with("[internal]") => {
            entry(Type::Bounce, "Mail marked [internal] stays inside.", vec![])
        }
        _ => entry(Type::Default, "", vec![]),
    };
    everyone.all_recipients = true; // whoever no other entry names
    let copied = everyone.action.as_ref().map_or(false, |action| action.r#type() == Type::Default);
    let mut others = vec![];
    for recipient in envelope.recipients {
        let (local_part, domain) = split(&recipient.address);
        let copy = format!("archive@{}", if inbound { &domain } else { &sender_domain });
        match local_part.as_str() {
            "closed" => {
                let text = format!("This mailbox is closed. Write to help@{domain}");
                others.push(entry(Type::Bounce, &text, vec![recipient.address]));
            }
            "noreply" => others.push(entry(Type::Drop, "", vec![recipient.address])),
            _ if copied && !everyone.recipients.contains(&copy) => everyone.recipients.push(copy),
            _ => {}
        }
    }
    others.insert(0, everyone);
    InvokeResponse { actions: others, ..Default::default() }
}

fn entry(kind: Type, bounce_message: &str, recipients: Vec<String>) -> ActionEntry {
    let parameters = Parameters { bounce_message: bounce_message.to_string() };
    let parameters = Some(parameters).filter(|it| !it.bounce_message.is_empty());
    ActionEntry { action: Some(Action { r#type: kind as i32, parameters }), recipients, all_recipients: false }
}

fn split(address: &str) -> (String, String) {
    let address = address.to_lowercase();
    let (local_part, domain) = address.rsplit_once('@').unwrap_or(("", &address));
    (local_part.to_string(), domain.to_string())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let words: Vec<String> = env::args().skip(1).collect();
    let options: HashMap<_, _> = words.chunks_exact(2).map(|pair| (pair[0].as_str(), pair[1].as_str())).collect();
    let option = |name: &str, default| options.get(name).copied().unwrap_or(default);
    let mut server = Server::builder();
    if let Some(certificate) = options.get("--tls-certificate") {
        let own = Identity::from_pem(fs::read(certificate)?, fs::read(option("--tls-key", ""))?);
        let clients = Certificate::from_pem(fs::read(option("--tls-ca", ""))?);
        server = server.tls_config(ServerTlsConfig::new().identity(own).client_ca_root(clients))?;
    }
    let hook = Hook { delay: Duration::from_millis(option("--delay", "0").parse()?) };
    let (mut reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status("", tonic_health::ServingStatus::Serving).await;
    let listener = tokio::net::TcpListener::bind(option("--listen", "127.0.0.1:50051")).await?;
    println!("listening on {}", listener.local_addr()?);
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = async move {
        terminate.recv().await; // calls that run may finish
        std::thread::spawn(|| {
            std::thread::sleep(Duration::from_secs(15));
            std::process::exit(0);
        });
    };
    let services = server.add_service(HookServiceServer::new(hook)).add_service(health);
    services.serve_with_incoming_shutdown(TcpListenerStream::new(listener), stop).await?;
    Ok(())
}
