#include "mod_ws/httpd/session_log_format.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace mod_ws::httpd {
namespace {

/// Stands, with the item's number behind it, for what is not known yet; nothing else in a line is
/// this byte.
constexpr char open_mark = '\x01';
constexpr std::size_t max_items = 200;
constexpr const char* common_time = "[%d/%b/%Y:%H:%M:%S %z]";
constexpr std::string_view begin_prefix = "begin";

std::string number(std::uint64_t value) { return std::to_string(value); }

std::string or_dash(const char* text) {
  return text == nullptr || *text == '\0' ? "-" : std::string(text);
}

std::string escaped(request_rec* r, const char* text) {
  return or_dash(text == nullptr ? nullptr : ap_escape_logitem(r->pool, text));
}

std::string time_text(std::chrono::system_clock::time_point time, const std::string& format) {
  apr_time_exp_t parts;
  const auto since_epoch = time.time_since_epoch();
  apr_time_exp_lt(&parts,
                  std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count());
  std::array<char, 256> text;
  apr_size_t size = 0;
  apr_strftime(text.data(), &size, text.size(), format.c_str(), &parts);
  return {text.data(), size};
}

/// `%t`, `%{begin}t`, `%{FORMAT}t`, `%{begin:FORMAT}t`
std::string time_of(const EndedSession& session, const std::string& argument) {
  auto time = std::chrono::system_clock::now();
  std::string_view format = argument;
  if (format.starts_with(begin_prefix)) {
    time -= session.age;
    format.remove_prefix(begin_prefix.size());
    if (format.starts_with(':')) format.remove_prefix(1);
  }
  using namespace std::chrono;
  const auto since_epoch = time.time_since_epoch();
  if (format == "sec")
    return std::to_string(duration_cast<std::chrono::seconds>(since_epoch).count());
  if (format == "msec") return std::to_string(duration_cast<milliseconds>(since_epoch).count());
  if (format == "usec") return std::to_string(duration_cast<microseconds>(since_epoch).count());
  return time_text(time, format.empty() ? common_time : std::string(format));
}

std::string cause_of(const EndedSession& session) {
  std::string cause = session.end.cause();
  std::replace_if(
      cause.begin(), cause.end(),
      [](unsigned char c) { return c < ' ' || c == '"' || c == '\\' || c == 0x7F; }, '?');
  return cause;
}

std::string seconds(std::chrono::milliseconds time) {
  std::array<char, 32> text;
  const auto ms = static_cast<long long>(time.count());
  const int size = std::snprintf(text.data(), text.size(), "%lld.%03lld", ms / 1000, ms % 1000);
  return {text.data(), static_cast<std::size_t>(size)};
}

using Begun = const BegunSession&;
using Ended = const EndedSession&;
using Text = const std::string&;
using connection::Traffic;

template <Traffic EndedSession::*Peer, std::uint64_t Traffic::*Number>
std::string traffic_of(Ended session, Text) {
  return number((session.*Peer).*Number);
}

std::string query_of(Begun session, Text) {
  const request_rec* const r = session.request;
  return r->args == nullptr ? "" : std::string("?") + ap_escape_logitem(r->pool, r->args);
}

std::string header_of(Begun session, Text name) {
  return escaped(session.request, apr_table_get(session.request->headers_in, name.c_str()));
}

std::string variable_of(Begun session, Text name) {
  return escaped(session.request, apr_table_get(session.request->subprocess_env, name.c_str()));
}

std::string note_of(Begun session, Text name) {
  return escaped(session.request, apr_table_get(session.request->notes, name.c_str()));
}

std::string host_of(Begun session, Text) {
  return escaped(session.request, ap_get_useragent_host(session.request, REMOTE_NAME, nullptr));
}

/// An item that a format may have.
struct Known {
  char letter;
  const char* argument;  ///< Null: any, or none.
  std::string (*at_begin)(Begun, Text) = nullptr;
  std::string (*at_end)(Ended, Text) = nullptr;
};

/// README has the same list.
constexpr std::array known_items{
    Known{'a', "", [](Begun s, Text) { return or_dash(s.request->useragent_ip); }},
    Known{'h', "", host_of},
    Known{'u', "", [](Begun s, Text) { return escaped(s.request, s.request->user); }},
    Known{'U', "", [](Begun s, Text) { return escaped(s.request, s.request->uri); }},
    Known{'q', "", query_of},
    Known{'r', "", [](Begun s, Text) { return escaped(s.request, s.request->the_request); }},
    Known{'v', "",
          [](Begun s, Text) { return escaped(s.request, s.request->server->server_hostname); }},
    Known{'V', "", [](Begun s, Text) { return escaped(s.request, ap_get_server_name(s.request)); }},
    Known{'p', "", [](Begun s, Text) { return number(ap_get_server_port(s.request)); }},
    Known{'L', "", [](Begun s, Text) { return escaped(s.request, s.request->log_id); }},
    Known{'i', nullptr, header_of},
    Known{'e', nullptr, variable_of},
    Known{'n', nullptr, note_of},
    Known{'t', nullptr, nullptr, time_of},
    Known{'P', "", nullptr, [](Ended, Text) { return std::to_string(::getpid()); }},
    Known{'W', "backend",
          [](Begun s, Text) { return escaped(s.request, std::string(s.backend).c_str()); }},
    Known{'W', "subprotocol",
          [](Begun s, Text) { return escaped(s.request, std::string(s.subprotocol).c_str()); }},
    Known{'W', "duration", nullptr, [](Ended s, Text) { return seconds(s.age); }},
    Known{'W', "code", nullptr,
          [](Ended s, Text) { return number(static_cast<std::uint64_t>(s.end.code())); }},
    Known{'W', "side", nullptr,
          [](Ended s, Text) { return std::string(metrics::name_of(s.end.ender())); }},
    Known{'W', "cause", nullptr, [](Ended s, Text) { return cause_of(s); }},
    Known{'W', "messages-in", nullptr,
          traffic_of<&EndedSession::client, &Traffic::received_messages>},
    Known{'W', "messages-out", nullptr, traffic_of<&EndedSession::client, &Traffic::sent_messages>},
    Known{'W', "bytes-in", nullptr, traffic_of<&EndedSession::client, &Traffic::received_bytes>},
    Known{'W', "bytes-out", nullptr, traffic_of<&EndedSession::client, &Traffic::sent_bytes>},
    Known{'W', "backend-bytes-in", nullptr,
          traffic_of<&EndedSession::backend, &Traffic::received_bytes>},
    Known{'W', "backend-bytes-out", nullptr,
          traffic_of<&EndedSession::backend, &Traffic::sent_bytes>},
};

const Known* find_item(char letter, std::string_view argument) {
  const auto* const found =
      std::find_if(known_items.begin(), known_items.end(), [&](const Known& item) {
        return item.letter == letter && (item.argument == nullptr || argument == item.argument);
      });
  return found != known_items.end() ? found : nullptr;
}

}  // namespace

