/* Server-sent events. A listener keeps the number of the event it wants next; the channel keeps the last keep_events.
 * Locks: the channel's, then the server's. An event's id is "<channel>-<number>": after a restart the channel is
 * another one and a client's old id asks for everything that is kept. */
#include "httpd/sse.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/num.h"
#include "base/str.h"
#include "httpd/internal.h"

enum { EVENT_MAX = 256 * 1024, SEND_MAX = 512 * 1024, SEND_BYTES = 4096, KEEPALIVE_MS = 15000, CHANNEL_ID_DIGITS = 8 };

struct event {
    char *text;
    size_t size_bytes;
};

struct listener {
    struct sse_channel *channel;
    struct listener *previous, *next;
    struct http_exchange *exchange; /* NULL once it has ended */
    int64_t wants;
    struct buf out;
    size_t out_at;
    int64_t sent_ms;
};

struct sse_channel {
    pthread_mutex_t lock;
    char id[CHANNEL_ID_DIGITS + 1];
    struct event *events; /* number n is at n % keep */
    int64_t keep;
    int64_t newest; /* 0: none yet */
    struct listener *listeners;
    int count, max_listeners;
    bool closing;
};

struct sse_channel *sse_channel_create(int max_listeners, int keep_events) {
    struct sse_channel *channel = x_alloc(sizeof(*channel));
    pthread_mutex_init(&channel->lock, NULL);
    random_hex(channel->id, CHANNEL_ID_DIGITS);
    channel->keep = keep_events > 0 ? keep_events : 1;
    channel->events = x_alloc((size_t)channel->keep * sizeof(*channel->events));
    channel->max_listeners = max_listeners;
    return channel;
}

static void channel_free(struct sse_channel *channel) {
    for (int64_t i = 0; i < channel->keep; i++) {
        free(channel->events[i].text);
    }
    free(channel->events);
    pthread_mutex_destroy(&channel->lock);
    free(channel);
}

static void wake_all(struct sse_channel *channel) {
    for (struct listener *each = channel->listeners; each; each = each->next) {
        if (each->exchange) {
            hold_wake(each->exchange);
        }
    }
}

void sse_channel_destroy(struct sse_channel *channel) {
    if (channel == NULL) {
        return;
    }
    pthread_mutex_lock(&channel->lock);
    channel->closing = true;
    wake_all(channel);
    bool last = channel->count == 0;
    pthread_mutex_unlock(&channel->lock);
    if (last) {
        channel_free(channel); /* else the last listener does */
    }
}

static void append_data(struct buf *out, const char *data) {
    while (true) {
        size_t size = strcspn(data, "\r\n");
        (void)buf_append_str(out, "data: ");
        (void)buf_append(out, data, size);
        (void)buf_append_char(out, '\n');
        if (data[size] == '\0') {
            break;
        }
        data += size + (data[size] == '\r' && data[size + 1] == '\n' ? 2 : 1);
    }
    (void)buf_append_char(out, '\n');
}

void sse_publish(struct sse_channel *channel, const char *event, const char *data) {
    struct buf text = BUF_INIT(EVENT_MAX);
    assert(strpbrk(event, "\r\n") == NULL);
    pthread_mutex_lock(&channel->lock);
    int64_t number = channel->newest + 1;
    (void)buf_printf(&text, "id: %s-%lld\nevent: %s\n", channel->id, (long long)number, event);
    append_data(&text, data);
    if (!text.full) {
        struct event *place = &channel->events[number % channel->keep];
        free(place->text);
        place->size_bytes = text.size_bytes;
        place->text = buf_take(&text);
        channel->newest = number;
        wake_all(channel);
    }
    pthread_mutex_unlock(&channel->lock);
    buf_finish(&text);
}

static int64_t oldest(const struct sse_channel *channel) {
    return channel->newest > channel->keep ? channel->newest - channel->keep + 1 : 1;
}

