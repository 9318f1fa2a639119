//! What this client says in a conference.

use serde_json::Value;
use tokio::sync::oneshot;

use super::JitsiConference;
use crate::command::{Command, Completion};
use crate::connection::settled;
use crate::xml::{Element, ns};
use crate::{Error, JitsiConnection};

/// A reaction is one emoji, which may be put together from several.
const MAX_REACTION: usize = 64;
const RETRACTED: &str = "I retracted a previous message, but it's unsupported by your client.";

impl JitsiConference {
    /// Says something to everyone. Returns the id of the message, for reactions and retractions, when the server has
    /// acknowledged it; it comes back as `conference.messageReceived`.
    ///
    /// `reply_to` is the id of the message that it replies to (XEP-0461). What XML cannot carry is left out.
    ///
    /// ```
    #[doc = include_str!("../../doc/connected.txt")]
    /// # let conference = connection.init_jitsi_conference("standup", &Default::default())?;
    /// conference.join(None).await?;
    /// let question = conference.send_text_message("lunch?", None).await?;
    /// conference.send_text_message("yes", Some(&question)).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidState`] unless the conference is joined; [`Error::InvalidArgument`] for a text that is empty;
    /// else as [`send_stanza`](JitsiConnection::send_stanza).
    pub async fn send_text_message(&self, text: &str, reply_to: Option<&str>) -> Result<String, Error> {
        let (id, message) = self.text("sendTextMessage", None, text, reply_to)?;
        self.say("sendTextMessage", message).await.map(|()| id)
    }

    /// As [`send_text_message`](Self::send_text_message), without waiting. Returns the id of the message.
    ///
    /// ```
    #[doc = include_str!("../../doc/hub.txt")]
    #[doc = include_str!("../../doc/hub_connected.txt")]
    #[doc = include_str!("../../doc/hub_joined.txt")]
    /// use jitsimeet::Completed;
    ///
    /// conference.start_send_text_message("hello", None, Some(42))?;
    /// // Later, as an `Item::Completed` from the hub:
    /// # let (token, result) = completed(&hub, &woken).await;
    /// assert_eq!((token, result), (42, Ok(Completed::Done)));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// What is wrong with the call; everything else comes as the completion.
    pub fn start_send_text_message(
        &self,
        text: &str,
        reply_to: Option<&str>,
        completion: Option<u64>,
    ) -> Result<String, Error> {
        let (id, message) = self.text("sendTextMessage", None, text, reply_to)?;
        self.start_to_say("sendTextMessage", message, completion).map(|()| id)
    }

    /// Says something to one participant alone, by their id.
    ///
    /// ```
    #[doc = include_str!("../../doc/connected.txt")]
    /// # let conference = connection.init_jitsi_conference("standup", &Default::default())?;
    /// conference.join(None).await?;
    /// let error = conference.send_private_text_message("nobody", "psst", None).await.unwrap_err();
    /// assert!(error.to_string().contains("nobody"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`send_text_message`](Self::send_text_message); [`Error::InvalidArgument`] if nobody has that id.
    pub async fn send_private_text_message(
        &self,
        id: &str,
        text: &str,
        reply_to: Option<&str>,
    ) -> Result<String, Error> {
        let (number, message) = self.text("sendPrivateTextMessage", Some(id), text, reply_to)?;
        self.say("sendPrivateTextMessage", message).await.map(|()| number)
    }

    /// As [`send_private_text_message`](Self::send_private_text_message), without waiting. Returns the id of the
    /// message.
    ///
    /// ```
    #[doc = include_str!("../../doc/hub.txt")]
    #[doc = include_str!("../../doc/hub_connected.txt")]
    #[doc = include_str!("../../doc/hub_joined.txt")]
    /// let error = conference.start_send_private_text_message("nobody", "psst", None, Some(42)).unwrap_err();
    /// assert!(error.to_string().contains("nobody"), "and no completion follows");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// What is wrong with the call; everything else comes as the completion.
    pub fn start_send_private_text_message(
        &self,
        id: &str,
        text: &str,
        reply_to: Option<&str>,
        completion: Option<u64>,
    ) -> Result<String, Error> {
        let (number, message) = self.text("sendPrivateTextMessage", Some(id), text, reply_to)?;
        self.start_to_say("sendPrivateTextMessage", message, completion).map(|()| number)
    }

