//! What the proxy does to a conversation, seen from both of its ends.

use std::net::Ipv4Addr;
use std::time::Duration;

use jitsimeet_testproxy::{Conditions, Corruption, Direction, Offset, TestProxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

const DEADLINE: Duration = Duration::from_secs(20);

/// A client and a server with the proxy between them.
struct Pair {
    proxy: TestProxy,
    client: TcpStream,
    server: TcpStream,
}

impl Pair {
    async fn new(conditions: Conditions) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let proxy = TestProxy::start(listener.local_addr().unwrap().port()).await.unwrap();
        proxy.set_conditions(conditions);
        let client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).await.unwrap();
        let (server, _) = timeout(DEADLINE, listener.accept()).await.expect("the proxy connects").unwrap();
        Self { proxy, client, server }
    }
}

/// All that comes until the end of the connection, however it ends.
async fn rest(socket: &mut TcpStream) -> Vec<u8> {
    let mut received = Vec::new();
    // A reset is an end too.
    let _ = timeout(DEADLINE, socket.read_to_end(&mut received)).await.expect("the connection ends");
    received
}

async fn exact(socket: &mut TcpStream, bytes: usize) -> Vec<u8> {
    let mut received = vec![0; bytes];
    timeout(DEADLINE, socket.read_exact(&mut received)).await.expect("they come").unwrap();
    received
}

const fn at(direction: Direction, bytes: u64) -> Option<Offset> {
    Some(Offset { direction, bytes })
}

#[tokio::test]
async fn a_connection_is_cut_at_a_byte_of_either_direction() {
    let mut pair = Pair::new(Conditions { cut: at(Direction::ToServer, 3), ..Conditions::default() }).await;
    pair.client.write_all(b"hello").await.unwrap();
    assert_eq!(rest(&mut pair.server).await, b"hel");
    assert_eq!(rest(&mut pair.client).await, b"");

    let mut pair = Pair::new(Conditions { cut: at(Direction::ToClient, 2), ..Conditions::default() }).await;
    pair.client.write_all(b"hello").await.unwrap();
    assert_eq!(exact(&mut pair.server, 5).await, b"hello");
    pair.server.write_all(b"hello").await.unwrap();
    assert_eq!(rest(&mut pair.client).await, b"he");
}

#[tokio::test]
async fn a_connection_stalls_at_a_byte_and_stays_open() {
    let mut pair = Pair::new(Conditions { stall: at(Direction::ToServer, 3), ..Conditions::default() }).await;
    pair.client.write_all(b"hello").await.unwrap();
    assert_eq!(exact(&mut pair.server, 3).await, b"hel");
    pair.server.write_all(b"world").await.unwrap();
    // Neither the rest, nor an answer, nor an end.
    let mut buffer = [0; 8];
    let quiet = Duration::from_millis(50);
    assert!(timeout(quiet, pair.server.read(&mut buffer)).await.is_err());
    assert!(timeout(quiet, pair.client.read(&mut buffer)).await.is_err());
    let seen = pair.proxy.seen();
    assert_eq!((seen[0].to_server, seen[0].to_client), (3, 0));
}

#[tokio::test]
async fn a_connection_is_cut_or_stalls_at_a_time() {
    let begun = Instant::now();
    let mut pair = Pair::new(Conditions { cut_after: Some(30), ..Conditions::default() }).await;
    assert_eq!(rest(&mut pair.client).await, b"");
    assert!(begun.elapsed() >= Duration::from_millis(30));

    let mut pair = Pair::new(Conditions { stall_after: Some(0), ..Conditions::default() }).await;
    pair.client.write_all(b"hello").await.unwrap();
    assert!(timeout(Duration::from_millis(50), pair.server.read(&mut [0; 8])).await.is_err());
}

#[tokio::test]
async fn every_byte_is_under_way_for_the_delay() {
    let mut pair = Pair::new(Conditions { delay: 30, ..Conditions::default() }).await;
    let begun = Instant::now();
    pair.client.write_all(b"hello").await.unwrap();
    assert_eq!(exact(&mut pair.server, 5).await, b"hello");
    pair.server.write_all(b"world").await.unwrap();
    assert_eq!(exact(&mut pair.client, 5).await, b"world");
    assert!(begun.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn bytes_go_on_in_small_pieces_in_one_piece_or_changed() {
    let mut pair = Pair::new(Conditions { split: Some(2), ..Conditions::default() }).await;
    pair.client.write_all(b"hello").await.unwrap();
    assert_eq!(exact(&mut pair.server, 5).await, b"hello");

    let mut pair = Pair::new(Conditions { merge: Some(100), ..Conditions::default() }).await;
    for piece in [b"he", b"ll"] {
        pair.client.write_all(piece).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut buffer = [0; 8];
    let count = timeout(DEADLINE, pair.server.read(&mut buffer)).await.unwrap().unwrap();
    assert_eq!(&buffer[..count], b"hell");

    let corrupt = Some(Corruption { direction: Direction::ToServer, bytes: 1, mask: 0x20 });
    let mut pair = Pair::new(Conditions { corrupt, ..Conditions::default() }).await;
    pair.client.write_all(b"hello").await.unwrap();
    pair.server.write_all(b"world").await.unwrap();
    assert_eq!(exact(&mut pair.server, 5).await, b"hEllo");
    assert_eq!(exact(&mut pair.client, 5).await, b"world");
}

/// More than the buffers of the system hold, both ways at once, with readers that take their time.
#[tokio::test]
async fn nothing_is_lost_while_the_other_direction_is_busy() {
    const BYTES: usize = 8 * 1024 * 1024;
    let pair = Pair::new(Conditions::default()).await;
    let sent: Vec<u8> = (0..BYTES).map(|number| (number % 251) as u8).collect();
    let both = [pair.client, pair.server].map(|socket| {
        let sent = sent.clone();
        let (mut reader, mut writer) = socket.into_split();
        let writing = tokio::spawn(async move {
            writer.write_all(&sent).await.unwrap();
            writer
        });
        let reading = tokio::spawn(async move {
            let mut received = vec![0; BYTES];
            for piece in received.chunks_mut(64 * 1024) {
                reader.read_exact(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            received
        });
        (writing, reading)
    });
    for (writing, reading) in both {
        assert!(timeout(DEADLINE, reading).await.expect("it comes").unwrap() == sent);
        drop(writing.await.unwrap());
    }
}

#[tokio::test]
async fn conditions_can_be_set_for_each_of_the_next_connections() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let proxy = TestProxy::start(listener.local_addr().unwrap().port()).await.unwrap();
    let cut = |bytes| Conditions { cut: at(Direction::ToServer, bytes), ..Conditions::default() };
    proxy.set_next([cut(1), cut(2)]);
    for expected in [&b"h"[..], b"he", b"hello"] {
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).await.unwrap();
        let (mut server, _) = timeout(DEADLINE, listener.accept()).await.unwrap().unwrap();
        client.write_all(b"hello").await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(rest(&mut server).await, expected);
    }
}

#[tokio::test]
async fn an_order_reaches_the_connections_that_are_there_and_no_later_one() {
    let mut pair = Pair::new(Conditions::default()).await;
    pair.proxy.cut();
    assert_eq!(rest(&mut pair.client).await, b"");
    assert_eq!(rest(&mut pair.server).await, b"");

    let mut pair = Pair::new(Conditions::default()).await;
    pair.client.write_all(b"hello").await.unwrap();
    assert_eq!(exact(&mut pair.server, 5).await, b"hello");
}
