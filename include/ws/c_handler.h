/**
 * Handlers in C: a module that registers a ws_c_handler with ap_register_provider(pool,
 * WS_C_HANDLER_GROUP, NAME, WS_C_HANDLER_VERSION, &handler) offers it for `WebSocketHandler NAME`.
 * Its functions run on an event loop's thread with many other sessions: they must not block. This
 * header is C and C++.
 */
#ifndef WS_C_HANDLER_H
#define WS_C_HANDLER_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WS_C_HANDLER_GROUP "websocket-handler"
#define WS_C_HANDLER_VERSION "c1"

/** The opcodes of RFC 6455 11.8. */
enum ws_message_type { WS_MESSAGE_TEXT = 1, WS_MESSAGE_BINARY = 2 };

/** One session, for the functions of its handler and while they run. */
typedef struct ws_session ws_session;
struct ws_session {
  void* data; /**< The handler's own. */

  /* Of the request; they live as long as the session. Empty where there is nothing. */
  const char* uri;            /**< Path and query as the client sent them. */
  const char* remote_address; /**< "192.0.2.7:51522" */
  const char* user;           /**< Whom httpd authenticated. */
  const char* subprotocol;    /**< That was agreed. */

  /** Sends a message, once the present function has returned; the payload is copied. What is no
   * UTF-8 is not sent as text. */
  void (*send)(ws_session* session, enum ws_message_type type, const void* payload, size_t size);

  /** Closes the session, behind what is being sent. The reason has at most 123 bytes, or is NULL.
   */
  void (*close)(ws_session* session, int code, const char* reason);

  /** Takes part in a channel: what is published there goes to this client. */
  void (*subscribe)(ws_session* session, const char* channel);

  /** Sends a message to all subscribers of a channel, in all children of the server. */
  void (*publish)(const char* channel, enum ws_message_type type, const void* payload, size_t size);
};

/** Any function may be NULL. */
typedef struct ws_c_handler {
  void (*on_open)(ws_session* session);
  /** `payload` is valid UTF-8 when the message is text. While it runs, and what it sends is not
   * taken, nothing more is read from the client. */
  void (*on_message)(ws_session* session, enum ws_message_type type, const char* payload,
                     size_t size);
  /** The last call. `code` is the client's Close code, 1005 without one, 1006 without a Close. */
  void (*on_close)(ws_session* session, int code);
} ws_c_handler;

#ifdef __cplusplus
}
#endif

#endif
