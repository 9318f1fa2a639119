/* Serves two connections from an event loop with poll(2): one queue, one descriptor, no thread of one's own and no
 * callbacks. Connects both, prints their JIDs, disconnects both.
 *
 *   SERVICE_URL=wss://meet.example.org/xmpp-websocket DOMAIN=meet.example.org ./queue
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "jitsimeet.h"

enum { CONNECTIONS = 2 };

static void check(jm_status status) {
    if (status != JM_OK) {
        fprintf(stderr, "%s\n", jm_last_error());
        exit(EXIT_FAILURE);
    }
}

/* Handles one event; tells whether it was the last of its connection. */
static int handle(const jm_event *event, int *failures) {
    char *jid = NULL;
    switch (event->type) {
    case JM_EVENT_CONNECTION_ESTABLISHED:
        check(jm_connection_jid(event->connection, &jid));
        printf("%s\n", jid);
        jm_string_free(jid);
        /* The last argument comes back with JM_EVENT_COMPLETION. */
        check(jm_connection_disconnect(event->connection, NULL, failures));
        return 0;
    case JM_EVENT_CONNECTION_FAILED:
        fprintf(stderr, "%s (%s): %s\n", event->error_type_name.data, event->code_name.data, event->message.data);
        *failures += 1;
        return 1;
    case JM_EVENT_COMPLETION:
        *(int *)event->user_data += event->status != JM_OK;
        return 1;
    default:
        return 0; /* JM_EVENT_CONNECTION_DISCONNECTED, and what later versions may add */
    }
}

int main(void) {
    const char *service_url = getenv("SERVICE_URL");
    const char *domain = getenv("DOMAIN");
    jm_options *options = jm_options_new();
    check(jm_options_set_string(options, "serviceUrl", service_url == NULL ? "" : service_url));
    check(jm_options_set_string(options, "hosts.domain", domain == NULL ? "" : domain));

    jm_queue *queue = NULL;
    jm_connection *connections[CONNECTIONS];
    check(jm_queue_new(&queue));
    for (int i = 0; i < CONNECTIONS; i++) {
        check(jm_connection_new_with_queue(NULL, NULL, options, queue, &connections[i]));
        check(jm_connection_connect(connections[i], NULL, NULL, NULL));
    }
    jm_options_free(options);

    int open = CONNECTIONS;
    int failures = 0;
    struct pollfd watched = {jm_queue_fd(queue), POLLIN, 0}; /* beside the program's own descriptors */
    while (open > 0 && poll(&watched, 1, -1) >= 0) {
        const jm_event *event = NULL;
        while (jm_queue_next(queue, 0, &event) == JM_OK) {
            open -= handle(event, &failures);
            jm_event_free(event);
        }
    }

    for (int i = 0; i < CONNECTIONS; i++) {
        jm_connection_free(connections[i]);
    }
    jm_queue_free(queue);
    check(jm_shutdown(2000));
    return open == 0 && failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