    /// Reacts to a message with an emoji (XEP-0444), for everyone or for one participant to see.
    ///
    /// ```
    #[doc = include_str!("../../doc/connected.txt")]
    /// # let conference = connection.init_jitsi_conference("standup", &Default::default())?;
    /// conference.join(None).await?;
    /// let message = conference.send_text_message("done", None).await?;
    /// conference.send_reaction("\u{1f389}", &message, None).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`send_text_message`](Self::send_text_message); [`Error::InvalidArgument`] for what is no emoji.
    pub async fn send_reaction(
        &self,
        reaction: &str,
        message_id: &str,
        receiver: Option<&str>,
    ) -> Result<(), Error> {
        self.say("sendReaction", self.reaction(reaction, message_id, receiver)?).await
    }

    /// As [`send_reaction`](Self::send_reaction), without waiting.
    ///
    /// ```
    #[doc = include_str!("../../doc/hub.txt")]
    #[doc = include_str!("../../doc/hub_connected.txt")]
    #[doc = include_str!("../../doc/hub_joined.txt")]
    /// conference.start_send_reaction("\u{1f44d}", "of-a-message", None, Some(42))?;
    /// // Later, as an `Item::Completed` from the hub:
    /// # let (token, result) = completed(&hub, &woken).await;
    /// assert!((token, result.is_ok()) == (42, true));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// What is wrong with the call; everything else comes as the completion.
    pub fn start_send_reaction(
        &self,
        reaction: &str,
        message_id: &str,
        receiver: Option<&str>,
        completion: Option<u64>,
    ) -> Result<(), Error> {
        self.start_to_say("sendReaction", self.reaction(reaction, message_id, receiver)?, completion)
    }

    /// Takes back a message that this client has sent (XEP-0424).
    ///
    /// ```
    #[doc = include_str!("../../doc/connected.txt")]
    /// # let conference = connection.init_jitsi_conference("standup", &Default::default())?;
    /// conference.join(None).await?;
    /// let message = conference.send_text_message("the password is", None).await?;
    /// conference.send_message_retraction(&message, None).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`send_text_message`](Self::send_text_message).
    pub async fn send_message_retraction(
        &self,
        message_id: &str,
        receiver: Option<&str>,
    ) -> Result<(), Error> {
        self.say("sendMessageRetraction", self.retraction(message_id, receiver)?).await
    }

    /// As [`send_message_retraction`](Self::send_message_retraction), without waiting.
    ///
    /// ```
    #[doc = include_str!("../../doc/hub.txt")]
    #[doc = include_str!("../../doc/hub_connected.txt")]
    #[doc = include_str!("../../doc/hub_joined.txt")]
    /// conference.start_send_message_retraction("of-a-message", None, Some(42))?;
    /// // Later, as an `Item::Completed` from the hub:
    /// # let (token, result) = completed(&hub, &woken).await;
    /// assert!((token, result.is_ok()) == (42, true));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// What is wrong with the call; everything else comes as the completion.
    pub fn start_send_message_retraction(
        &self,
        message_id: &str,
        receiver: Option<&str>,
        completion: Option<u64>,
    ) -> Result<(), Error> {
        self.start_to_say("sendMessageRetraction", self.retraction(message_id, receiver)?, completion)
    }

    /// Sends a JSON message, to everyone or to one participant: lib-jitsi-meet's `sendMessage` with an object. The
    /// others get it as `conference.endpoint_message_received`. An object without `type` gets an empty one, by which
    /// it is told from other JSON.
    ///
    /// ```
    #[doc = include_str!("../../doc/connected.txt")]
    /// # let conference = connection.init_jitsi_conference("standup", &Default::default())?;
    /// conference.join(None).await?;
    /// conference.send_json_message(r#"{ "type": "cursor", "x": 1 }"#, None).await?;
    /// assert!(conference.send_json_message("[]", None).await.is_err());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`send_text_message`](Self::send_text_message); [`Error::InvalidArgument`] for what is no JSON object.
    pub async fn send_json_message(&self, json: &str, receiver: Option<&str>) -> Result<(), Error> {
        self.say("sendMessage", self.json(json, receiver)?).await
    }

