/* Replies whose bytes come one after another: from a reader (filled block by block by the workers), from memory at a
 * pace, or cut off on purpose. The callback runs in the polling thread. Single ranges: RFC 9110 section 14. */
#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/str.h"
#include "httpd/internal.h"

enum { BLOCK_BYTES = 64 * 1024, SEND_BYTES = 32 * 1024, PACE_TICKS_PER_SECOND = 20, CLOCK_MS = 1000 };

struct stream {
    struct http_exchange *exchange;
    int64_t first;      /* offset of the reply's first byte in the reader's bytes */
    int64_t size_bytes; /* what is really there to send */
    int64_t (*read)(void *context, int64_t offset, char *out, size_t out_size);
    void *context;
    void (*free_context)(void *context);

    char *block; /* bytes from block_at on, of the reply; all of them when there is no reader */
    int64_t block_at, block_bytes;
    int64_t wanted_at;
    bool failed;

    int64_t bytes_per_second; /* 0: no pace */
    int64_t begin_ms;
    int64_t hang_ms; /* after the last byte */
};

static void stream_free(void *context) {
    struct stream *stream = context;
    if (stream->free_context) {
        stream->free_context(stream->context);
    }
    free(stream->block);
    free(stream);
}

void stream_fill(struct http_exchange *exchange) {
    struct stream *stream = exchange->stream;
    int64_t left = stream->size_bytes - stream->wanted_at;
    size_t wanted = left < BLOCK_BYTES ? (size_t)left : BLOCK_BYTES;
    if (stream->block == NULL) {
        stream->block = x_alloc(BLOCK_BYTES);
    }
    stream->block_at = stream->wanted_at;
    stream->block_bytes = stream->read(stream->context, stream->first + stream->wanted_at, stream->block, wanted);
    stream->failed = stream->block_bytes <= 0 || stream->block_bytes > (int64_t)wanted;
    exchange->stream = NULL;
}

/* How many bytes may go now; 0: wait until *ret_until_ms. */
static int64_t pace_allowance(const struct stream *stream, int64_t sent, int64_t *ret_until_ms) {
    int64_t rate = stream->bytes_per_second;
    int64_t now_ms = clock_monotonic_ms();
    int64_t allowed = (now_ms - stream->begin_ms) * rate / CLOCK_MS - sent;
    int64_t batch = rate / PACE_TICKS_PER_SECOND > 0 ? rate / PACE_TICKS_PER_SECOND : 1;
    *ret_until_ms = stream->begin_ms + (sent + batch) * CLOCK_MS / rate + 1;
    return allowed > 0 ? allowed : 0;
}

