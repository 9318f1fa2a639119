/* Plays the scenarios of tests/scenarios, whose README has the protocol: requests are lines of JSON on the standard
 * input, answers lines on the standard output. The connection is one for a queue. */
#define _GNU_SOURCE /* getline */
#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jitsimeet.h"

/* Grows. */
struct text {
    char *data;
    size_t len;
    size_t size;
};

struct player {
    jm_queue *queue;
    jm_connection *connection;
    /* What was printed of events and errors, and not told yet. */
    struct text printed;
    /* What was logged, on the dispatcher thread. */
    struct text log;
    pthread_mutex_t lock;
};

static void append(struct text *text, const char *data, size_t len) {
    /* And a line break, and a NUL. */
    if (text->size < text->len + len + 2) {
        text->size = (text->len + len + 2) * 2;
        text->data = (char *)realloc(text->data, text->size);
        if (text->data == NULL) {
            abort();
        }
    }
    if (len > 0) {
        memcpy(text->data + text->len, data, len);
    }
    text->len += len;
    text->data[text->len++] = '\n';
    text->data[text->len] = '\0';
}

static void print_error(struct player *player) {
    const char *error = jm_last_error();
    append(&player->printed, error, strlen(error));
}

/* All that it says. */
static void print_event(struct player *player, const jm_event *event) {
    const jm_str texts[] = {
        event->name,        event->id,    event->error_type_name, event->code_name, event->message,
        event->jid,         event->vnode, event->focus_jid,       event->shard,     event->region,
        event->server_text, event->xml,   event->condition,
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        append(&player->printed, texts[i].data, texts[i].len);
    }
}

static void on_log(void *user_data, const jm_log_record *record) {
    struct player *player = (struct player *)user_data;
    pthread_mutex_lock(&player->lock);
    append(&player->log, record->message.data, record->message.len);
    pthread_mutex_unlock(&player->lock);
}

static jm_status keep_log(struct player *player) {
    jm_options *options = jm_options_new();
    jm_status status = jm_options_set_string(options, "logLevel", "trace");
    if (status == JM_OK) {
        status = jm_init(options);
    }
    jm_options_free(options);
    return status == JM_OK ? jm_set_log_callback(on_log, player, NULL) : status;
}

/* The strings of tests/surface.toml; those of error types, codes and events are in the events. */
static const char *status_name(jm_status status) {
    switch (status) {
    case JM_OK:
        return "ok";
    case JM_STATUS_INVALID_ARGUMENT:
        return "invalid_argument";
    case JM_STATUS_INVALID_UTF8:
        return "invalid_utf8";
    case JM_STATUS_INVALID_OPTION:
        return "invalid_option";
    case JM_STATUS_INVALID_STATE:
        return "invalid_state";
    case JM_STATUS_CONNECTION_FAILED:
        return "connection_failed";
    case JM_STATUS_ABORTED:
        return "aborted";
    case JM_STATUS_TIMEOUT:
        return "timeout";
    case JM_STATUS_NOT_CONNECTED:
        return "not_connected";
    case JM_STATUS_INVALID_STANZA:
        return "invalid_stanza";
    case JM_STATUS_SEND_QUEUE_FULL:
        return "send_queue_full";
    case JM_STATUS_SESSION_LOST:
        return "session_lost";
    case JM_STATUS_REDIRECTED:
        return "redirected";
    case JM_STATUS_CONFERENCE_REQUEST_FAILED:
        return "conference_request_failed";
    case JM_STATUS_FORKED:
        return "forked";
    case JM_STATUS_UNSUPPORTED_TRANSPORT:
        return "unsupported_transport";
    case JM_STATUS_CONFERENCE_FAILED:
        return "conference_failed";
    default:
        return "internal";
    }
}

static cJSON *unable(const char *why) {
    cJSON *answer = cJSON_CreateObject();
    cJSON_AddStringToObject(answer, "error", why);
    return answer;
}

static cJSON *done(void) {
    cJSON *answer = cJSON_CreateObject();
    cJSON_AddTrueToObject(answer, "ok");
    return answer;
}

