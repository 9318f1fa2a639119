/* Keeps a session going on tokens that expire: connects with one, and goes on with another whenever one is needed.
 *
 *   SERVICE_URL=wss://meet.example.org/xmpp-websocket DOMAIN=meet.example.org TOKEN_COMMAND='./make-token' ./token
 *
 * TOKEN_COMMAND prints a JSON Web Token of the deployment. Here a new one is taken over as soon as the session is
 * established, which is then closed; a program that runs for long would do so some time before the old one expires. If
 * it comes too late, and the link is lost meanwhile, JM_EVENT_TOKEN_EXPIRED asks for one.
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jitsimeet.h"

/* What the callbacks tell the main thread: it fetches the tokens, since that may take long. */
struct news {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int token_wanted;
    int refreshed;
    int disconnected;
    int failed;
};

static void tell(struct news *news, int *what) {
    pthread_mutex_lock(&news->lock);
    *what = 1;
    pthread_cond_signal(&news->changed);
    pthread_mutex_unlock(&news->lock);
}

static void on_established(void *user_data, const jm_event *event) {
    struct news *news = (struct news *)user_data;
    char *jid = NULL;
    jm_connection_jid(event->connection, &jid);
    /* A session that was resumed has the JID of before. */
    printf("%s as %s\n", event->resumed ? "resumed" : "connected", jid);
    jm_string_free(jid);
    if (!event->resumed) {
        tell(news, &news->token_wanted);
    }
}

static void on_token_expired(void *user_data, const jm_event *event) {
    (void)event;
    struct news *news = (struct news *)user_data;
    tell(news, &news->token_wanted);
}

static void on_failed(void *user_data, const jm_event *event) {
    struct news *news = (struct news *)user_data;
    fprintf(stderr, "%s (%s): %s\n", event->error_type_name.data, event->code_name.data, event->message.data);
    tell(news, &news->failed);
}

static void on_refreshed(void *user_data, jm_status status) {
    struct news *news = (struct news *)user_data;
    if (status != JM_OK) {
        /* The session goes on with the token of before. */
        fprintf(stderr, "the new token was not taken: %s\n", jm_strerror(status));
    }
    tell(news, status == JM_OK ? &news->refreshed : &news->failed);
}

static void on_disconnected(void *user_data, jm_status status) {
    (void)status;
    struct news *news = (struct news *)user_data;
    tell(news, &news->disconnected);
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

static void fetch_token(char *token, int size) {
    FILE *command = popen(required("TOKEN_COMMAND"), "r");
    if (command == NULL || fgets(token, size, command) == NULL || pclose(command) != 0) {
        fprintf(stderr, "TOKEN_COMMAND has printed no token\n");
        exit(EXIT_FAILURE);
    }
    token[strcspn(token, "\r\n")] = '\0';
}

int main(void) {
    struct news news = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, 0};
    char token[8192];
    fetch_token(token, sizeof token);

    jm_options *options = jm_options_new();
    jm_connection *connection = NULL;
    check(jm_options_set_string(options, "serviceUrl", required("SERVICE_URL")));
    check(jm_options_set_string(options, "hosts.domain", required("DOMAIN")));
    check(jm_connection_new(NULL, token, options, &connection));
    jm_options_free(options);
    check(jm_connection_add_listener(connection, JM_EVENT_CONNECTION_ESTABLISHED, on_established, &news, NULL, NULL));
    check(jm_connection_add_listener(connection, JM_EVENT_CONNECTION_FAILED, on_failed, &news, NULL, NULL));
    check(jm_connection_add_listener(connection, JM_EVENT_TOKEN_EXPIRED, on_token_expired, &news, NULL, NULL));
    check(jm_connection_connect(connection, NULL, NULL, NULL));

    pthread_mutex_lock(&news.lock);
    while (!news.failed && !news.disconnected) {
        if (news.token_wanted) {
            news.token_wanted = 0;
            /* Callbacks take this lock: it is not held while anything takes long. */
            pthread_mutex_unlock(&news.lock);
            fetch_token(token, sizeof token);
            check(jm_connection_refresh_token(connection, token, on_refreshed, &news));
            pthread_mutex_lock(&news.lock);
        } else if (news.refreshed) {
            news.refreshed = 0;
            check(jm_connection_disconnect(connection, on_disconnected, &news));
        } else {
            pthread_cond_wait(&news.changed, &news.lock);
        }
    }
    int failed = news.failed;
    pthread_mutex_unlock(&news.lock);

    /* From here on no callback runs, so that `news` may go. */
    jm_connection_free(connection);
    check(jm_shutdown(2000));
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