    /// As [`send_json_message`](Self::send_json_message), without waiting.
    ///
    /// ```
    #[doc = include_str!("../../doc/hub.txt")]
    #[doc = include_str!("../../doc/hub_connected.txt")]
    #[doc = include_str!("../../doc/hub_joined.txt")]
    /// conference.start_send_json_message(r#"{ "type": "cursor", "x": 1 }"#, None, Some(42))?;
    /// // Later, as an `Item::Completed` from the hub:
    /// # let (token, result) = completed(&hub, &woken).await;
    /// assert!((token, result.is_ok()) == (42, true));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// What is wrong with the call; everything else comes as the completion.
    pub fn start_send_json_message(
        &self,
        json: &str,
        receiver: Option<&str>,
        completion: Option<u64>,
    ) -> Result<(), Error> {
        self.start_to_say("sendMessage", self.json(json, receiver)?, completion)
    }

    /// Sets the subject of the conference, if the room lets this client. It comes back as
    /// `conference.subjectChanged`; a refusal comes as `conference.error`.
    ///
    /// ```
    #[doc = include_str!("../../doc/connected.txt")]
    /// # let conference = connection.init_jitsi_conference("standup", &Default::default())?;
    /// conference.join(None).await?;
    /// conference.set_subject("Monday").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`send_text_message`](Self::send_text_message).
    pub async fn set_subject(&self, subject: &str) -> Result<(), Error> {
        self.say("setSubject", self.subject(subject)?).await
    }

    /// As [`set_subject`](Self::set_subject), without waiting.
    ///
    /// ```
    #[doc = include_str!("../../doc/hub.txt")]
    #[doc = include_str!("../../doc/hub_connected.txt")]
    #[doc = include_str!("../../doc/hub_joined.txt")]
    /// conference.start_set_subject("Monday", Some(42))?;
    /// // Later, as an `Item::Completed` from the hub:
    /// # let (token, result) = completed(&hub, &woken).await;
    /// assert!((token, result.is_ok()) == (42, true));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// What is wrong with the call; everything else comes as the completion.
    pub fn start_set_subject(&self, subject: &str, completion: Option<u64>) -> Result<(), Error> {
        self.start_to_say("setSubject", self.subject(subject)?, completion)
    }

    fn reaction(&self, reaction: &str, message_id: &str, receiver: Option<&str>) -> Result<String, Error> {
        let unfit = |character: char| character.is_whitespace() || character.is_control();
        if reaction.is_ascii() || reaction.len() > MAX_REACTION || reaction.contains(unfit) {
            return Err(Error::InvalidArgument(format!("`{reaction}` is no emoji")));
        }
        let reaction = Element::new("reaction", ns::REACTIONS).with_text(reaction);
        let reactions = Element::new("reactions", ns::REACTIONS)
            .with_attribute("id", given("message_id", message_id)?)
            .with_child(reaction);
        let to = self.receiver(receiver)?;
        let store = Element::new("store", ns::HINTS);
        Ok(message(&to, receiver).with_child(reactions).with_child(store).to_xml())
    }

    fn retraction(&self, message_id: &str, receiver: Option<&str>) -> Result<String, Error> {
        let retract =
            Element::new("retract", ns::RETRACT).with_attribute("id", given("message_id", message_id)?);
        let to = self.receiver(receiver)?;
        let message = message(&to, receiver)
            .with_child(retract)
            .with_child(Element::new("fallback", ns::FALLBACK).with_attribute("for", ns::RETRACT))
            .with_child(Element::new("body", ns::CLIENT).with_text(RETRACTED))
            .with_child(Element::new("store", ns::HINTS));
        Ok(message.to_xml())
    }

