/* Connects to a Jitsi Meet deployment, prints one line, disconnects.
 *
 *   SERVICE_URL=wss://meet.example.org/xmpp-websocket DOMAIN=meet.example.org ./connect
 *
 * CA_CERTIFICATES may name a PEM file of the authorities to trust in place of the platform's. The line is
 *
 *   <jid> TAB <ms from connect to established> TAB <phases, in ms since connect>
 *
 * The exit status is 0 only if the connection was established and then disconnected, in this order. C11 and C++17:
 *
 *   cc -std=c11 -Iinclude ffi-c/examples/connect.c target/release/libjitsimeet.a -lpthread -ldl -lm -o connect
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jitsimeet.h"

/* What the callbacks, which run on a thread of the library, tell the main thread. */
struct progress {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char events[8]; /* 'e'stablished, 'f'ailed, 'd'isconnected, and '.' for the completion, as they came */
};

static void note(struct progress *progress, char what) {
    pthread_mutex_lock(&progress->lock);
    size_t count = strlen(progress->events);
    if (count + 1 < sizeof progress->events) {
        progress->events[count] = what;
    }
    pthread_cond_signal(&progress->changed);
    pthread_mutex_unlock(&progress->lock);
}

/* Waits for one of `ends`, and tells whether what came until then is `expected`. Every attempt ends in one event, and
 * every call of jm_connection_disconnect in one completion: no timeout is needed here. */
static int wait_for(struct progress *progress, const char *ends, const char *expected) {
    pthread_mutex_lock(&progress->lock);
    while (strpbrk(progress->events, ends) == NULL) {
        pthread_cond_wait(&progress->changed, &progress->lock);
    }
    int as_expected = strcmp(progress->events, expected) == 0;
    pthread_mutex_unlock(&progress->lock);
    return as_expected;
}

static void on_established(void *user_data, const jm_event *event) {
    (void)event;
    note((struct progress *)user_data, 'e');
}

static void on_failed(void *user_data, const jm_event *event) {
    /* Texts live until this returns, and are NUL-terminated. */
    fprintf(stderr, "%s (%s): %s\n", event->error_type_name.data, event->code_name.data, event->message.data);
    note((struct progress *)user_data, 'f');
}

static void on_disconnected(void *user_data, const jm_event *event) {
    (void)event;
    note((struct progress *)user_data, 'd');
}

static void on_disconnect_done(void *user_data, jm_status status) {
    note((struct progress *)user_data, status == JM_OK ? '.' : '!');
}

static void check(jm_status status) {
    if (status != JM_OK) {
        fprintf(stderr, "%s\n", jm_last_error());
        exit(EXIT_FAILURE);
    }
}

static const char *required(const char *name) {
    const char *value = getenv(name);
    if (value == NULL) {
        fprintf(stderr, "%s is not set\n", name);
        exit(EXIT_FAILURE);
    }
    return value;
}

static char *read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t size = 0;
    while (file != NULL && !feof(file) && !ferror(file)) {
        text = (char *)realloc(text, size + 4096 + 1);
        if (text == NULL) {
            abort();
        }
        size += fread(text + size, 1, 4096, file);
        text[size] = '\0';
    }
    if (text == NULL || ferror(file)) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    fclose(file);
    return text;
}

/* Options are checked as they are set: a misspelt key or a wrong type is an error that names the key. */
static jm_options *read_options(void) {
    jm_options *options = jm_options_new();
    check(jm_options_set_string(options, "serviceUrl", required("SERVICE_URL")));
    check(jm_options_set_string(options, "hosts.domain", required("DOMAIN")));
    const char *ca_certificates = getenv("CA_CERTIFICATES");
    if (ca_certificates != NULL) {
        char *pem = read_file(ca_certificates);
        check(jm_options_set_string(options, "tls.caCertificates", pem));
        free(pem);
    }
    return options;
}

/* The number behind "key": in a flat JSON object; -1 if it has none. */
static double number(const char *json, const char *key) {
    char quoted[32];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *found = strstr(json, quoted);
    return found == NULL ? -1 : strtod(found + strlen(quoted), NULL);
}

static void print_line(const jm_connection *connection) {
    static const char *const phases[] = {"dns", "tcp", "tls", "upgrade", "authenticated", "bound"};
    char *jid = NULL;
    char *times = NULL;
    check(jm_connection_jid(connection, &jid));
    check(jm_connection_times_json(connection, &times));
    double start = number(times, "connecting");
    printf("%s\t%.1f\t", jid, number(times, "connected") - start);
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) {
        double at = number(times, phases[i]);
        printf(at < 0 ? "%s%s -" : "%s%s %.1f", i == 0 ? "" : " ", phases[i], at - start);
    }
    printf("\n");
    jm_string_free(times);
    jm_string_free(jid);
}

int main(void) {
    struct progress progress = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, ""};

    jm_options *options = read_options();
    jm_connection *connection = NULL;
    check(jm_connection_new(NULL, NULL, options, &connection));
    jm_options_free(options);

    check(jm_connection_add_listener(connection, JM_EVENT_CONNECTION_ESTABLISHED, on_established, &progress, NULL,
                                     NULL));
    check(jm_connection_add_listener(connection, JM_EVENT_CONNECTION_FAILED, on_failed, &progress, NULL, NULL));
    check(jm_connection_add_listener(connection, JM_EVENT_CONNECTION_DISCONNECTED, on_disconnected, &progress, NULL,
                                     NULL));

    check(jm_connection_connect(connection, NULL, NULL, NULL));
    int in_order = wait_for(&progress, "ef", "e");
    if (in_order) {
        print_line(connection);
        check(jm_connection_disconnect(connection, on_disconnect_done, &progress));
        in_order = wait_for(&progress, ".!", "ed.");
    }

    /* From here on no callback runs, so that `progress` may go. */
    jm_connection_free(connection);
    check(jm_shutdown(2000));
    return in_order ? EXIT_SUCCESS : EXIT_FAILURE;
}
