//! One connection through the proxy.

use std::collections::VecDeque;
use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use crate::{Conditions, Direction, Offset, Order};

/// The most that is read at once.
const BUFFER: usize = 16 * 1024;

/// The far end of one direction: what has been read and waits for its time.
struct Outlet {
    direction: Direction,
    to: OwnedWriteHalf,
    waiting: VecDeque<Piece>,
    taken: u64,
    passed: u64,
    /// The near end may still bring something.
    open: bool,
    /// The far end knows that nothing more comes.
    ended: bool,
}

/// What goes on in one write, unless that takes less.
struct Piece {
    due: Instant,
    bytes: Vec<u8>,
    passed: usize,
}

/// What is to become of the connection.
enum Verdict {
    Carry,
    Cut,
    Stall,
}

/// Carries until one side closes, or until the conditions or an order say otherwise.
pub(crate) async fn run(
    client: TcpStream,
    server: TcpStream,
    conditions: Conditions,
    begun: Order,
    mut orders: watch::Receiver<Order>,
    saw: impl Fn(Direction, u64),
    flight: impl Fn(),
) {
    for socket in [&client, &server] {
        // A frame must not wait for the acknowledgement of the one before.
        let _ = socket.set_nodelay(true);
    }
    let (mut from_client, to_client) = client.into_split();
    let (mut from_server, to_server) = server.into_split();
    let mut up = Outlet::new(Direction::ToServer, to_server);
    let mut down = Outlet::new(Direction::ToClient, to_client);
    let mut server_spoke = true;
    let accepted = Instant::now();
    let after = |milliseconds: Option<u64>| async move {
        match milliseconds {
            Some(milliseconds) => sleep_until(accepted + Duration::from_millis(milliseconds)).await,
            None => pending().await,
        }
    };
    let (mut cut_time, mut stall_time) =
        (pin!(after(conditions.cut_after)), pin!(after(conditions.stall_after)));
    let (mut up_buffer, mut down_buffer) = (vec![0; BUFFER], vec![0; BUFFER]);
    // Until both sides have said all they had to say.
    while !(up.ended && down.ended) {
        let (up_open, down_open) = (up.open, down.open);
        let verdict = tokio::select! {
            // What is to happen comes first, and nothing is read before all that is due has been passed on.
            biased;
            Ok(()) = orders.changed() => {
                let order = *orders.borrow_and_update();
                if order.cuts > begun.cuts { Verdict::Cut } else { Verdict::Stall }
            }
            () = &mut cut_time => Verdict::Cut,
            () = &mut stall_time => Verdict::Stall,
            verdict = up.pass(conditions, &saw) => verdict,
            verdict = down.pass(conditions, &saw) => verdict,
            read = from_client.read(&mut up_buffer), if up_open => {
                let count = read.unwrap_or(0);
                if count > 0 && std::mem::take(&mut server_spoke) {
                    flight();
                }
                up.take(&up_buffer[..count], conditions)
            }
            read = from_server.read(&mut down_buffer), if down_open => {
                let count = read.unwrap_or(0);
                server_spoke |= count > 0;
                down.take(&down_buffer[..count], conditions)
            }
        };
        match verdict {
            // The far end is to read a piece before it gets the next.
            Verdict::Carry if conditions.split.is_some() => yield_now().await,
            Verdict::Carry => {}
            Verdict::Cut => return,
            Verdict::Stall => pending().await,
        }
    }
}

impl Outlet {
    const fn new(direction: Direction, to: OwnedWriteHalf) -> Self {
        Self { direction, to, waiting: VecDeque::new(), taken: 0, passed: 0, open: true, ended: false }
    }

    /// Nothing read is the end of this direction.
    fn take(&mut self, bytes: &[u8], conditions: Conditions) -> Verdict {
        if bytes.is_empty() {
            self.open = false;
            return Verdict::Carry;
        }
        let mut bytes = bytes.to_vec();
        if let Some(corruption) =
            conditions.corrupt.filter(|corruption| corruption.direction == self.direction)
            && let Some(offset) = corruption.bytes.checked_sub(self.taken)
            && let Some(byte) = usize::try_from(offset).ok().and_then(|offset| bytes.get_mut(offset))
        {
            *byte ^= corruption.mask;
        }
        self.taken += bytes.len() as u64;
        match self.waiting.back_mut() {
            Some(last) if conditions.merge.is_some() => last.bytes.append(&mut bytes),
            _ => {
                let under_way = conditions.delay + conditions.merge.unwrap_or(0);
                let due = Instant::now() + Duration::from_millis(under_way);
                self.waiting.push_back(Piece { due, bytes, passed: 0 });
            }
        }
        Verdict::Carry
    }

    /// Waits for the next piece that is due and passes it on, up to the offset where something is to happen. Given up
    /// at any moment, it has passed on what it says it has, and nothing else.
    async fn pass(&mut self, conditions: Conditions, saw: &impl Fn(Direction, u64)) -> Verdict {
        let Some(piece) = self.waiting.front_mut() else {
            if self.open || self.ended {
                return pending().await;
            }
            self.ended = true;
            // A far end that is gone needs no telling.
            let _ = self.to.shutdown().await;
            return Verdict::Carry;
        };
        sleep_until(piece.due).await;
        let room = |offset: Option<Offset>| {
            offset
                .filter(|offset| offset.direction == self.direction)
                .map(|offset| offset.bytes.saturating_sub(self.passed))
        };
        let (cut, stall) = (room(conditions.cut), room(conditions.stall));
        let limit = [cut, stall].into_iter().flatten().min();
        let bytes = &piece.bytes[piece.passed..];
        let most = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        let bytes = &bytes[..bytes.len().min(most).min(conditions.split.unwrap_or(usize::MAX).max(1))];
        let mut count = 0;
        if !bytes.is_empty() {
            count = match self.to.write(bytes).await {
                Ok(0) | Err(_) => return Verdict::Cut,
                Ok(count) => count,
            };
        }
        piece.passed += count;
        if piece.passed == piece.bytes.len() {
            self.waiting.pop_front();
        }
        let count = count as u64;
        self.passed += count;
        saw(self.direction, count);
        match (limit == Some(count), cut <= stall && cut.is_some() || stall.is_none()) {
            (false, _) => Verdict::Carry,
            (true, true) => Verdict::Cut,
            (true, false) => Verdict::Stall,
        }
    }
}