    fn json(&self, json: &str, receiver: Option<&str>) -> Result<String, Error> {
        let Ok(Value::Object(mut object)) = serde_json::from_str(json) else {
            return Err(Error::InvalidArgument("a JSON message must be an object".to_owned()));
        };
        object.entry("type").or_insert_with(|| "".into());
        let payload = Element::new("json-message", ns::JITMEET).with_text(Value::Object(object).to_string());
        let to = self.receiver(receiver)?;
        Ok(message(&to, receiver).with_child(payload).to_xml())
    }

    fn subject(&self, subject: &str) -> Result<String, Error> {
        let subject = Element::new("subject", ns::CLIENT).with_text(fit(subject).trim().to_owned());
        let to = self.receiver(None)?;
        Ok(message(&to, None).with_child(subject).to_xml())
    }

    fn text(
        &self,
        call: &'static str,
        receiver: Option<&str>,
        text: &str,
        reply_to: Option<&str>,
    ) -> Result<(String, String), Error> {
        self.check_joined(call)?;
        let text = fit(text);
        if text.is_empty() {
            return Err(Error::InvalidArgument("a message must have a text".to_owned()));
        }
        let id = format!("{:016x}", fastrand::u64(..));
        let to = self.receiver(receiver)?;
        let mut message = message(&to, receiver)
            .with_attribute("id", &id)
            .with_child(Element::new("body", ns::CLIENT).with_text(text));
        if let Some(reply_to) = reply_to {
            let reply_to = given("reply_to", reply_to)?;
            message = message.with_child(Element::new("reply", ns::REPLY).with_attribute("to", reply_to));
        }
        let xml = message.to_xml();
        Ok((id, xml))
    }

    /// The JID of who is to get a message.
    fn receiver(&self, id: Option<&str>) -> Result<String, Error> {
        match id {
            None => Ok(self.room.start.address.clone()),
            Some(id) => {
                let participant = self.participant(id);
                let missing =
                    || Error::InvalidArgument(format!("nobody in the conference has the id `{id}`"));
                participant.map(|participant| participant.jid.clone()).ok_or_else(missing)
            }
        }
    }

    fn check_joined(&self, call: &'static str) -> Result<(), Error> {
        self.connection.own()?;
        let room = self.room.lock();
        if room.info.joined {
            return Ok(());
        }
        Err(Error::InvalidState { call, state: room.stage.as_str() })
    }

    async fn say(&self, call: &'static str, xml: String) -> Result<(), Error> {
        let (sender, receiver) = oneshot::channel();
        self.submit(call, xml, Completion::Future(sender))?;
        settled(receiver).await.map(drop)
    }

    fn start_to_say(&self, call: &'static str, xml: String, completion: Option<u64>) -> Result<(), Error> {
        self.submit(call, xml, completion.map_or(Completion::Unheard, Completion::Token))
    }

    fn submit(&self, call: &'static str, xml: String, completion: Completion) -> Result<(), Error> {
        self.check_joined(call)?;
        let shared = self.connection.own()?;
        JitsiConnection::command(shared, shared.lock(), Command::SendStanza { xml, completion });
        Ok(())
    }
}

fn message<'text>(to: &'text str, receiver: Option<&str>) -> Element<'text> {
    let kind = if receiver.is_some() { "chat" } else { "groupchat" };
    Element::new("message", ns::CLIENT).with_attribute("to", to).with_attribute("type", kind)
}

/// Without what XML cannot carry, as lib-jitsi-meet does.
fn fit(text: &str) -> String {
    let unfit = |character: &char| match character {
        '\t' | '\n' | '\r' => false,
        '\u{fffe}' | '\u{ffff}' => true,
        other => *other < ' ',
    };
    text.chars().filter(|character| !unfit(character)).collect()
}

fn given<'text>(name: &str, id: &'text str) -> Result<&'text str, Error> {
    if id.is_empty() {
        return Err(Error::InvalidArgument(format!("`{name}` must name a message")));
    }
    Ok(id)
}