/* NULL where it is missing or null. */
static const char *text_of(const cJSON *object, const char *key) {
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static int32_t timeout_of(const cJSON *arguments) {
    const cJSON *timeout = cJSON_GetObjectItemCaseSensitive(arguments, "timeout");
    return cJSON_IsNumber(timeout) ? (int32_t)timeout->valuedouble : -1;
}

static void end(struct player *player) {
    jm_connection_free(player->connection);
    jm_queue_free(player->queue);
    player->connection = NULL;
    player->queue = NULL;
}

static cJSON *begin(struct player *player, const cJSON *request) {
    jm_options *options = jm_options_new();
    char *json = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(request, "options"));
    jm_status status = jm_options_set_json(options, "", json, json == NULL ? 0 : strlen(json));
    if (status == JM_OK) {
        status = jm_queue_new(&player->queue);
    }
    if (status == JM_OK) {
        const char *token = text_of(request, "token");
        status = jm_connection_new_with_queue(NULL, token, options, player->queue, &player->connection);
    }
    cJSON_free(json);
    jm_options_free(options);
    return status == JM_OK ? done() : unable(jm_last_error());
}

static cJSON *call(struct player *player, const cJSON *request) {
    jm_connection *connection = player->connection;
    const char *name = text_of(request, "name");
    const cJSON *arguments = cJSON_GetObjectItemCaseSensitive(request, "arguments");
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(request, "number");
    if (name == NULL || !cJSON_IsNumber(number)) {
        return unable("a call has a name and a number");
    }
    /* It comes back with the completion. */
    void *tag = (void *)(intptr_t)number->valueint;
    const char *xml = text_of(arguments, "xml");
    size_t len = xml == NULL ? 0 : strlen(xml);
    jm_status status;
    if (strcmp(name, "connect") == 0) {
        status = jm_connection_connect_async(connection, text_of(arguments, "id"), text_of(arguments, "password"),
                                             text_of(arguments, "name"), NULL, tag);
    } else if (strcmp(name, "attach") == 0) {
        status = jm_connection_attach(connection, text_of(arguments, "jid"), text_of(arguments, "sid"),
                                      text_of(arguments, "rid"));
    } else if (strcmp(name, "disconnect") == 0) {
        status = jm_connection_disconnect(connection, NULL, tag);
    } else if (strcmp(name, "refreshToken") == 0) {
        status = jm_connection_refresh_token(connection, text_of(arguments, "token"), NULL, tag);
    } else if (strcmp(name, "sendStanza") == 0) {
        status = jm_connection_send_stanza(connection, xml, len, NULL, tag);
    } else if (strcmp(name, "sendIq") == 0) {
        status = jm_connection_send_iq(connection, xml, len, timeout_of(arguments), NULL, tag);
    } else if (strcmp(name, "ping") == 0) {
        status = jm_connection_ping(connection, timeout_of(arguments), NULL, tag);
    } else if (strcmp(name, "sendConferenceRequest") == 0) {
        status = jm_connection_send_conference_request(connection, text_of(arguments, "room"), NULL, tag);
    } else {
        return unable("there is no such call");
    }
    if (status != JM_OK) {
        print_error(player);
    }
    cJSON *answer = cJSON_CreateObject();
    cJSON_AddStringToObject(answer, "status", status_name(status));
    return answer;
}

static void add_text(cJSON *object, const char *key, jm_str text) {
    if (text.data == NULL) {
        cJSON_AddNullToObject(object, key);
    } else {
        cJSON_AddStringToObject(object, key, text.data);
    }
}

static void add_failure(cJSON *object, const jm_event *event) {
    add_text(object, "error_type", event->error_type_name);
    add_text(object, "code", event->code_name);
    add_text(object, "message", event->message);
    cJSON_AddBoolToObject(object, "transient", event->transient);
    add_text(object, "condition", event->condition);
    add_text(object, "server_text", event->server_text);
    if (event->http_status != 0) {
        cJSON_AddNumberToObject(object, "http_status", event->http_status);
    }
    if (event->shard_changed != 0) {
        cJSON_AddBoolToObject(object, "shard_changed", event->shard_changed > 0);
    }
}

