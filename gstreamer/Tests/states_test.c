/*
 * Pipelines are started, paused, flushed and stopped in any order, a thousand times each. FRAMEWIRE_TEST_SEED in the
 * environment chooses another order.
 */
#include "support.h"

#include <stdlib.h>
#include <unistd.h>

static GRand *random_numbers;

static void change_state(GstElement *pipeline, const char *description) {
    static const GstState states[] = {GST_STATE_NULL, GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_PLAYING};
    GstState state = states[g_rand_int_range(random_numbers, 0, G_N_ELEMENTS(states))];
    CHECK(gst_element_set_state(pipeline, state) != GST_STATE_CHANGE_FAILURE, "%s to %s", description,
          gst_element_state_get_name(state));
    switch (g_rand_int_range(random_numbers, 0, 4)) {
    case 0:
        gst_element_send_event(pipeline, gst_event_new_flush_start());
        gst_element_send_event(pipeline, gst_event_new_flush_stop(TRUE));
        break;
    case 1: g_usleep((gulong)g_rand_int_range(random_numbers, 0, 2000)); break;
    case 2: gst_element_get_state(pipeline, NULL, NULL, 5 * GST_MSECOND); break;
    default: break;
    }
}

/* No error has been posted, unless one is expected. */
static void check_bus(GstElement *pipeline, const char *description) {
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *message;
    while ((message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR))) {
        GError *error = NULL;
        gst_message_parse_error(message, &error, NULL);
        CHECK(FALSE, "%s: %s", description, error->message);
    }
    gst_object_unref(bus);
}

static void cycle(int rounds, const char *description) {
    GstElement *pipeline = launch("%s", description);
    for (int round = 0; round < rounds; round++) {
        change_state(pipeline, description);
        if (round % 64 == 0) check_bus(pipeline, description);
    }
    check_bus(pipeline, description);
    finish(pipeline);
}

/* Elements are made and thrown away without ever running, and in states of their own. */
static void make_and_drop(int rounds) {
    static const char *const names[] = {"lz4enc", "lz4dec", "framewiresink", "framewiresrc"};
    for (int round = 0; round < rounds; round++) {
        GstElement *element = gst_element_factory_make(names[round % 4], NULL);
        CHECK(element);
        if (round / 4 % 2 == 0 && round % 4 != 2) {
            CHECK(gst_element_set_state(element, GST_STATE_READY) == GST_STATE_CHANGE_SUCCESS);
        }
        gst_element_set_state(element, GST_STATE_NULL);
        gst_object_unref(element);
    }
}

int main(int argc, char **argv) {
    begin(&argc, &argv);
    const char *seed = g_getenv("FRAMEWIRE_TEST_SEED");
    random_numbers = g_rand_new_with_seed(seed ? (guint32)atoi(seed) : 20261121);
    int rounds = is_quick() ? 10 : 1000;
    make_and_drop(rounds);
    cycle(rounds, "videotestsrc is-live=true ! video/x-raw,width=64,height=48,framerate=200/1 ! lz4enc profile=tile ! "
                  "lz4dec ! fakesink sync=false");
    cycle(rounds, "videotestsrc ! video/x-raw,width=64,height=48 ! lz4enc ! queue ! lz4dec ! queue ! fakesink");
    cycle(rounds, "framewiresrc uri=tcp://127.0.0.1:0 ! fakesink");
    cycle(rounds, "framewiresrc uri=tcp://127.0.0.1:0 is-live=true ! fakesink");
    cycle(rounds, "videotestsrc ! video/x-raw,width=64,height=48 ! framewiresink uri=tcp://127.0.0.1:0?listen=1 "
                  "close-timeout=0 sync=false overflow=block");

    /* Both ends at once, where the one connects to what the other has just closed or opened. */
    GstElement *receiver = launch("framewiresrc name=src uri=unix:///tmp/framewire-states-%d ! fakesink sync=false", getpid());
    GstElement *sender = launch("videotestsrc ! video/x-raw,width=64,height=48,framerate=500/1 ! framewiresink "
                                "close-timeout=0 reconnect=always uri=unix:///tmp/framewire-states-%d", getpid());
    for (int round = 0; round < rounds; round++) {
        change_state(sender, "the sender");
        change_state(receiver, "the receiver");
    }
    check_bus(sender, "the sender");
    check_bus(receiver, "the receiver");
    finish(sender);
    finish(receiver);
    g_rand_free(random_numbers);
    return end();
}
