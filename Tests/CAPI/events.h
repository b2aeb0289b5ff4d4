/* Counts what becomes of the connections of a sender or a receiver. */
#ifndef EVENTS_H
#define EVENTS_H

#include "support.h"

/* How often each event came, and the status of the last one. The I/O thread writes them; read them with count_of(). */
typedef struct events {
    int connected, lost, closed, connecting;
    fw_status last_status;
} events;

static void note(const fw_connection_event *event, void *user) {
    events *all = (events *)user;
    CHECK(event->struct_size >= sizeof *event);
    CHECK(event->peer != NULL && event->reason != NULL);
    CHECK(event->peer_id == 0 || event->peer[0] != '\0');
    CHECK((event->status == FW_OK) == (event->reason[0] == '\0'));
    __atomic_store_n(&all->last_status, event->status, __ATOMIC_SEQ_CST);
    switch (event->state) {
    case FW_CONNECTION_CONNECTING: __atomic_add_fetch(&all->connecting, 1, __ATOMIC_SEQ_CST); break;
    case FW_CONNECTION_CONNECTED: __atomic_add_fetch(&all->connected, 1, __ATOMIC_SEQ_CST); break;
    case FW_CONNECTION_LOST: __atomic_add_fetch(&all->lost, 1, __ATOMIC_SEQ_CST); break;
    case FW_CONNECTION_CLOSED: __atomic_add_fetch(&all->closed, 1, __ATOMIC_SEQ_CST); break;
    }
}

#endif
