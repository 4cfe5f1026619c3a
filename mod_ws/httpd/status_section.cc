// What mod_status shows of mod_ws.

#include <mod_status.h>

#include "mod_ws/httpd/board.h"
#include "mod_ws/httpd/status_handler.h"

namespace mod_ws::httpd {
namespace {

struct Totals {
  std::uint64_t sessions = 0;
  std::uint64_t begun = 0;
  std::uint64_t messages_in = 0;
  std::uint64_t messages_out = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
};

Totals totals_of(const metrics::Report& report) {
  Totals totals;
  for (const auto& series : report.series) {
    totals.sessions += series.sessions();
    totals.begun += series.sums.begun;
    totals.messages_in += series.sums.client.received_messages;
    totals.messages_out += series.sums.client.sent_messages;
    totals.bytes_in += series.sums.client.received_bytes;
    totals.bytes_out += series.sums.client.sent_bytes;
  }
  return totals;
}

void write_short(request_rec* r, const Totals& totals) {
  const auto line = [r](const char* name, std::uint64_t value) {
    ap_rprintf(r, "%s: %" APR_UINT64_T_FMT "\n", name, static_cast<apr_uint64_t>(value));
  };
  line("WebSocketSessions", totals.sessions);
  line("WebSocketSessionsTotal", totals.begun);
  line("WebSocketMessagesIn", totals.messages_in);
  line("WebSocketMessagesOut", totals.messages_out);
  line("WebSocketBytesIn", totals.bytes_in);
  line("WebSocketBytesOut", totals.bytes_out);
}

void write_row(request_rec* r, const metrics::SeriesReport& series) {
  const auto cell = [r](const std::string& text) {
    ap_rputs("<td>", r);
    ap_rputs(ap_escape_html(r->pool, text.c_str()), r);
    ap_rputs("</td>", r);
  };
  ap_rputs("<tr>", r);
  cell(series.labels.server);
  cell(series.labels.location);
  cell(series.labels.backend);
  cell(std::to_string(series.sessions()));
  cell(std::to_string(series.sums.begun));
  cell(std::to_string(series.sums.client.received_messages));
  cell(std::to_string(series.sums.client.sent_messages));
  cell(std::to_string(series.sums.client.received_bytes));
  cell(std::to_string(series.sums.client.sent_bytes));
  ap_rputs("</tr>\n", r);
}

void write_table(request_rec* r, const metrics::Report& report) {
  ap_rputs(
      "<hr />\n<h1>WebSocket sessions</h1>\n<table border=\"0\"><tr><th>Server</th>"
      "<th>Location</th><th>Backend</th><th>Sessions</th><th>Opened</th><th>Messages in</th>"
      "<th>Messages out</th><th>Bytes in</th><th>Bytes out</th></tr>\n",
      r);
  for (const auto& series : report.series) write_row(r, series);
  ap_rputs("</table>\n", r);
}

int write_section(request_rec* r, int flags) {
  return fenced(r, [&] {
    const metrics::Report report = board().report();
    if ((flags & AP_STATUS_SHORT) != 0) {
      write_short(r, totals_of(report));
    } else {
      write_table(r, report);
    }
    return OK;
  });
}

}  // namespace

void register_status_section() {
  APR_OPTIONAL_HOOK(ap, status_hook, write_section, nullptr, nullptr, APR_HOOK_MIDDLE);
}

}  // namespace mod_ws::httpd
