//! What a fuzzer plays with (`tests/fuzz`): a program in C that calls anything, legally. The tests below play again what
//! the fuzzer has kept.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::*;

/// Nobody is there, and nothing else is ever connected to.
const SERVICES: [&CStr; 2] = [c"ws://127.0.0.1:1/x", c"http://127.0.0.1:1/x"];
const MAX_CONNECTIONS: usize = 4;

/// A sequence of legal calls: a line is a letter for the call, the number of a connection and the arguments, which are
/// any bytes. No call finds a defect of the library; what it gives is text; and a call that was taken is answered once,
/// every `user_data` destroyed once, by the time that all is freed.
pub fn abi(data: &[u8]) {
    let mut play = Play::new();
    for line in data.split(|byte| *byte == b'\n').take(200) {
        let (what, rest) = line.split_first().unwrap_or((&0, &[]));
        let (which, rest) = rest.split_first().unwrap_or((&0, &[]));
        play.call(*what, usize::from(*which), rest);
    }
    play.finish();
}

/// What a `user_data` points to.
#[derive(Default)]
struct Told(AtomicU32);

unsafe extern "C" fn done(user_data: *mut c_void, status: jm_status) {
    assert_ne!(status, JM_STATUS_INTERNAL);
    tell(user_data);
}

unsafe extern "C" fn answered(user_data: *mut c_void, status: jm_status, answer: jm_str) {
    assert_ne!(status, JM_STATUS_INTERNAL);
    read(answer);
    tell(user_data);
}

unsafe extern "C" fn completed(user_data: *mut c_void, event: *const jm_event) {
    look(event);
    tell(user_data);
}

unsafe extern "C" fn heard(_: *mut c_void, event: *const jm_event) {
    look(event);
}

unsafe extern "C" fn destroyed(user_data: *mut c_void) {
    tell(user_data);
}

fn tell(user_data: *mut c_void) {
    // SAFETY: every `user_data` here is a `Told` that lives until all connections are freed.
    unsafe { &*user_data.cast::<Told>() }.0.fetch_add(1, Ordering::SeqCst);
}

fn read(text: jm_str) {
    if text.data.is_null() {
        return assert_eq!(text.len, 0);
    }
    // SAFETY: not NULL, so `len` bytes and a NUL.
    let bytes = unsafe { std::slice::from_raw_parts(text.data.cast::<u8>(), text.len + 1) };
    assert_eq!(bytes[text.len], 0);
    std::str::from_utf8(&bytes[..text.len]).expect("a text is UTF-8");
}

fn look(event: *const jm_event) {
    // SAFETY: the library lends the event for as long as this runs.
    let event = unsafe { &*event };
    assert_ne!(event.status, JM_STATUS_INTERNAL);
    let texts = [
        event.name,
        event.id,
        event.error_type_name,
        event.code_name,
        event.message,
        event.jid,
        event.condition,
        event.server_text,
        event.xml,
        event.vnode,
        event.focus_jid,
        event.conference_json,
    ];
    texts.into_iter().for_each(read);
}

fn checked(status: jm_status) -> bool {
    if status == JM_OK {
        return true;
    }
    // SAFETY: both are NUL-terminated, and no call is made while they are read.
    let texts = unsafe { [CStr::from_ptr(jm_last_error()), CStr::from_ptr(jm_strerror(status))] };
    assert_ne!(status, JM_STATUS_INTERNAL, "{texts:?}");
    assert!(texts.iter().all(|text| text.to_str().is_ok_and(|text| !text.is_empty())));
    false
}

#[derive(Clone, Copy)]
struct Connection {
    handle: *mut jm_connection,
    queued: bool,
    listener: u64,
}

struct Play {
    options: *mut jm_options,
    queue: *mut jm_queue,
    connections: Vec<Connection>,
    /// Each with how often it is to be told.
    told: Vec<(Box<Told>, u32)>,
}

/// Up to the first NUL, as C reads it; absent is NULL.
fn texts<const N: usize>(rest: &[u8]) -> [Option<CString>; N] {
    let mut parts = rest.split(|byte| *byte == b'|');
    std::array::from_fn(|_| {
        let part = parts.next()?;
        let end = part.iter().position(|byte| *byte == 0).unwrap_or(part.len());
        CString::new(&part[..end]).ok()
    })
}

fn pointer(text: &Option<CString>) -> *const c_char {
    text.as_deref().map_or(ptr::null(), CStr::as_ptr)
}

impl Play {
    fn new() -> Self {
        Self { options: jm_options_new(), queue: ptr::null_mut(), connections: Vec::new(), told: Vec::new() }
    }