/* Under the lock. False: the stream ends here. Nothing in `out` after true: wait. */
static bool gather(struct listener *listener) {
    struct sse_channel *channel = listener->channel;
    buf_clear(&listener->out);
    listener->out_at = 0;
    if (channel->closing || listener->wants < oldest(channel)) {
        return false;
    }
    while (listener->wants <= channel->newest) {
        const struct event *event = &channel->events[listener->wants % channel->keep];
        if (!buf_append(&listener->out, event->text, event->size_bytes)) {
            break;
        }
        listener->wants++;
    }
    int64_t now_ms = clock_monotonic_ms();
    if (listener->out.size_bytes == 0 && now_ms - listener->sent_ms >= KEEPALIVE_MS) {
        (void)buf_append_str(&listener->out, ": still here\n\n");
    }
    if (listener->out.size_bytes > 0) {
        listener->sent_ms = now_ms;
    }
    return true;
}

static ssize_t listener_read(void *context, uint64_t position, char *out, size_t out_size) {
    struct listener *listener = context;
    struct sse_channel *channel = listener->channel;
    ssize_t result = MHD_CONTENT_READER_END_OF_STREAM;
    (void)position;
    pthread_mutex_lock(&channel->lock);
    if (listener->out_at < listener->out.size_bytes || gather(listener)) {
        size_t left = listener->out.size_bytes - listener->out_at;
        size_t count = left < out_size ? left : out_size;
        if (count > 0) {
            memcpy(out, listener->out.data + listener->out_at, count);
            listener->out_at += count;
            result = (ssize_t)count;
        } else if (!listener->exchange->peer_gone &&
                   hold_for_time(listener->exchange, listener->sent_ms + KEEPALIVE_MS)) {
            result = 0;
        }
    }
    pthread_mutex_unlock(&channel->lock);
    return result;
}

/* The exchange is about to be freed; the response, and with it the listener, goes a little later. */
static void listener_detach(void *context) {
    struct listener *listener = context;
    pthread_mutex_lock(&listener->channel->lock);
    listener->exchange = NULL;
    pthread_mutex_unlock(&listener->channel->lock);
}

static void listener_free(void *context) {
    struct listener *listener = context;
    struct sse_channel *channel = listener->channel;
    pthread_mutex_lock(&channel->lock);
    if (listener->previous) {
        listener->previous->next = listener->next;
    } else {
        channel->listeners = listener->next;
    }
    if (listener->next) {
        listener->next->previous = listener->previous;
    }
    bool last = --channel->count == 0 && channel->closing;
    pthread_mutex_unlock(&channel->lock);
    buf_finish(&listener->out);
    free(listener);
    if (last) {
        channel_free(channel);
    }
}

/* The number after the client's last one; what is kept when it names another channel or one that is gone. */
static int64_t first_wanted(const struct sse_channel *channel, const char *last_id) {
    int64_t number = 0;
    if (last_id == NULL) {
        return channel->newest + 1;
    }
    bool ours = strncmp(last_id, channel->id, CHANNEL_ID_DIGITS) == 0 && last_id[CHANNEL_ID_DIGITS] == '-' &&
                num_parse(last_id + CHANNEL_ID_DIGITS + 1, 0, channel->newest, &number);
    return ours && number + 1 > oldest(channel) ? number + 1 : oldest(channel);
}

void sse_reply(struct sse_channel *channel, struct http_exchange *exchange) {
    const char *last_id = http_header(exchange, "Last-Event-ID");
    pthread_mutex_lock(&channel->lock);
    if (channel->closing || channel->count >= channel->max_listeners) {
        pthread_mutex_unlock(&channel->lock);
        http_add_header(exchange, "Retry-After", "5");
        http_reply_problem(exchange, 503, "too_many_listeners", "too many listeners are connected", NULL);
        return;
    }
    struct listener *listener = x_alloc(sizeof(*listener));
    listener->channel = channel;
    listener->exchange = exchange;
    listener->wants = first_wanted(channel, last_id);
    listener->sent_ms = clock_monotonic_ms();
    listener->out = BUF_INIT(SEND_MAX);
    (void)buf_append_str(&listener->out, "retry: 2000\n\n");
    listener->next = channel->listeners;
    if (listener->next) {
        listener->next->previous = listener;
    }
    channel->listeners = listener;
    channel->count++;
    pthread_mutex_unlock(&channel->lock);
    exchange->on_end = listener_detach;
    exchange->on_end_context = listener;
    exchange->watches_peer = true;
    http_add_header(exchange, "Cache-Control", "no-store");
    http_add_header(exchange, "X-Accel-Buffering", "no");
    exchange_set_response(
        exchange, 200, "text/event-stream",
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, SEND_BYTES, listener_read, listener, listener_free));
}
