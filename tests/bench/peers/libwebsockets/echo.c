/* An echo server on libwebsockets.
 *
 * usage: libwebsockets PORT | --version
 */

#include <libwebsockets.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  max_message_bytes = 1 << 20,
  /* As much as mod_ws reads at once. */
  read_bytes = 1 << 16,
  /* With more than that waiting for a client, nothing is read from it. */
  max_waiting_bytes = 1 << 16,
};

struct message {
  struct message* next;
  size_t length;
  size_t capacity;
  bool is_text;
  /* The payload; libwebsockets writes the frame's header in front of it. */
  unsigned char bytes[];
};

struct session {
  struct message* incoming;
  struct message* first;
  struct message** end;
  size_t waiting_bytes;
};

static unsigned char* payload(struct message* message) { return message->bytes + LWS_PRE; }

/* Makes room for `length` more bytes; false if that is too much. */
static bool reserve(struct message** message, size_t length) {
  size_t used = *message ? (*message)->length : 0;
  if (length > max_message_bytes - used) return false;
  if (*message && (*message)->capacity >= used + length) return true;
  struct message* grown = realloc(*message, sizeof *grown + LWS_PRE + used + length);
  if (!grown) return false;
  if (!*message) memset(grown, 0, sizeof *grown);
  grown->capacity = used + length;
  *message = grown;
  return true;
}

static void begin(struct session* session) {
  memset(session, 0, sizeof *session);
  session->end = &session->first;
}

static void end(struct session* session) {
  free(session->incoming);
  while (session->first) {
    struct message* message = session->first;
    session->first = message->next;
    free(message);
  }
}

/* The incoming message is whole. */
static void enqueue(struct lws* wsi, struct session* session) {
  struct message* message = session->incoming;
  session->incoming = NULL;
  *session->end = message;
  session->end = &message->next;
  session->waiting_bytes += message->length;
  if (session->waiting_bytes > max_waiting_bytes) lws_rx_flow_control(wsi, 0);
  lws_callback_on_writable(wsi);
}

static int receive(struct lws* wsi, struct session* session, const void* bytes, size_t length) {
  size_t rest_of_frame = lws_remaining_packet_payload(wsi);
  if (!reserve(&session->incoming, length + rest_of_frame)) {
    lws_close_reason(wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, NULL, 0);
    return -1;
  }
  struct message* message = session->incoming;
  if (lws_is_first_fragment(wsi)) message->is_text = !lws_frame_is_binary(wsi);
  if (length > 0) memcpy(payload(message) + message->length, bytes, length);
  message->length += length;
  if (rest_of_frame == 0 && lws_is_final_fragment(wsi)) enqueue(wsi, session);
  return 0;
}

static struct message* take_first(struct session* session) {
  struct message* message = session->first;
  session->first = message->next;
  if (!session->first) session->end = &session->first;
  session->waiting_bytes -= message->length;
  return message;
}

static int write_waiting(struct lws* wsi, struct session* session) {
  while (session->first && !lws_send_pipe_choked(wsi)) {
    struct message* message = take_first(session);
    enum lws_write_protocol kind = message->is_text ? LWS_WRITE_TEXT : LWS_WRITE_BINARY;
    int written = lws_write(wsi, payload(message), message->length, kind);
    free(message);
    if (written < 0) return -1;
  }
  if (session->first) lws_callback_on_writable(wsi);
  if (session->waiting_bytes <= max_waiting_bytes) lws_rx_flow_control(wsi, 1);
  return 0;
}

static int on_event(struct lws* wsi, enum lws_callback_reasons reason, void* session, void* bytes,
                    size_t length) {
  switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
      begin(session);
      return 0;
    case LWS_CALLBACK_RECEIVE:
      return receive(wsi, session, bytes, length);
    case LWS_CALLBACK_SERVER_WRITEABLE:
      return write_waiting(wsi, session);
    case LWS_CALLBACK_CLOSED:
      end(session);
      return 0;
    default:
      return lws_callback_http_dummy(wsi, reason, session, bytes, length);
  }
}

static const struct lws_protocols protocols[] = {
    {.name = "echo",
     .callback = on_event,
     .per_session_data_size = sizeof(struct session),
     .rx_buffer_size = read_bytes},
    {0},
};

int main(int count, char** arguments) {
  if (count != 2) {
    fprintf(stderr, "usage: libwebsockets PORT | --version\n");
    return 2;
  }
  if (strcmp(arguments[1], "--version") == 0) {
    puts(lws_get_library_version());
    return 0;
  }
  lws_set_log_level(LLL_ERR | LLL_WARN, NULL);
  struct lws_context_creation_info info = {
      .port = atoi(arguments[1]),
      .iface = "127.0.0.1",
      .protocols = protocols,
      .pt_serv_buf_size = read_bytes,
      /* libev has epoll; by itself libwebsockets has poll. */
      .options = LWS_SERVER_OPTION_VALIDATE_UTF8 | LWS_SERVER_OPTION_LIBEV,
  };
  struct lws_context* context = lws_create_context(&info);
  if (!context) return 1;
  lws_service(context, 0); /* until SIGTERM */
  lws_context_destroy(context);
  return 0;
}
