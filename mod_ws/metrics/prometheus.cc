#include "mod_ws/metrics/prometheus.h"

#include <charconv>
#include <span>
#include <string_view>
#include <utility>

namespace mod_ws::metrics {
namespace {

constexpr double us_a_second = 1e6;
constexpr double ms_a_second = 1e3;

std::string text_of(double value) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return {digits.data(), end};
}

std::string text_of(std::uint64_t value) { return std::to_string(value); }

/// What stands between the braces, one label after the other.
class LabelList {
 public:
  LabelList& add(const char* name, std::string_view value) {
    if (!text_.empty()) text_ += ',';
    text_.append(name).append("=\"");
    for (const char c : value) {
      if (c == '\n') {
        text_ += "\\n";
        continue;
      }
      if (c == '"' || c == '\\') text_ += '\\';
      text_ += c;
    }
    text_ += '"';
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

LabelList labels_of(const SeriesReport& series) {
  return LabelList()
      .add("server", series.labels.server)
      .add("location", series.labels.location)
      .add("backend", series.labels.backend);
}

class Text {
 public:
  void begin(const char* name, const char* type, const char* help) {
    name_ = std::string("mod_ws_") + name;
    text_.append("# HELP ").append(name_).append(" ").append(help);
    text_.append("\n# TYPE ").append(name_).append(" ").append(type).append("\n");
  }

  template <class Number>
  void add(const LabelList& labels, Number value, const char* suffix = "") {
    text_.append(name_).append(suffix);
    if (!labels.text().empty()) text_.append("{").append(labels.text()).append("}");
    text_.append(" ").append(text_of(value)).append("\n");
  }

  /// `bounds` are in parts of a second.
  template <std::size_t Size>
  void add_histogram(const LabelList& labels, const std::array<std::uint32_t, Size>& bounds,
                     double parts, const std::array<std::uint64_t, Size + 1>& counts, double sum) {
    std::uint64_t count = 0;
    for (std::size_t i = 0; i <= Size; ++i) {
      count += counts[i];
      const auto bound = i < Size ? text_of(bounds[i] / parts) : "+Inf";
      add(LabelList(labels).add("le", bound), count, "_bucket");
    }
    add(labels, sum, "_sum");
    add(labels, count, "_count");
  }

  std::string take() { return std::move(text_); }

 private:
  std::string name_;
  std::string text_;
};

using Peer = Sums::Peer;
using AllSeries = std::span<const SeriesReport>;

bool has_backend(const Peer& backend) { return backend.received_bytes + backend.sent_bytes > 0; }

/// Both sides and both directions.
void add_traffic(Text& text, AllSeries all, std::uint64_t Peer::*received,
                 std::uint64_t Peer::*sent) {
  for (const auto& series : all) {
    const auto add = [&](const char* name, const Peer& peer) {
      const auto labels = labels_of(series).add("peer", name);
      text.add(LabelList(labels).add("direction", "received"), peer.*received);
      text.add(LabelList(labels).add("direction", "sent"), peer.*sent);
    };
    add("client", series.sums.client);
    if (has_backend(series.sums.backend)) add("backend", series.sums.backend);
  }
}

void add_sessions(Text& text, AllSeries all) {
  text.begin("sessions", "gauge", "Sessions that are open.");
  for (const auto& series : all) text.add(labels_of(series), series.sessions());
  text.begin("sessions_total", "counter", "Sessions that have begun.");
  for (const auto& series : all) text.add(labels_of(series), series.sums.begun);
  text.begin("upgrades_total", "counter", "Opening handshakes by the status they came to.");
  for (const auto& series : all) {
    for (std::size_t place = 0; place < result_places; ++place) {
      if (series.upgrades.results[place] > 0)
        text.add(labels_of(series).add("result", name_of_result(place)),
                 series.upgrades.results[place]);
    }
  }
  text.begin("closes_total", "counter",
             "Sessions that have ended, by the code of the first Close frame and by who sent it; "
             "1006: by who was lost.");
  for (const auto& series : all) {
    for (std::size_t side = 0; side < series.sums.closes.size(); ++side) {
      for (std::size_t place = 0; place < close_places; ++place) {
        const auto count = series.sums.closes[side][place];
        if (count > 0)
          text.add(labels_of(series)
                       .add("code", name_of_close(place))
                       .add("side", name_of(static_cast<Ender>(side))),
                   count);
      }
    }
  }
}

void add_flow(Text& text, AllSeries all) {
  text.begin("messages_total", "counter", "Messages.");
  add_traffic(text, all, &Peer::received_messages, &Peer::sent_messages);
  text.begin("bytes_total", "counter", "Bytes of frames, headers included, below TLS.");
  add_traffic(text, all, &Peer::received_bytes, &Peer::sent_bytes);
  text.begin("pings_total", "counter", "Pings, mod_ws's own included.");
  add_traffic(text, all, &Peer::received_pings, &Peer::sent_pings);
  text.begin("queue_bytes", "gauge", "Bytes that wait for a peer which does not take them.");
  for (const auto& series : all) {
    text.add(labels_of(series).add("peer", "client"), series.sums.client.queued_bytes);
    if (has_backend(series.sums.backend))
      text.add(labels_of(series).add("peer", "backend"), series.sums.backend.queued_bytes);
  }
  text.begin("dropped_messages_total", "counter",
             "Messages left out for a slow peer, see WebSocketSendQueue.");
  for (const auto& series : all) text.add(labels_of(series), series.sums.dropped_messages);
}

/// Both directions of permessage-deflate, where it was used.
template <class Add>
void for_each_direction(AllSeries all, Add add) {
  for (const auto& series : all) {
    if (series.sums.deflated.plain_bytes > 0)
      add(labels_of(series).add("direction", "sent"), series.sums.deflated);
    if (series.sums.inflated.plain_bytes > 0)
      add(labels_of(series).add("direction", "received"), series.sums.inflated);
  }
}

void add_compression(Text& text, AllSeries all) {
  text.begin("compression_bytes_total", "counter",
             "Bytes of messages before and behind permessage-deflate.");
  for_each_direction(all, [&](const LabelList& labels, const Sums::Compression& bytes) {
    text.add(LabelList(labels).add("form", "plain"), bytes.plain_bytes);
    text.add(LabelList(labels).add("form", "compressed"), bytes.compressed_bytes);
  });
  text.begin("compression_ratio", "gauge", "Compressed bytes by plain bytes, since the start.");
  for_each_direction(all, [&](const LabelList& labels, const Sums::Compression& bytes) {
    text.add(labels,
             static_cast<double>(bytes.compressed_bytes) / static_cast<double>(bytes.plain_bytes));
  });
}

void add_durations(Text& text, AllSeries all) {
  text.begin("session_duration_seconds", "histogram", "How long sessions lasted that have ended.");
  for (const auto& series : all) {
    text.add_histogram(labels_of(series), duration_bounds_seconds, 1.0, series.sums.durations,
                       static_cast<double>(series.sums.duration_ms) / ms_a_second);
  }
  text.begin("upgrade_duration_seconds", "histogram",
             "From a request to the end of its opening handshake, whatever came of it.");
  for (const auto& series : all) {
    text.add_histogram(labels_of(series), upgrade_bounds_ms, ms_a_second, series.upgrades.durations,
                       static_cast<double>(series.upgrades.duration_us) / us_a_second);
  }
}

LabelList labels_of(const ProcessReport& process) {
  return LabelList().add("pid", std::to_string(process.pid)).add("role", process.role());
}

void add_processes(Text& text, const Report& report) {
  text.begin("process_sessions", "gauge",
             "Open sessions of a process; keepers' are older than the "
             "last graceful restart.");
  for (const auto& process : report.processes) text.add(labels_of(process), process.sessions);
  text.begin("process_resident_memory_bytes", "gauge", "Memory of a process.");
  for (const auto& process : report.processes) text.add(labels_of(process), process.memory_bytes);
  text.begin("start_time_seconds", "gauge", "When counting began.");
  text.add({}, std::chrono::duration<double>(report.begun.time_since_epoch()).count());
}

}  // namespace

std::string prometheus_text(const Report& report) {
  Text text;
  add_sessions(text, report.series);
  add_flow(text, report.series);
  add_compression(text, report.series);
  add_durations(text, report.series);
  add_processes(text, report);
  return text.take();
}

}  // namespace mod_ws::metrics
