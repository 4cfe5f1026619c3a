/* A handler in C, for the tests of its interface. */

#include <httpd.h>

#include <ap_provider.h>
#include <http_config.h>
#include <apr_strings.h>
#include <string.h>

#include "ws/c_handler.h"

static void on_open(ws_session* session) {
  session->subscribe(session, "c");
  session->send(session, WS_MESSAGE_TEXT, session->uri, strlen(session->uri));
}

static void on_message(ws_session* session, enum ws_message_type type, const char* payload,
                       size_t size) {
  if (size == 5 && memcmp(payload, "close", size) == 0) {
    session->close(session, 4000, "as you say");
  } else if (size > 0 && payload[0] == '!') {
    session->publish("c", type, payload + 1, size - 1);
  } else {
    session->send(session, type, payload, size);
    session->send(session, type, payload, size);
  }
}

static void on_close(ws_session* session, int code) {
  char text[16];
  apr_snprintf(text, sizeof text, "gone %d", code);
  session->publish("c", WS_MESSAGE_TEXT, text, strlen(text));
}

static const ws_c_handler handler = {on_open, on_message, on_close};
static const ws_c_handler old_handler = {NULL, NULL, NULL};

static void register_hooks(apr_pool_t* pool) {
  ap_register_provider(pool, WS_C_HANDLER_GROUP, "c_echo", WS_C_HANDLER_VERSION, &handler);
  ap_register_provider(pool, WS_C_HANDLER_GROUP, "from_the_past", "1", &old_handler);
}

module AP_MODULE_DECLARE_DATA ws_c_echo_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, 0};