    fn user_data(&mut self) -> *mut c_void {
        self.told.push((Box::default(), 0));
        self.told.last().map_or(ptr::null_mut(), |(told, _)| ptr::from_ref(&**told).cast_mut().cast())
    }

    /// The last `user_data` will be told, unless the call was refused.
    fn expect(&mut self, told: bool) {
        if let Some((_, times)) = self.told.last_mut() {
            *times = u32::from(told);
        }
    }

    fn call(&mut self, what: u8, which: usize, rest: &[u8]) {
        match what {
            b'o' | b'i' | b'b' | b'j' | b'O' | b'I' => self.set(what, rest),
            b'N' | b'M' => self.make(what == b'M', which, rest),
            b'Q' if self.queue.is_null() => {
                // SAFETY: the place is a local's.
                checked(unsafe { jm_queue_new(&raw mut self.queue) });
            }
            b'R' => {
                // SAFETY: NULL or a queue, which is forgotten here.
                unsafe { jm_queue_free(std::mem::replace(&mut self.queue, ptr::null_mut())) };
                self.connections.iter().for_each(|connection| self.inspect(connection.handle));
            }
            b'n' => self.next(),
            b'S' => drop(checked(jm_shutdown(1_000))),
            b'k' => drop(checked(jm_set_network_info(i32::from(which != usize::from(b'0'))))),
            _ if self.connections.is_empty() => {}
            b'x' | b'X' => {
                let connection = self.connections.swap_remove(which % self.connections.len());
                let free = match what {
                    b'x' => jm_connection_free as unsafe extern "C" fn(*mut jm_connection),
                    _ => jm_connection_close,
                };
                // SAFETY: the handle is forgotten here.
                unsafe { free(connection.handle) };
            }
            _ => self.use_connection(what, which % self.connections.len(), rest),
        }
    }

    fn set(&mut self, what: u8, rest: &[u8]) {
        let [key, value] = texts(rest);
        let number = value.as_deref().and_then(|text| text.to_str().ok()?.parse().ok()).unwrap_or(0);
        let json = rest.splitn(2, |byte| *byte == b'|').nth(1).unwrap_or_default();
        // SAFETY: the options and the texts live during the call.
        unsafe {
            checked(match what {
                b'o' => jm_options_set_string(self.options, pointer(&key), pointer(&value)),
                b'i' => jm_options_set_int(self.options, pointer(&key), number),
                b'b' => jm_options_set_bool(self.options, pointer(&key), i32::from(number != 0)),
                b'j' => jm_options_set_json(self.options, pointer(&key), json.as_ptr().cast(), json.len()),
                b'I' => {
                    // The threads are not what is tried here.
                    checked(jm_options_set_int(self.options, c"workerThreads".as_ptr(), 1));
                    jm_init(self.options)
                }
                _ => {
                    jm_options_free(std::mem::replace(&mut self.options, jm_options_new()));
                    JM_OK
                }
            });
        }
    }

    fn make(&mut self, queued: bool, which: usize, rest: &[u8]) {
        if self.connections.len() == MAX_CONNECTIONS || queued && self.queue.is_null() {
            return;
        }
        let [token, app_id] = texts(rest);
        let mut handle = ptr::null_mut();
        confine(self.options, SERVICES[which % SERVICES.len()]);
        // SAFETY: all live during the call.
        let status = unsafe {
            let (app_id, token) = (pointer(&app_id), pointer(&token));
            if queued {
                let options = self.options;
                jm_connection_new_with_queue(app_id, token, options, self.queue, &raw mut handle)
            } else {
                jm_connection_new(app_id, token, self.options, &raw mut handle)
            }
        };
        if checked(status) {
            self.connections.push(Connection { handle, queued, listener: 0 });
        } else {
            assert!(handle.is_null(), "nothing is written by a call that fails");
        }
    }

    fn next(&self) {
        let mut event = ptr::null();
        // SAFETY: NULL or a queue, and a local's place; the event is freed once.
        unsafe {
            if checked(jm_queue_next(self.queue, 0, &raw mut event)) {
                look(event);
                jm_event_free(event);
            }
        }
    }