const char* SessionLogFormat::parse(apr_pool_t* pool, std::string_view text) {
  if (text.find('%') == std::string_view::npos)
    return "WebSocketLog takes a format of items like %a, not a name of one";
  while (!text.empty()) {
    char c = text.front();
    text.remove_prefix(1);
    if (c == '\\' && !text.empty()) {
      c = text.front() == 't' ? '\t' : text.front();
      text.remove_prefix(1);
      add_literal(c);
    } else if (c != '%') {
      add_literal(c);
    } else if (text.starts_with('%')) {
      add_literal('%');
      text.remove_prefix(1);
    } else if (const char* const complaint = parse_item(pool, text)) {
      return complaint;
    }
  }
  return items_.size() <= max_items ? nullptr : "WebSocketLog: a format of too many items";
}

void SessionLogFormat::add_literal(char c) {
  if (items_.empty() || items_.back().at_begin != nullptr || items_.back().at_end != nullptr)
    items_.emplace_back();
  // As mod_log_config has it, in a format of one's own.
  items_.back().text += static_cast<unsigned char>(c) < ' ' && c != '\t' ? ' ' : c;
}

/// "{argument}letter" from the front of `text`.
const char* SessionLogFormat::parse_item(apr_pool_t* pool, std::string_view& text) {
  std::string_view argument;
  const std::string item(text);
  if (text.starts_with('{')) {
    const std::size_t end = text.find('}');
    if (end == std::string_view::npos) return "WebSocketLog: a { without its } in the format";
    argument = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
  }
  const Known* const known = text.empty() ? nullptr : find_item(text.front(), argument);
  if (known == nullptr) {
    return apr_psprintf(pool, "WebSocketLog: no such item in a format: %%%.*s",
                        static_cast<int>(item.size() - text.size() + 1), item.c_str());
  }
  text.remove_prefix(1);
  items_.push_back({std::string(argument), known->at_begin, known->at_end});
  return nullptr;
}

std::string SessionLogFormat::begin(const BegunSession& session) const {
  std::string line;
  for (std::size_t number = 0; number < items_.size(); ++number) {
    const Item& item = items_[number];
    if (item.at_begin != nullptr) {
      std::string value = item.at_begin(session, item.text);
      std::replace(value.begin(), value.end(), open_mark, '?');  // whoever it may come from
      line += value;
    } else if (item.at_end != nullptr) {
      line.append({open_mark, static_cast<char>(number)});
    } else {
      line += item.text;
    }
  }
  line.shrink_to_fit();
  return line;
}

std::string SessionLogFormat::finish(std::string_view begun, const EndedSession& session) const {
  std::string line;
  for (std::size_t i = 0; i < begun.size(); ++i) {
    if (begun[i] != open_mark) {
      line += begun[i];
      continue;
    }
    const Item& item = items_[static_cast<unsigned char>(begun[++i])];
    line += item.at_end(session, item.text);
  }
  return line += '\n';
}

}  // namespace mod_ws::httpd
