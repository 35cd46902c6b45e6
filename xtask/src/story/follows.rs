//! An application beside Handrail that follows somebody's session by FHIRcast.

use super::expect;
use crate::peer::{Caller, Node};
use crate::step::Outcome;
use serde_json::{Value, json};
use std::net::TcpStream;
use std::time::Duration;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

/// How long it waits for what it has to be told.
const TOLD_WITHIN: Duration = Duration::from_secs(20);

/// For how many pings it waits.
const PINGS_MAX: usize = 3;

/// An application that follows.
pub(crate) struct Follower {
    socket: WebSocket<TcpStream>,
}

impl Follower {
    /// One of a caller, of a session, for every event there is.
    pub(crate) fn of(node: &Node, caller: &Caller, session: &str) -> Outcome<Self> {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = agent.post(format!("http://{}/fhircast", node.http));
        let mut answer = request.header("authorization", format!("Bearer {}", caller.token())).send_form([
            ("hub.channel.type", "websocket"),
            ("hub.mode", "subscribe"),
            ("hub.topic", session),
            ("hub.events", "Patient-open,Patient-close,UserHibernate,UserLogout"),
        ])?;
        let text = answer.body_mut().read_to_string()?;
        expect(answer.status() == 202, || format!("{}: {text}", answer.status()))?;
        let told: Value = serde_json::from_str(&text)?;
        let endpoint = told.get("hub.channel.endpoint").and_then(Value::as_str).ok_or("no address")?;
        let (_, path) = endpoint.split_once("/fhircast/").ok_or("another address")?;
        let stream = TcpStream::connect(node.http)?;
        stream.set_read_timeout(Some(TOLD_WITHIN))?;
        let (socket, _) = tungstenite::client(format!("ws://{}/fhircast/{path}", node.http), stream)
            .map_err(|error| error.to_string())?;
        let mut follower = Self { socket };
        let confirmed = follower.next()?;
        expect(confirmed.get("hub.mode") == Some(&json!("subscribe")), || format!("not confirmed: {confirmed}"))?;
        Ok(follower)
    }

    /// The next message, answered as one that follows does.
    fn next(&mut self) -> Outcome<Value> {
        // The node pings so often that a read never waits for long.
        for _ in 0..PINGS_MAX {
            let Message::Text(text) = self.socket.read()? else { continue };
            let message: Value = serde_json::from_str(&text)?;
            if let Some(id) = message.get("id") {
                self.socket.send(Message::text(json!({ "id": id, "status": "200" }).to_string()))?;
            }
            return Ok(message);
        }
        Err("it is told nothing".into())
    }

    /// The next message, which has to be this event; what it is about.
    pub(crate) fn hears(&mut self, event: &str) -> Outcome<Value> {
        let message = self.next()?;
        let name = message.pointer("/event/hub.event");
        expect(name == Some(&json!(event)), || format!("not {event}: {message}"))?;
        Ok(message.pointer("/event/context/0/resource").cloned().unwrap_or_default())
    }

    /// The next message, which has to say that it is over, and why.
    pub(crate) fn is_cut(&mut self, why: &str) -> Outcome {
        let message = self.next()?;
        let reason = message.get("hub.reason").and_then(Value::as_str).unwrap_or_default();
        expect(reason.contains(why), || format!("not cut: {message}"))
    }
}