    fn use_connection(&mut self, what: u8, index: usize, rest: &[u8]) {
        let Connection { handle, queued, listener } = self.connections[index];
        let user_data = self.user_data();
        let [first, second, third] = texts(rest);
        let [a, b, c] = [pointer(&first), pointer(&second), pointer(&third)];
        let (xml, len) = (rest.as_ptr().cast(), rest.len());
        let plain: jm_done_fn = (!queued).then_some(done);
        let answer: jm_answer_fn = (!queued).then_some(answered);
        let completion: jm_completion_fn = (!queued).then_some(completed);
        // Every `user_data` of a call that is taken is told, by a function or by the queue, which nobody counts.
        let mut asks = true;
        // SAFETY: the connection is not freed yet, and the texts live during the call, `user_data` until the end.
        let status = unsafe {
            match what {
                b'C' => jm_connection_connect_async(handle, a, b, c, completion, user_data),
                b'd' => jm_connection_disconnect(handle, plain, user_data),
                b't' => jm_connection_refresh_token(handle, a, plain, user_data),
                b's' => jm_connection_send_stanza(handle, xml, len, plain, user_data),
                b'q' => jm_connection_send_iq(handle, xml, len, 1_000, answer, user_data),
                b'p' => jm_connection_ping(handle, -1, completion, user_data),
                b'r' => jm_connection_send_conference_request(handle, a, completion, user_data),
                b'l' => {
                    let event_type = first.as_deref().and_then(|text| text.to_str().ok()?.parse().ok());
                    let (event_type, listener) = (event_type.unwrap_or(0), Some(heard as _));
                    let token = &raw mut self.connections[index].listener;
                    let destroy: jm_destroy_fn = Some(destroyed);
                    let _ =
                        jm_connection_add_listener(handle, event_type, listener, user_data, destroy, token);
                    // Destroyed in any case, at once if it was refused.
                    self.expect(true);
                    return;
                }
                _ => {
                    asks = false;
                    match what {
                        b'c' => jm_connection_connect(handle, a, b, c),
                        b'a' => jm_connection_attach(handle, a, b, c),
                        b'f' => jm_connection_add_feature(handle, a, 1),
                        b'F' => jm_connection_remove_feature(handle, a, 0),
                        b'L' => jm_connection_remove_listener(handle, listener),
                        b'z' => jm_connection_set_stanza_listening(handle, 1),
                        _ => {
                            self.inspect(handle);
                            JM_OK
                        }
                    }
                }
            }
        };
        let taken = checked(status);
        self.expect(asks && taken && !queued);
    }

    fn inspect(&self, handle: *mut jm_connection) {
        let readers = [
            jm_connection_jid,
            jm_connection_times_json,
            jm_connection_statistics_json,
            jm_connection_logs_json,
            jm_connection_properties_json,
            jm_connection_ice_servers_json,
        ];
        for (index, reader) in readers.into_iter().enumerate() {
            let mut text = ptr::null_mut();
            // SAFETY: the connection is not freed yet, and the place is a local's; the text is freed once.
            unsafe {
                assert!(checked(reader(handle, &raw mut text)));
                if !text.is_null() {
                    let read = CStr::from_ptr(text).to_str().expect("a text is UTF-8");
                    assert!(index == 0 || serde_json::from_str::<serde_json::Value>(read).is_ok(), "{read}");
                }
                jm_string_free(text);
            }
        }
        // SAFETY: the connection is not freed yet.
        assert!(unsafe { jm_connection_state(handle) } >= 0 && unsafe { jm_connection_id(handle) } > 0);
    }

    fn finish(self) {
        // The last to be freed waits until the dispatcher is done with those before.
        let mut last = ptr::null_mut();
        let options = jm_options_new();
        confine(options, SERVICES[0]);
        // SAFETY: each is freed once, and the places are locals'.
        unsafe {
            assert!(checked(jm_connection_new(ptr::null(), ptr::null(), options, &raw mut last)));
            jm_options_free(options);
            self.connections.iter().for_each(|connection| jm_connection_close(connection.handle));
            jm_connection_free(last);
            jm_queue_free(self.queue);
            jm_options_free(self.options);
        }
        for (told, times) in &self.told {
            assert_eq!(told.0.load(Ordering::SeqCst), *times, "once, or never for a call that was refused");
        }
    }
}

/// Whatever was set: the only server is the one that is not there.
fn confine(options: *mut jm_options, service: &CStr) {
    // SAFETY: the options and the texts live during the calls.
    unsafe {
        for key in [c"websocketKeepAliveUrl", c"conferenceRequestUrl"] {
            checked(jm_options_set_json(options, key.as_ptr(), c"null".as_ptr(), 4));
        }
        for (key, value) in
            [(c"serviceUrl", service), (c"transport.proxy", c""), (c"hosts.domain", c"meet.example")]
        {
            assert!(checked(jm_options_set_string(options, key.as_ptr(), value.as_ptr())));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_calls_of_the_corpus_keep_what_is_promised() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus/abi");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let inputs: Vec<_> = files.map(|path| std::fs::read(path).unwrap()).collect();
        assert!(inputs.len() >= 10, "{}", inputs.len());
        inputs.iter().for_each(|input| abi(input));
    }
}
