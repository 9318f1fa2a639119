/* A thousand connections from one thread: one queue, one descriptor, a few dozen logins under way at a time.
 *
 *   SERVICE_URL=wss://meet.example.org/xmpp-websocket DOMAIN=meet.example.org ./thousand [connections]
 *
 * Each connects, sends a ping and stays; when all are there they are closed. Prints what became of them.
 */
#define _POSIX_C_SOURCE 200809L
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "jitsimeet.h"

/* A server that is met by a thousand logins at once may well refuse some. */
enum { AT_A_TIME = 32 };

struct crowd {
    jm_connection **connections;
    int count;
    int begun;
    int settled;  /* connects that have ended, either way */
    int answered; /* pings that have ended, or could not be sent */
    int closed;
    int failures;
    double slowest_ping;
};

/* The `user_data` of a call tells its completion from others. Every call has exactly one. */
static char connecting;
static char ping;
static char disconnecting;

static void check(jm_status status) {
    if (status != JM_OK) {
        fprintf(stderr, "%s\n", jm_last_error());
        exit(EXIT_FAILURE);
    }
}

static void handle(struct crowd *crowd, const jm_event *event) {
    if (event->type != JM_EVENT_COMPLETION) {
        return; /* of each connection in order, for a program that wants to know */
    }
    if (event->status != JM_OK) {
        fprintf(stderr, "%s\n", event->message.data);
        crowd->failures += 1;
    }
    if (event->user_data == &connecting) {
        crowd->settled += 1;
        if (event->status == JM_OK) {
            check(jm_connection_ping(event->connection, -1, NULL, &ping));
        } else {
            crowd->answered += 1;
        }
    } else if (event->user_data == &ping) {
        crowd->answered += 1;
        if (event->round_trip_ms > crowd->slowest_ping) {
            crowd->slowest_ping = event->round_trip_ms;
        }
    } else if (event->user_data == &disconnecting) {
        crowd->closed += 1;
    }
}

/* Handles events until as many as these have come of what is counted. */
static void handle_until(struct crowd *crowd, jm_queue *queue, const int *counted, int expected) {
    struct pollfd watched = {jm_queue_fd(queue), POLLIN, 0}; /* beside the program's own descriptors */
    while (*counted < expected && poll(&watched, 1, -1) >= 0) {
        const jm_event *event = NULL;
        while (jm_queue_next(queue, 0, &event) == JM_OK) {
            handle(crowd, event);
            jm_event_free(event);
        }
    }
}

/* Every connection is a descriptor, and many systems allow 1,024 unless asked for more. */
static void allow_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv) {
    struct crowd crowd = {NULL, argc > 1 ? atoi(argv[1]) : 1000, 0, 0, 0, 0, 0, 0};
    const char *service_url = getenv("SERVICE_URL");
    const char *domain = getenv("DOMAIN");
    allow_descriptors();
    jm_options *options = jm_options_new();
    check(jm_options_set_string(options, "serviceUrl", service_url == NULL ? "" : service_url));
    check(jm_options_set_string(options, "hosts.domain", domain == NULL ? "" : domain));
    /* What a thousand logs hold adds up. */
    check(jm_options_set_int(options, "logs.maxEntries", 0));

    jm_queue *queue = NULL;
    check(jm_queue_new(&queue));
    crowd.connections = (jm_connection **)calloc((size_t)crowd.count, sizeof *crowd.connections);
    while (crowd.begun < crowd.count) {
        jm_connection **connection = &crowd.connections[crowd.begun];
        check(jm_connection_new_with_queue(NULL, NULL, options, queue, connection));
        check(jm_connection_connect_async(*connection, NULL, NULL, NULL, NULL, &connecting));
        crowd.begun += 1;
        handle_until(&crowd, queue, &crowd.settled, crowd.begun - AT_A_TIME);
    }
    jm_options_free(options);
    handle_until(&crowd, queue, &crowd.settled, crowd.count);
    handle_until(&crowd, queue, &crowd.answered, crowd.count);
    printf("%d of %d connected and answered, the slowest ping took %.0f ms\n", crowd.count - crowd.failures,
           crowd.count, crowd.slowest_ping);

    for (int i = 0; i < crowd.count; i++) {
        /* One that could not connect is idle: the call completes all the same. */
        check(jm_connection_disconnect(crowd.connections[i], NULL, &disconnecting));
    }
    handle_until(&crowd, queue, &crowd.closed, crowd.count);
    for (int i = 0; i < crowd.count; i++) {
        jm_connection_free(crowd.connections[i]);
    }
    free(crowd.connections);
    jm_queue_free(queue);
    check(jm_shutdown(5000));
    return crowd.failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
