//! A focus that answers conference requests over HTTP, each path in its own way.

use std::io;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Starts it on the current runtime, and returns its URL.
pub async fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // A client that is gone needs no answer.
            tokio::spawn(async move { drop(serve(socket).await) });
        }
    });
    format!("http://127.0.0.1:{port}")
}

async fn serve(socket: TcpStream) -> io::Result<()> {
    let mut socket = BufReader::new(socket);
    let mut request = String::new();
    let mut length = 0;
    while !request.ends_with("\r\n\r\n") && socket.read_line(&mut request).await? > 0 {
        let header = request.lines().last().unwrap_or_default().to_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    socket.read_exact(&mut vec![0; length]).await?;
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (status, body) = match path {
        "/ready" => {
            let properties = json!({ "authentication": true, "sipGatewayEnabled": "false" });
            let (focus, session) = ("focus@auth.meet.example", "a session");
            let answer = json!({ "ready": true, "focusJid": focus, "sessionId": session, "identity": "me",
                "properties": properties });
            ("200 OK", answer)
        }
        "/redirect" => {
            ("200 OK", json!({ "ready": true, "vnode": "v1", "focusJid": "focus@v1.meet.example" }))
        }
        "/not-live" => ("200 OK", json!({ "ready": true, "properties": { "live": "false" } })),
        "/forbidden" => ("403 Forbidden", json!({})),
        // Says nothing.
        _ => return gone(socket).await,
    };
    let body = body.to_string();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
    socket.write_all(format!("{head}{body}").as_bytes()).await?;
    gone(socket).await
}

/// Keeps the connection until the client closes it.
async fn gone(mut socket: BufReader<TcpStream>) -> io::Result<()> {
    socket.read_u8().await.map(drop)
}