static void add_fields(cJSON *fields, const jm_event *event) {
    switch (event->type) {
    case JM_EVENT_CONNECTION_ESTABLISHED:
        add_text(fields, "id", event->id);
        cJSON_AddBoolToObject(fields, "resumed", event->resumed);
        cJSON_AddBoolToObject(fields, "reconnected", event->reconnected);
        break;
    case JM_EVENT_CONNECTION_FAILED:
        add_failure(fields, event);
        break;
    case JM_EVENT_REDIRECTED:
        add_text(fields, "vnode", event->vnode);
        add_text(fields, "focus_jid", event->focus_jid);
        break;
    case JM_EVENT_PROPERTIES_UPDATED:
        add_text(fields, "shard", event->shard);
        add_text(fields, "region", event->region);
        break;
    case JM_EVENT_INTERRUPTED:
        add_text(fields, "code", event->code_name);
        add_text(fields, "message", event->message);
        break;
    case JM_EVENT_RESUMED:
        cJSON_AddNumberToObject(fields, "attempts", event->attempts);
        cJSON_AddNumberToObject(fields, "resent", (double)event->resent);
        break;
    default:
        break;
    }
}

static cJSON *delivery(const jm_event *event) {
    cJSON *delivery = cJSON_CreateObject();
    if (event->type == JM_EVENT_COMPLETION) {
        cJSON_AddNumberToObject(delivery, "outcome", (double)(intptr_t)event->user_data);
        cJSON_AddStringToObject(delivery, "status", status_name(event->status));
        if (event->error_type != 0) {
            add_failure(cJSON_AddObjectToObject(delivery, "failure"), event);
        }
    } else {
        add_text(delivery, "event", event->name);
        add_fields(cJSON_AddObjectToObject(delivery, "fields"), event);
    }
    return delivery;
}

static cJSON *take(struct player *player, int32_t timeout_ms) {
    const jm_event *event = NULL;
    if (jm_queue_next(player->queue, timeout_ms, &event) != JM_OK) {
        return NULL;
    }
    print_event(player, event);
    cJSON *taken = delivery(event);
    jm_event_free(event);
    return taken;
}

/* And forgets it. */
static void add_told(cJSON *object, const char *key, struct text *text) {
    cJSON_AddStringToObject(object, key, text->len == 0 ? "" : text->data);
    text->len = 0;
}

static cJSON *shown(struct player *player) {
    char *logs = NULL;
    if (jm_connection_logs_json(player->connection, &logs) != JM_OK) {
        return unable(jm_last_error());
    }
    cJSON *answer = cJSON_CreateObject();
    cJSON_AddStringToObject(answer, "get_logs", logs);
    jm_string_free(logs);
    add_told(answer, "printed", &player->printed);
    pthread_mutex_lock(&player->lock);
    add_told(answer, "log", &player->log);
    pthread_mutex_unlock(&player->lock);
    return answer;
}

static cJSON *answer_to(struct player *player, const cJSON *request) {
    const char *what = text_of(request, "do");
    if (what == NULL) {
        return unable("a request has a `do`");
    }
    if (strcmp(what, "new") == 0) {
        return begin(player, request);
    }
    if (strcmp(what, "end") == 0) {
        end(player);
        return done();
    }
    if (strcmp(what, "call") == 0) {
        return call(player, request);
    }
    if (strcmp(what, "next") == 0) {
        cJSON *next = take(player, -1);
        return next == NULL ? unable(jm_last_error()) : next;
    }
    if (strcmp(what, "rest") == 0) {
        cJSON *answer = cJSON_CreateObject();
        cJSON *deliveries = cJSON_AddArrayToObject(answer, "deliveries");
        for (cJSON *next = take(player, 0); next != NULL; next = take(player, 0)) {
            cJSON_AddItemToArray(deliveries, next);
        }
        return answer;
    }
    if (strcmp(what, "shown") == 0) {
        return shown(player);
    }
    return unable("there is no such request");
}

int main(void) {
    struct player player = {NULL, NULL, {NULL, 0, 0}, {NULL, 0, 0}, PTHREAD_MUTEX_INITIALIZER};
    if (keep_log(&player) != JM_OK) {
        return EXIT_FAILURE;
    }
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        cJSON *request = cJSON_Parse(line);
        cJSON *answer = answer_to(&player, request);
        char *text = cJSON_PrintUnformatted(answer);
        puts(text);
        fflush(stdout);
        cJSON_free(text);
        cJSON_Delete(answer);
        cJSON_Delete(request);
    }
    free(line);
    end(&player);
    jm_status ended = jm_shutdown(5000);
    /* From here on nobody writes. */
    jm_set_log_callback(NULL, NULL, NULL);
    free(player.printed.data);
    free(player.log.data);
    return ended == JM_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
