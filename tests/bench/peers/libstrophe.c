/* libstrophe, over TCP, taking the orders of src/orders.rs: the host, the port, and then lines on standard input. */
#include <stdlib.h>
#include <string.h>
#include <strophe.h>

#include "measure.h"

static xmpp_ctx_t *context;
static xmpp_conn_t *connections[1024];
static const char *host;
static unsigned short port;
static int opened, online;
/* The first session is being resumed, and its connection is gone. */
static int resuming, lost;
static long received;

static int on_stanza(xmpp_conn_t *connection, xmpp_stanza_t *stanza, void *data) {
    (void)connection;
    (void)data;
    const char *from = xmpp_stanza_get_from(stanza);
    received += from != NULL && strcmp(from, "meet.example") != 0;
    return 1;
}

static void on_connection(xmpp_conn_t *connection, xmpp_conn_event_t event, int error, xmpp_stream_error_t *stream_error,
                          void *data) {
    (void)error;
    (void)stream_error;
    (void)data;
    if (event == XMPP_CONN_CONNECT) {
        xmpp_handler_add(connection, on_stanza, NULL, NULL, NULL, NULL);
        online++;
    } else if (resuming) {
        lost = 1;
    } else {
        fprintf(stderr, "libstrophe: a connection was lost\n");
        exit(1);
    }
}

static xmpp_conn_t *start(xmpp_sm_state_t *state) {
    xmpp_conn_t *connection = xmpp_conn_new(context);
    xmpp_conn_set_flags(connection, XMPP_CONN_FLAG_DISABLE_TLS);
    xmpp_conn_set_jid(connection, "meet.example");
    if (state != NULL) {
        xmpp_conn_set_sm_state(connection, state);
    }
    if (xmpp_connect_client(connection, host, port, on_connection, NULL) != XMPP_EOK) {
        fprintf(stderr, "libstrophe: cannot connect\n");
        exit(1);
    }
    return connection;
}

static void open_sessions(int count, int at_once) {
    int target = opened + count;
    while (online < target) {
        while (opened < target && opened - online < at_once) {
            connections[opened++] = start(NULL);
        }
        xmpp_run_once(context, 1);
    }
}

static void flood(long count) {
    received = 0;
    xmpp_send_raw_string(connections[0], "<message to='meet.example'><body>flood:%ld</body></message>", count);
    while (received < count) {
        xmpp_run_once(context, 1);
    }
}

/* It leaves it to the program to connect again, which does so at once. */
static void resume(void) {
    resuming = 1;
    while (!lost) {
        xmpp_run_once(context, 1);
    }
    xmpp_sm_state_t *state = xmpp_conn_get_sm_state(connections[0]);
    xmpp_conn_release(connections[0]);
    online--;
    resuming = lost = 0;
    connections[0] = start(state);
    while (online < opened) {
        xmpp_run_once(context, 1);
    }
}

static void idle(int milliseconds) {
    long long end = wall() + milliseconds * 1000000LL;
    while (wall() < end) {
        xmpp_run_once(context, 100);
    }
}

int main(int argc, char **argv) {
    char line[256];
    if (argc != 3) {
        return 2;
    }
    host = argv[1];
    port = (unsigned short)atoi(argv[2]);
    xmpp_initialize();
    context = xmpp_ctx_new(NULL, NULL);
    while (fgets(line, sizeof line, stdin)) {
        int count = 0, at_once = 0;
        long long cpu_before = cpu(), begun = wall();
        if (sscanf(line, "open %d %d", &count, &at_once) == 2) {
            open_sessions(count, at_once);
        } else if (sscanf(line, "flood %d", &count) == 1) {
            flood(count);
        } else if (strcmp(line, "resume\n") == 0) {
            resume();
        } else if (sscanf(line, "idle %d", &count) == 1) {
            idle(count);
        } else if (strcmp(line, "close\n") == 0) {
            /* Its process ends with it. */
        } else {
            return 2;
        }
        answer(cpu_before, begun);
    }
    return 0;
}