static ssize_t broken_off(struct stream *stream) {
    int64_t hang_ms = stream->hang_ms;
    stream->hang_ms = 0;
    if (hang_ms > 0 && hold_for_time(stream->exchange, clock_monotonic_ms() + hang_ms)) {
        return 0;
    }
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

static ssize_t stream_next(void *context, uint64_t position, char *out, size_t out_size) {
    struct stream *stream = context;
    int64_t at = (int64_t)position;
    int64_t count = (int64_t)out_size;
    if (at >= stream->size_bytes || stream->failed) {
        return broken_off(stream);
    }
    if (stream->bytes_per_second > 0) {
        int64_t until_ms = 0;
        int64_t allowed = pace_allowance(stream, at, &until_ms);
        if (allowed == 0 && hold_for_time(stream->exchange, until_ms)) {
            return 0;
        }
        count = allowed > 0 && allowed < count ? allowed : count; /* when the server ends, the pace does too */
    }
    int64_t block_left = stream->block_at + stream->block_bytes - at;
    if (at < stream->block_at || block_left <= 0) {
        stream->wanted_at = at;
        stream->exchange->stream = stream;
        return hold_for_work(stream->exchange) ? 0 : MHD_CONTENT_READER_END_WITH_ERROR;
    }
    count = block_left < count ? block_left : count;
    memcpy(out, stream->block + (at - stream->block_at), (size_t)count);
    return (ssize_t)count;
}

static struct stream *stream_create(struct http_exchange *exchange, int64_t size_bytes) {
    struct stream *stream = x_alloc(sizeof(*stream));
    stream->exchange = exchange;
    stream->size_bytes = size_bytes;
    stream->bytes_per_second = exchange->bytes_per_second;
    stream->begin_ms = clock_monotonic_ms() + exchange->delay_ms;
    return stream;
}

static void stream_reply(struct stream *stream, int status, const char *content_type, int64_t claimed_bytes) {
    struct MHD_Response *response =
        MHD_create_response_from_callback((uint64_t)claimed_bytes, SEND_BYTES, stream_next, stream, stream_free);
    exchange_set_response(stream->exchange, status, content_type, response);
}

static struct stream *stream_of_bytes(struct http_exchange *exchange, const void *bytes, size_t size_bytes) {
    struct stream *stream = stream_create(exchange, (int64_t)size_bytes);
    stream->block = x_alloc(size_bytes);
    stream->block_bytes = (int64_t)size_bytes;
    if (size_bytes > 0) {
        memcpy(stream->block, bytes, size_bytes);
    }
    return stream;
}

void stream_set_bytes(struct http_exchange *exchange, int status, const char *content_type, const void *bytes,
                      size_t size_bytes) {
    stream_reply(stream_of_bytes(exchange, bytes, size_bytes), status, content_type, (int64_t)size_bytes);
}

/* ---- ranges ---- */

enum range { RANGE_NONE, RANGE_PART, RANGE_UNSATISFIABLE };

static bool range_number(const char *text, size_t size_bytes, int64_t *ret) {
    char digits[20];
    if (size_bytes == 0 || size_bytes >= sizeof(digits)) {
        return false;
    }
    memcpy(digits, text, size_bytes);
    digits[size_bytes] = '\0';
    return digits[0] != '-' && num_parse(digits, 0, INT64_MAX, ret);
}

static enum range range_parse(const char *text, int64_t size_bytes, int64_t *ret_first, int64_t *ret_last) {
    const char *spec = text && str_starts_with(text, "bytes=") ? text + strlen("bytes=") : "";
    const char *dash = strchr(spec, '-');
    int64_t first = 0;
    int64_t last = INT64_MAX;
    if (dash == NULL) {
        return RANGE_NONE;
    }
    bool has_first = range_number(spec, (size_t)(dash - spec), &first);
    bool has_last = range_number(dash + 1, strlen(dash + 1), &last);
    if ((dash != spec && !has_first) || (dash[1] != '\0' && !has_last) || (!has_first && !has_last) || first > last) {
        return RANGE_NONE;
    }
    if (!has_first) {
        first = last < size_bytes ? size_bytes - last : 0;
        last = last == 0 ? -1 : INT64_MAX;
    }
    if (first >= size_bytes || last < 0) {
        return RANGE_UNSATISFIABLE;
    }
    *ret_first = first;
    *ret_last = last < size_bytes ? last : size_bytes - 1;
    return RANGE_PART;
}

static enum range range_of(const struct http_exchange *exchange, int status, int64_t size_bytes, int64_t *ret_first,
                           int64_t *ret_last) {
    const char *condition = http_header(exchange, "If-Range");
    const char *etag = NULL;
    for (struct reply_header *each = exchange->headers; each; each = each->next) {
        etag = strcasecmp(each->name, "ETag") == 0 ? each->value : etag;
    }
    if (status != 200 || strcmp(exchange->method, "GET") != 0 || (condition && !str_eq(condition, etag))) {
        return RANGE_NONE;
    }
    return range_parse(http_header(exchange, "Range"), size_bytes, ret_first, ret_last);
}

void http_reply_stream(struct http_exchange *exchange, int status, const char *content_type, int64_t size_bytes,
                       int64_t (*read)(void *context, int64_t offset, char *out, size_t out_size), void *context,
                       void (*free_context)(void *context)) {
    int64_t first = 0;
    int64_t last = size_bytes - 1;
    char text[96];
    assert(size_bytes >= 0);
    enum range range = range_of(exchange, status, size_bytes, &first, &last);
    http_add_header(exchange, "Accept-Ranges", "bytes");
    if (range == RANGE_UNSATISFIABLE) {
        static const struct refusal why = {
            .status = 416, .code = "range", .detail = "the range lies outside the content"};
        (void)str_format(text, sizeof(text), "bytes */%lld", (long long)size_bytes);
        http_add_header(exchange, "Content-Range", text);
        exchange_refuse(exchange, &why);
        if (free_context) {
            free_context(context);
        }
        return;
    }
    if (range == RANGE_PART) {
        (void)str_format(text, sizeof(text), "bytes %lld-%lld/%lld", (long long)first, (long long)last,
                         (long long)size_bytes);
        http_add_header(exchange, "Content-Range", text);
    }
    struct stream *stream = stream_create(exchange, last - first + 1);
    stream->first = first;
    stream->read = read;
    stream->context = context;
    stream->free_context = free_context;
    stream_reply(stream, range == RANGE_PART ? 206 : status, content_type, stream->size_bytes);
}

void http_cut(struct http_exchange *exchange, int status, const char *content_type, const void *bytes,
              size_t size_bytes, int64_t claimed_length_bytes, int64_t hang_ms) {
    if (status == 0) {
        assert(!exchange->replied);
        exchange->delay_ms += hang_ms;
        exchange->replied = true;
        return;
    }
    struct stream *stream = stream_of_bytes(exchange, bytes, size_bytes);
    stream->hang_ms = hang_ms;
    stream_reply(stream, status, content_type, claimed_length_bytes);
}
